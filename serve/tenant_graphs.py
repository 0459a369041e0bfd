"""The graphs of tenants as the models read them, kept where they are asked about and read anew when they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from threading import Lock
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from assessment.learned import CoChanging, Prepared
from domain.errors import NotFound
from domain.resource import resource_key
from domain.tenancy import TenantId
from graph.stores.contract import NO_RESOURCE_TODO
from serve.arms import Arms, Model
from serve.prediction_watch import Histories, PredictionWatch
from training.predictor import Predictor
from training.quality import WeekTold, judged_rows
from training.scoring import Graph
from training.task import NODE_TASKS, Task

KEPT_MAX: Final = 16
CALIBRATED_WEEKS: Final = 12
LOCKS: Final = 16
FRESH_S: Final = 1.0
"""For so long a graph answers for single resources without its shard being asked whether it has changed."""
FRESH_SHARE: Final = 0.05
"""One that takes long to read answers longer, so that reading takes no more than this share of the time,"""
FRESH_S_MAX: Final = 300.0
"""but never longer than this."""
LEARNED, BASELINE = "learned", "baseline"
Known = tuple[int, datetime]


class Tenants(Histories, Protocol):
    """Where tenants' graphs and outcomes come from: their shards."""

    def prepared_graph(self, tenant: TenantId, *, as_of: datetime, known: Known | None) -> Prepared | None:
        """The tenant's resources; None where they are still those of `known`."""

    def cochanging(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> CoChanging | None:
        """Who may change with a resource; None where it is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class TenantGraph:
    """What is kept of a tenant: its graph, where the model finds it, and the model as calibrated for it.

    Args:
        rows: of the graph, by the ids of resources.
        name: no other graph has it, a later one of the tenant neither.
        fresh_until_s: until when the graph answers for single resources.
    """

    prepared: Prepared
    rows: Mapping[str, int]
    predictor: Predictor
    name: str
    placed: Any
    fresh_until_s: float = float("-inf")

    def row_of(self, resource_id: str) -> int:
        """Where a resource stands.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        row = self.rows.get(resource_key(resource_id))
        if row is None:
            raise NotFound("no such resource", resource_id=resource_id, todo=NO_RESOURCE_TODO)
        return row


class TenantGraphs:
    """Safe for several threads.

    Args:
        watch: knows what came of what a tenant was told.
    """

    def __init__(
        self, arms: Arms, model: Model, tenants: Tenants, watch: PredictionWatch, now_s: Callable[[], float]
    ) -> None:
        self._arms, self._models, self._model = arms, arms.models(), model
        self._tenants, self._watch, self._now_s = tenants, watch, now_s
        self._kept: dict[TenantId, TenantGraph] = {}
        self._lock = Lock()
        self._reading = tuple(Lock() for _ in range(LOCKS))

    def reading(self, tenant: TenantId) -> Lock:
        """Held by whoever reads a tenant's graph, or scores it as a whole."""
        return self._reading[hash(tenant) % LOCKS]

    def at_hand(self, tenant: TenantId, as_of: datetime) -> TenantGraph | None:
        """The graph as it was lately, without waiting for anything; None where it is to be read."""
        kept = self._kept.get(tenant)
        is_fresh = kept is not None and self._now_s() < kept.fresh_until_s and kept.prepared.will_do(as_of)
        return kept if is_fresh else None

    def lately(self, tenant: TenantId, as_of: datetime) -> TenantGraph:
        """The graph as it was lately, or as it is now."""
        with self.reading(tenant):
            return self.at_hand(tenant, as_of) or self._read(tenant, as_of)

    def now(self, tenant: TenantId, as_of: datetime) -> TenantGraph:
        """The graph as it is now."""
        with self.reading(tenant):
            return self._read(tenant, as_of)

    def _read(self, tenant: TenantId, as_of: datetime) -> TenantGraph:
        kept, begun_s = self._kept.get(tenant), self._now_s()
        known = None if kept is None else (kept.prepared.version, kept.prepared.as_of)
        fresh = self._tenants.prepared_graph(tenant, as_of=as_of, known=known)
        if fresh is not None:
            kept = self._placed(tenant, fresh, as_of)
        assert kept is not None, "a shard says that nothing changed only of what it gave before"
        now_s = self._now_s()
        fresh_s = min(max(FRESH_S, (now_s - begun_s) / FRESH_SHARE), FRESH_S_MAX)
        kept = replace(kept, fresh_until_s=max(kept.fresh_until_s, now_s + fresh_s))
        with self._lock:
            self._kept.pop(tenant, None)
            self._kept[tenant] = kept
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return kept

    def _placed(self, tenant: TenantId, fresh: Prepared, as_of: datetime) -> TenantGraph:
        predictor = self._calibrated(tenant, as_of)
        scales = predictor.scales() if predictor.is_calibrated_here else None
        placed = self._model.place(Graph(fresh.values, fresh.relations, scales))
        rows = {uid: row for row, uid in enumerate(fresh.uids)}
        return TenantGraph(fresh, rows, predictor, f"{tenant}/{token_hex(8)}", placed)

    def _calibrated(self, tenant: TenantId, now: datetime) -> Predictor:
        """The tenant's model, calibrated on its own outcomes where there are enough."""
        predictor = self._models[self._arms.of(tenant)]
        found = self._watch.weeks(tenant, now, count=CALIBRATED_WEEKS)
        weeks = [one.week for one in found if (one.told.model, one.told.source) == (predictor.manifest.model, LEARNED)]
        return predictor.calibrated_for(_outcomes(weeks), weeks=len(weeks)) if weeks else predictor


def _outcomes(weeks: Sequence[WeekTold]) -> dict[Task, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """For each task logits that were told and what came, where it is known and nobody prevented it."""
    rows = {task: judged_rows(weeks, at) for at, task in enumerate(NODE_TASKS)}
    return {task: (found.scores, found.labels) for task, found in rows.items()}
