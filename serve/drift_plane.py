"""Drift as the platform answers it: asked of the shard that has the tenant, with what changed recorded as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from actors.drift_pages import DriftPage, DriftQuery
from actors.handles import Handle
from actors.tenant_shard import TenantShard
from domain.drift import AuditEntry, Baseline
from domain.evidence import EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

DEADLINE_S: Final = 300.0
BATCH: Final = 1_000


class DriftPlane:
    """Speaks to shards.

    Args:
        shard: the one that has a tenant.
        collect: records evidence.
    """

    def __init__(
        self,
        shard: Callable[[TenantId], Handle[TenantShard]],
        collect: Callable[[Sequence[EvidenceEvent]], object],
    ) -> None:
        self._shard = shard
        self._collect = collect

    def baselines(self, tenant: TenantId) -> tuple[dict[str, Json], ...]:
        """What is declared."""
        return self._shard(tenant).call(TenantShard.drift_baselines, tenant)

    def declare(self, tenant: TenantId, baselines: Sequence[Baseline], at: datetime) -> int:
        """Keep baselines in the place of those of their names; how many drifts that changed."""
        shard = self._shard(tenant).within(DEADLINE_S)
        return self._record(shard.call(TenantShard.declare_baselines, tenant, baselines, at))

    def withdraw(self, tenant: TenantId, name: str, at: datetime) -> int:
        """Forget a baseline; how many drifts that changed."""
        shard = self._shard(tenant).within(DEADLINE_S)
        return self._record(shard.call(TenantShard.withdraw_baseline, tenant, name, at))

    def blame(self, tenant: TenantId, entries: Sequence[AuditEntry], at: datetime) -> int:
        """Take audit entries; how many drifts learnt from them."""
        shard = self._shard(tenant).within(DEADLINE_S)
        return self._record(shard.call(TenantShard.blame_drift, tenant, entries, at))

    def check(self, tenant: TenantId, at: datetime) -> int:
        """Compare everything anew; how many drifts that changed."""
        return self._record(self._shard(tenant).within(DEADLINE_S).call(TenantShard.check_drift, tenant, at))

    def active(self, tenant: TenantId, query: DriftQuery, at: datetime) -> DriftPage:
        """A page of the open drifts."""
        return self._shard(tenant).within(DEADLINE_S).call(TenantShard.active_drift, tenant, query, at)

    def look(self, tenant: TenantId, at: datetime) -> None:
        """Have the shard compare what it may not have compared, as after it was started again."""
        self.active(tenant, DriftQuery(limit=1), at)

    def drift(self, tenant: TenantId, drift_id: str) -> dict[str, Json]:
        """One open drift."""
        return self._shard(tenant).call(TenantShard.drift, tenant, drift_id)

    def _record(self, events: Sequence[EvidenceEvent]) -> int:
        for start in range(0, len(events), BATCH):
            self._collect(events[start : start + BATCH])
        return len(events)
