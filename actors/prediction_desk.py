"""A tenant's graph and history as the prediction model reads them, made at most once an hour for a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from assessment.learned import CoChanging, LiveHistory, Looked, Prepared, cochanging, looked, prepared, settled
from assessment.tenant_history import known_of, tenant_timeline, timeline_of
from graph.stores.contract import GraphStore
from training.activity import Prior
from training.outcomes import WEEK, Deed, Settled


class PredictionDesk:
    """For one thread at a time.

    Args:
        prior: what types did in the histories that the served model learned from.
    """

    def __init__(self, prior: Callable[[], Prior], store: GraphStore | None = None) -> None:
        self.store, self._prior = store, prior
        self._kept: Prepared | None = None
        self._looked: Looked | None = None

    def prepared(self, as_of: datetime) -> Prepared:
        """Resources with features and relations, as of the latest full hour or a change since."""
        version = self._open.version()
        kept = self._kept
        if kept is None or kept.version != version or not kept.will_do(as_of):
            timeline = tenant_timeline(self._open, end=as_of)
            kept = self._kept = prepared(timeline, self._prior(), as_of=as_of, version=version)
            self._looked = None
        return kept

    def cochanging(self, uid: str, as_of: datetime) -> CoChanging | None:
        """Who may change with a resource; None where it is not there. The past is kept from the first question on."""
        kept = self.prepared(as_of)
        if self._looked is None:
            timeline = tenant_timeline(self._open, end=kept.as_of)
            self._looked = looked(timeline, self._prior(), as_of=kept.as_of)
        return cochanging(self._looked, uid, as_of=kept.as_of, version=kept.version)

    def settled(self, cutoffs: Sequence[datetime], deeds: Sequence[Deed], *, now: datetime) -> dict[datetime, Settled]:
        """What followed instants whose seven days are over."""
        past = [at for at in cutoffs if at + WEEK <= now]
        if not past:
            return {}
        found = self.history(now)
        return settled(found.timeline, past, found.known, deeds)

    def history(self, now: datetime) -> LiveHistory:
        """Everything that the store knows, and of which instants it knows it."""
        archive = self._open.archive()
        return LiveHistory(timeline_of(archive, self._open, end=now), known_of(archive, now=now))

    @property
    def _open(self) -> GraphStore:
        assert self.store is not None, "a desk is given its tenant's store before it is asked"
        return self.store
