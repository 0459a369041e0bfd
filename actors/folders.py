"""Where a platform keeps what belongs to a tenant: one folder each, so that a path names at most one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.tenancy import TenantId

DEFAULT_TENANT: Final = TenantId("default")


@dataclass(frozen=True, slots=True)
class LogPlace:
    """An evidence log: what strangers get, what only its owner sees, and its name in checkpoints."""

    directory: Path
    state_directory: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one platform.

    Args:
        store: everything that is private.
        evidence: where `home`'s evidence is published instead of below the store.
        origin_prefix: first part of every log's origin.
    """

    store: Path
    evidence: Path | None = None
    home: TenantId = DEFAULT_TENANT
    origin_prefix: str = "policycortex.local"

    def graph(self, tenant: TenantId) -> Path:
        """The tenant's graph store."""
        return self.store / "tenants" / tenant

    def scans(self, tenant: TenantId) -> Path:
        """The tenant's scan documents."""
        return self.graph(tenant) / "scans"

    def log(self, tenant: TenantId) -> LogPlace:
        """The tenant's evidence log; the default tenant's lies at the top of the store, easy to find."""
        if self.evidence is not None and tenant == self.home:
            directory = self.evidence
        elif tenant == DEFAULT_TENANT:
            directory = self.store / "evidence"
        else:
            directory = self.graph(tenant) / "evidence"
        return LogPlace(directory, self.graph(tenant) / "log", f"{self.origin_prefix}/{tenant}")
