"""Where a platform keeps what belongs to a tenant: one folder each, so that a path names at most one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import ConflictError
from domain.tenancy import PLATFORM, TenantId

DEFAULT_TENANT: Final = TenantId("default")
DRIFT: Final = "drift"
"""Folder of a tenant's drift."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one platform.

    Args:
        store: everything that is private.
        evidence: where `home`'s evidence is published instead of below the store.
        origin_prefix: first part of every log's origin.
        evidence_url: object store where every tenant's evidence is published instead, a folder each.
        journal_url: object store of the journal, instead of files in `chain`.
        storage_config: TOML file of the object stores' options.
        policy_keys: file of the keys that sign bundles of policies; without one, no signature is asked for.
    """

    store: Path
    evidence: Path | None = None
    home: TenantId = DEFAULT_TENANT
    origin_prefix: str = "policycortex.local"
    evidence_url: str | None = None
    journal_url: str | None = None
    storage_config: Path | None = None
    policy_keys: Path | None = None

    def graph(self, tenant: TenantId) -> Path:
        """The tenant's graph store."""
        return self.store / "tenants" / tenant

    def tenants(self) -> tuple[TenantId, ...]:
        """Every tenant that has a folder here."""
        return tuple(sorted(TenantId(path.name) for path in self.store.glob("tenants/*") if path.is_dir()))

    def live_graph(self, tenant: TenantId) -> Path:
        """The tenant's graph as it is in memory, saved; nothing is lost with it."""
        return self.graph(tenant) / "live"

    def scans(self, tenant: TenantId) -> Path:
        """The tenant's scan documents."""
        return self.graph(tenant) / "scans"

    def policies(self, tenant: TenantId) -> Path:
        """The tenant's bundles of policies."""
        return self.graph(tenant) / "policies"

    def billing(self, tenant: TenantId) -> Path:
        """The tenant's billing rows."""
        return self.graph(tenant) / "billing"

    def whatif(self, tenant: TenantId) -> Path:
        """The tenant's projections."""
        return self.graph(tenant) / "whatif"

    def savings(self, tenant: TenantId) -> Path:
        """The tenant's ledger of savings."""
        return self.graph(tenant) / "savings"

    def drift(self, tenant: TenantId) -> Path:
        """The tenant's baselines, drifts and webhooks."""
        return self.graph(tenant) / DRIFT

    def predictions(self, tenant: TenantId) -> Path:
        """What was predicted of the tenant's resources, by day."""
        return self.graph(tenant) / "predictions"

    @property
    def models(self) -> Path:
        """Versions of the prediction model, which all tenants share."""
        return self.store / "models"

    @property
    def chain(self) -> Path:
        """What the writer of all evidence logs alone sees: journal, keys, lock."""
        return self.store / "chain"

    @property
    def report_keys(self) -> Path:
        """The key that signs reports, and its certificate."""
        return self.store / "report_keys"

    def privacy(self, tenant: TenantId) -> Path:
        """Keys of the persons that the tenant's evidence speaks of; whoever keeps copies must discard them in time."""
        return self.graph(tenant) / "privacy"

    def read_models(self, tenant: TenantId) -> Path:
        """What is derived of the tenant's evidence; nothing is lost with it."""
        return self.graph(tenant) / "read_models"

    def evidence_of(self, tenant: TenantId) -> Path:
        """Where a tenant's logs are published, a folder a year; the default tenant's lie at the top of the store."""
        if self.evidence is not None and tenant == self.home:
            return self.evidence
        if tenant == DEFAULT_TENANT:
            return self.store / "evidence"
        return self.store / "platform-log" if tenant == PLATFORM else self.graph(tenant) / "evidence"

    def require_present_layout(self) -> None:
        """Raise where a store still has the journals that each tenant had of its own.

        Raises:
            ConflictError: it has, so its evidence would be missing from what is opened here.
        """
        former = sorted(self.store.glob("tenants/*/log/journal"))
        if former:
            raise ConflictError(
                "evidence was written in the layout of an earlier version",
                path=str(former[0]),
                logs=len(former),
                todo=(
                    "Verify the published folder of each of these logs (pcg verify), keep it, and move it and the log "
                    f"folder ({former[0].parent}) out of the store; new evidence then begins a new log"
                ),
            )
