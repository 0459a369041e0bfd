"""Drift, as part of the owner of the graphs: what callers ask and say of a tenant's baselines and drifts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from actors.drift_desk import DriftDesk
from actors.drift_pages import DriftPage, DriftQuery
from domain.drift import AuditEntry, Baseline
from domain.evidence import EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

Events = tuple[EvidenceEvent, ...]
"""What changed, for the caller to record."""


class DriftFace:
    """Asks and tells the desk of a tenant."""

    def _at_desk(self, tenant: TenantId, *, is_change: bool = False) -> AbstractContextManager[DriftDesk]:
        """The tenant's desk, for a question or a change."""
        raise NotImplementedError

    def drift_baselines(self, tenant: TenantId) -> tuple[dict[str, Json], ...]:
        """What is declared, in order of name."""
        with self._at_desk(tenant) as desk:
            return desk.baselines()

    def declare_baselines(self, tenant: TenantId, baselines: Sequence[Baseline], at: datetime) -> Events:
        """Keep baselines, and compare everything with them."""
        with self._at_desk(tenant, is_change=True) as desk:
            return desk.declare(baselines, at)

    def withdraw_baseline(self, tenant: TenantId, name: str, at: datetime) -> Events:
        """Forget a baseline.

        Raises:
            NotFound: there is none of that name.
        """
        with self._at_desk(tenant, is_change=True) as desk:
            return desk.withdraw(name, at)

    def blame_drift(self, tenant: TenantId, entries: Sequence[AuditEntry], at: datetime) -> Events:
        """Take audit entries."""
        with self._at_desk(tenant, is_change=True) as desk:
            return desk.blame(entries, at)

    def check_drift(self, tenant: TenantId, at: datetime) -> Events:
        """Compare everything anew."""
        with self._at_desk(tenant, is_change=True) as desk:
            return desk.check(at)

    def active_drift(self, tenant: TenantId, query: DriftQuery, at: datetime) -> DriftPage:
        """A page of the open drifts."""
        with self._at_desk(tenant, is_change=True) as desk:
            return desk.active(query, at)

    def drift(self, tenant: TenantId, drift_id: str) -> dict[str, Json]:
        """One open drift.

        Raises:
            NotFound: there is none with that id.
        """
        with self._at_desk(tenant) as desk:
            return desk.drift(drift_id)
