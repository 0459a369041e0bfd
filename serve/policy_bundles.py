"""Policies as code, as JSON rows: over handles here; `serve.remote_bundles` has the same face over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from actors.handles import Handle
from actors.messages import AssignmentChange, BundleOrder
from actors.tenant_shard import TenantShard
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import TenantId

Row = Mapping[str, Any]
DEADLINE_S: Final = 900.0


class BundlesFace(Protocol):
    """What commands ask of bundles, here or over HTTP."""

    def check(self, order: BundleOrder) -> Row:
        """Run a bundle's tests: every example, and whether every policy that is assigned runs."""

    def plan(self, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change, and with `tries` which resources change state."""

    def apply(self, order: BundleOrder) -> Row:
        """Put a bundle in force, all of it or nothing; the row names the revision and the entry that records it.

        Raises:
            AccessDenied: no trusted key signed it.
            ConflictError: its plan was made against another state.
            InputError: its tests fail.
        """

    def roll_back(self, tenant: TenantId, revision: int, *, by: str, at: datetime) -> Row:
        """Put the bundle of an earlier revision in force again."""

    def history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision, newest first: the first one is in force."""

    def what_if(self, change: AssignmentChange) -> Row:
        """Which resources a change of assignments would give another state; nothing is changed."""


class PolicyBundles:
    """Bundles of a platform whose actors are reached through handles."""

    def __init__(
        self,
        shard_of: Callable[[TenantId], Handle[TenantShard]],
        record: Callable[[Sequence[EvidenceEvent]], Sequence[Receipt]],
    ) -> None:
        self._shard_of = shard_of
        self._record = record

    def check(self, order: BundleOrder) -> Row:
        """Run a bundle's tests."""
        return self._shard(order.tenant).call(TenantShard.check_bundle, order.tenant, order)

    def plan(self, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change."""
        return self._shard(order.tenant).call(TenantShard.plan_bundle, order.tenant, order, tries=tries)

    def apply(self, order: BundleOrder) -> Row:
        """Check, record, put in force: in this order, so that nothing is in force that no entry records."""
        return self._applied(order, None)

    def roll_back(self, tenant: TenantId, revision: int, *, by: str, at: datetime) -> Row:
        """Put the bundle of an earlier revision in force again."""
        return self._applied(BundleOrder(tenant, {}, at, by=by), revision)

    def history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision, newest first."""
        return self._shard(tenant).call(TenantShard.bundle_history, tenant)

    def what_if(self, change: AssignmentChange) -> Row:
        """Which resources a change of assignments would give another state."""
        return self._shard(change.tenant).call(TenantShard.what_if, change.tenant, change)

    def _applied(self, order: BundleOrder, rollback_to: int | None) -> Row:
        shard = self._shard(order.tenant)
        decided = shard.call(TenantShard.decide_bundle, order.tenant, order, rollback_to)
        evidence_id = "" if decided.event is None else str(self._record([decided.event])[0].id)
        return shard.call(TenantShard.commit_bundle, order.tenant, decided, evidence_id)

    def _shard(self, tenant: TenantId) -> Handle[TenantShard]:
        return self._shard_of(tenant).within(DEADLINE_S)
