"""Policies, as part of the owner of the graphs: definitions, bundles, and what changes of them would do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.messages import BUILTIN, IMPORTED, AssignmentChange, BundleOrder
from actors.policy_catalogue import find_definition, unchecked_definitions
from actors.policy_desk import Decided
from actors.tenant_face import TenantFace
from actors.views import Row, definition_row, policy_row, unchecked_row
from domain.tenancy import TenantId


class PolicyFace(TenantFace):
    """Asks and changes a tenant's policies."""

    def import_definitions(self, tenant: TenantId, path: Path, aliases: Sequence[Path]) -> tuple[Row, ...]:
        """Import definitions, with the aliases that they need; one row each. Those that are valid are kept."""
        with self._changing(tenant) as state:
            return state.policies.take_in(path, aliases)

    def policies(self, tenant: TenantId) -> tuple[Row, ...]:
        """Built-in and imported policies, in order of id."""
        with self._asking(tenant) as state:
            judging = [policy_row(policy) for policy in state.policies.of((BUILTIN, IMPORTED))]
            unchecked = unchecked_definitions(state.policies.definitions(), state.policies.alias_table())
        return tuple(sorted([*judging, *map(unchecked_row, unchecked)], key=lambda row: str(row["id"])))

    def definition(self, tenant: TenantId, policy_id: str) -> Row:
        """One policy's definition.

        Raises:
            NotFound: this tenant has no such policy.
        """
        with self._asking(tenant) as state:
            return definition_row(*find_definition(policy_id, state.policies.definitions()))

    def check_bundle(self, tenant: TenantId, order: BundleOrder) -> Row:
        """Run the tests of a bundle of policies."""
        with self._asking(tenant) as state:
            return state.desk.check(order)

    def plan_bundle(self, tenant: TenantId, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change, and with `tries` on which resources."""
        with self._settled(tenant) as state:
            return state.desk.plan(order, tries=tries)

    def what_if(self, tenant: TenantId, change: AssignmentChange) -> Row:
        """What a change of assignments would do to the resources of the graph."""
        with self._settled(tenant) as state:
            return state.desk.what_if(change)

    def decide_bundle(self, tenant: TenantId, order: BundleOrder, rollback_to: int | None) -> Decided:
        """First step of applying a bundle, or of going back to a revision: check it. The caller records the event."""
        with self._asking(tenant) as state:
            return state.desk.decide(order) if rollback_to is None else state.desk.decide_rollback(order, rollback_to)

    def commit_bundle(self, tenant: TenantId, decided: Decided, evidence_id: str) -> Row:
        """Second step: put it in force."""
        with self._changing(tenant) as state, state.lock:
            row = state.desk.commit(decided, evidence_id)
            state.policies_changed()
        return row

    def bundle_history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision of the policies in force, newest first."""
        with self._asking(tenant) as state:
            return state.desk.history()
