"""A tenant's graph and history as the prediction model reads them, made at most once an hour for a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from assessment.learned import CameTrue, Prepared, came_true, prepared
from assessment.tenant_history import tenant_timeline
from graph.stores.contract import GraphStore
from training.activity import Prior


class PredictionDesk:
    """For one thread at a time.

    Args:
        prior: what types did in the histories that the served model learned from.
    """

    def __init__(self, prior: Callable[[], Prior], store: GraphStore | None = None) -> None:
        self.store, self._prior = store, prior
        self._kept: Prepared | None = None

    def prepared(self, as_of: datetime) -> Prepared:
        """Resources with features and relations, as of the latest full hour or a change since."""
        version = self._open.version()
        hour = as_of.replace(minute=0, second=0, microsecond=0)
        kept = self._kept
        if kept is None or kept.version != version or not hour <= kept.as_of <= as_of:
            timeline = tenant_timeline(self._open, end=as_of)
            kept = self._kept = prepared(timeline, self._prior(), as_of=as_of, version=version)
        return kept

    def came_true(self, cutoffs: Sequence[datetime], *, now: datetime) -> dict[datetime, CameTrue]:
        """What followed instants whose seven days are over."""
        past = [at for at in cutoffs if at + timedelta(days=7) <= now]
        return came_true(tenant_timeline(self._open, end=now), past) if past else {}

    @property
    def _open(self) -> GraphStore:
        assert self.store is not None, "a desk is given its tenant's store before it is asked"
        return self.store
