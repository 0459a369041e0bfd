"""The policies that one tenant is judged by: built in, imported, and those of the bundle in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.folders import Folders
from actors.imported_aliases import ImportedAliases
from actors.messages import APPLIED, SimulationRequest
from actors.policy_catalogue import Chosen, chosen_policies, find_policy, inline_policy
from actors.policy_ledger import PolicyLedger
from actors.tenant_store import TenantStore
from assessment.inputs import AssessedPolicy
from domain.errors import NotFound
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.contract import StoredDefinition
from policy.aliases import AliasTable
from policy.corpus import import_definitions


class TenantPolicies:
    """Safe for several threads.

    Args:
        changed: called under the store's lock when other policies judge than before.
    """

    def __init__(self, tenant: TenantId, folders: Folders, store: TenantStore, changed: Callable[[], None]) -> None:
        self._store, self._changed = store, changed
        self._aliases = ImportedAliases(folders.graph(tenant) / "aliases.json")
        self.ledger = PolicyLedger(folders.policies(tenant))

    def take_in(self, path: Path, aliases: Sequence[Path]) -> tuple[dict[str, Any], ...]:
        """Import definitions, with the aliases that they need; one row each. Those that are valid are kept."""
        table = self.alias_table().with_files(list(aliases))
        report = import_definitions(path, table)
        kept = [row for row in report.rows if row.state != "invalid"]
        documents = {row.id: report.documents[row.id] for row in kept}
        stored = [
            StoredDefinition(row.id, document, str(path), row.state)
            for row in kept
            if isinstance(document := documents[row.id], dict)
        ]
        with self._store.lock:
            self._aliases.keep(documents.values(), table)
            self._store.open().save_definitions(stored)
            self._changed()
        return tuple(row.as_json() for row in report.rows)

    def definitions(self) -> tuple[StoredDefinition, ...]:
        """Imported definitions."""
        with self._store.lock:
            return self._store.open().definitions()

    def alias_table(self) -> AliasTable:
        """Built-in and imported aliases."""
        return self._aliases.table()

    def of(self, sources: Sequence[str]) -> tuple[AssessedPolicy, ...]:
        """The policies of some sources, in order of id."""
        return self.chosen(sources).policies

    def chosen(self, sources: Sequence[str], aliases: Sequence[str] = ()) -> Chosen:
        """The policies of some sources, and the exemptions that came with their assignments."""
        table = self.alias_table().with_files(list(aliases))
        return chosen_policies(sources, self.definitions(), table, self.ledger.policies())

    def find(self, policy_id: str, parameters: Mapping[str, Json] | None = None) -> AssessedPolicy:
        """A policy of the bundle in force, built in or imported, or one that the last scan read from a file.

        Raises:
            NotFound: no such policy.
        """
        assigned = () if parameters else self.of((APPLIED,))
        for known in assigned:
            if known.policy_id.casefold() == policy_id.casefold():
                return known
        try:
            return find_policy(policy_id, self.definitions(), self.alias_table(), parameters or {})
        except NotFound:
            found = [policy for policy in self._of_last_scan() if policy.policy_id == policy_id]
            if not found:
                raise
            return found[0]

    def asked_about(self, request: SimulationRequest) -> AssessedPolicy:
        """The policy that a scenario names, or brings along.

        Raises:
            NotFound: no such policy.
        """
        if isinstance(request.policy, str):
            return self.find(request.policy, request.parameters)
        return inline_policy(dict(request.policy), self.alias_table(), request.parameters)

    def _of_last_scan(self) -> tuple[AssessedPolicy, ...]:
        with self._store.lock:
            scans = self._store.open().scans()
        sources = scans[-1].summary.get("policies") if scans else None
        paths = [str(source) for source in sources if Path(str(source)).exists()] if isinstance(sources, list) else []
        return self.of(paths) if paths else ()
