"""What every command can ask of a platform, whether it is in this process or reached over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from actors.evidence_pages import EvidenceQuery
from actors.log_custody import CustodyOrder
from actors.messages import Progress, ScanRequest, ScanResult, SimulationRequest, SimulationResult
from domain.evidence import EntryId
from domain.finding import Severity
from domain.tenancy import TenantId
from domain.value import Json
from serve.log_operations import LogsFace
from serve.policy_bundles import BundlesFace

if TYPE_CHECKING:
    from actors.impact_desk import Question


class PlatformFace(Protocol):
    """A platform as the command line and the jobs use it. Documents are JSON as HTTP callers would get it."""

    def scan(self, request: ScanRequest, progress: Progress | None = None) -> ScanResult:
        """Run the main job.

        Raises:
            InputError: nothing is readable, or a policy, alias or exemption file is not valid.
        """

    def violations(
        self, tenant: TenantId, *, severity: Severity | None = None, only_new: bool = False, type: str | None = None
    ) -> tuple[Mapping[str, Json], ...]:
        """The last scan's violations as its document has them, worst first; `severity` and worse.

        Raises:
            NotFound: this tenant has no scan yet.
        """

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Mapping[str, Json]:
        """Why a policy judges a resource as it does, leaf by leaf.

        Raises:
            NotFound: no such resource or policy for this tenant.
        """

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Mapping[str, Json]:
        """What a failure takes down, what depends on what, in which order things can go, and what there is to draw.

        Raises:
            NotFound: no such resource, zone or region for this tenant.
            InputError: a bound is passed.
        """

    def import_definitions(
        self, tenant: TenantId, path: Path, *, aliases: Sequence[Path] = ()
    ) -> tuple[Mapping[str, Json], ...]:
        """Import policies and keep those that compile: one row per id with class, state and reason."""

    def policies(self, tenant: TenantId) -> tuple[Mapping[str, Json], ...]:
        """Built-in and imported policies, in order of id: id, origin, severity, title, state."""

    def policy(self, tenant: TenantId, policy_id: str) -> Mapping[str, Json]:
        """One policy's whole definition.

        Raises:
            NotFound: no such policy for this tenant.
        """

    def simulate(self, request: SimulationRequest) -> SimulationResult:
        """Run one scenario to its end."""

    def log_status(self, tenant: TenantId) -> tuple[Mapping[str, Json], ...]:
        """The tenant's logs, oldest first: what is recorded and what is published."""

    def publish_log(self, tenant: TenantId) -> tuple[Mapping[str, Json], ...]:
        """Seal and publish what is new; then as `log_status`."""

    def evidence_entry(self, tenant: TenantId, entry_id: EntryId) -> Mapping[str, Json]:
        """One entry as recorded, with its hashes in both trees.

        Raises:
            NotFound: the tenant has no such entry.
        """

    def evidence_rows(self, tenant: TenantId, query: EvidenceQuery) -> tuple[Mapping[str, Json], ...]:
        """The newest evidence that fits, as many rows as the query's limit says."""

    def log_keys(self, tenant: TenantId) -> tuple[Mapping[str, Json], ...]:
        """The keys of the tenant's, or the platform's, logs; for operators."""

    def keep_keys(self, tenant: TenantId, order: CustodyOrder) -> tuple[Mapping[str, Json], ...]:
        """Rotate keys, end an overlap or freeze a log, for operators; then as `log_keys`.

        Raises:
            InputError: a freeze that is not confirmed, or a reason or role that is not valid.
            ConflictError: an overlap cannot end yet, or there is none.
        """

    @property
    def logs(self) -> LogsFace:
        """What operators do with the logs."""

    @property
    def bundles(self) -> BundlesFace:
        """Policies as code: tested, planned, applied, rolled back."""

    def close(self) -> None:
        """Let go of stores and connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
