"""Compliance for a command: asked here, or of the platform that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from domain.clock import SystemClock
from domain.evidence import EntryId
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from assessment.compliance_document import GapKind
    from serve.compliance import ComplianceService, OscalDocument, Question
    from serve.findings_export import FindingsFormat
    from serve.settings import Settings

Row = Mapping[str, Any]
PAGE = 10_000


class ComplianceDesk(Protocol):
    """Where compliance is to be had. Rows are as the HTTP routes have them, all pages together."""

    def coverage(self, question: Question) -> Row:
        """Frameworks in figures; of one that is named also its groups and controls."""

    def gaps(self, question: Question, kind: GapKind | None) -> Row:
        """Controls with a gap."""

    def map_policy(self, tenant: TenantId, policy: str | Mapping[str, Json], *, confidence_min: float) -> Row:
        """Controls that a policy may serve."""

    def map_evidence(self, tenant: TenantId, entry_id: EntryId, *, confidence_min: float) -> Row:
        """Controls that an entry of the log may be evidence for."""

    def oscal(self, question: Question, kind: OscalDocument) -> bytes:
        """One framework as an OSCAL document."""

    def findings(self, tenant: TenantId, chosen: FindingsFormat, *, framework: str | None = None) -> bytes:
        """The last scan's violations, open and exempt, as a file."""

    def add_mappings(self, tenant: TenantId, paths: Sequence[Path], described_by: Sequence[Path]) -> Row:
        """Import initiatives and compliance files."""


@contextmanager
def open_compliance(settings: Settings) -> Iterator[ComplianceDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415 (each side loads its own)

    running = find_running(settings)
    if running is None:
        with _local(settings) as service:
            yield service
    else:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        with RemotePlatform(running) as platform:
            yield platform.compliance


@dataclass(frozen=True, slots=True)
class RemoteCompliance:
    """A desk reached over HTTP."""

    get: Callable[[TenantId, str], dict[str, Any]]
    change: Callable[[TenantId, str, Mapping[str, Json]], dict[str, Any]]
    fetch: Callable[[TenantId, str], bytes]

    def coverage(self, question: Question) -> Row:
        """Frameworks in figures, with all pages of controls."""
        return self._all(question, "/compliance/coverage", "controls", {})

    def gaps(self, question: Question, kind: GapKind | None) -> Row:
        """Controls with a gap, all pages."""
        return self._all(question, "/compliance/gaps", "gaps", {} if kind is None else {"kind": kind.value})

    def map_policy(self, tenant: TenantId, policy: str | Mapping[str, Json], *, confidence_min: float) -> Row:
        """Controls that a policy may serve, by what is known there."""
        asked: dict[str, Json] = {"policy": policy if isinstance(policy, str) else dict(policy)}
        return self.change(tenant, "/compliance/map", {**asked, "confidence_min": confidence_min})

    def map_evidence(self, tenant: TenantId, entry_id: EntryId, *, confidence_min: float) -> Row:
        """Controls that an entry of the log there may be evidence for."""
        return self.change(tenant, "/compliance/map", {"evidence": str(entry_id), "confidence_min": confidence_min})

    def add_mappings(self, tenant: TenantId, paths: Sequence[Path], described_by: Sequence[Path]) -> Row:
        """Import there; paths are of that machine, relative ones are made absolute here."""
        body: dict[str, Json] = {
            "paths": [str(path.absolute()) for path in paths],
            "described_by": [str(path.absolute()) for path in described_by],
        }
        return self.change(tenant, "/compliance/mappings", body)

    def oscal(self, question: Question, kind: OscalDocument) -> bytes:
        """One framework as an OSCAL document, made there."""
        asked = {"document": kind.value, "age_days": str(question.age_max.days), "framework": question.framework or ""}
        return self.fetch(question.tenant, f"/compliance/oscal?{urlencode(asked)}")

    def findings(self, tenant: TenantId, chosen: FindingsFormat, *, framework: str | None = None) -> bytes:
        """The violations of the last scan there, as a file."""
        asked = {"format": chosen.value} | ({} if framework is None else {"framework": framework})
        return self.fetch(tenant, f"/findings?{urlencode(asked)}")

    def _all(self, question: Question, path: str, rows: str, query: Mapping[str, str]) -> Row:
        asked = {**query, "age_days": str(question.age_max.days), "limit": str(PAGE)}
        asked |= {"framework": question.framework} if question.framework is not None else {}
        found = self.get(question.tenant, f"{path}?{urlencode(asked)}")
        while (cursor := found.pop("next_cursor")) is not None:
            page = self.get(question.tenant, f"{path}?{urlencode({**asked, 'cursor': cursor})}")
            found[rows] += page[rows]
            found["next_cursor"] = page["next_cursor"]
        return found


@contextmanager
def _local(settings: Settings) -> Iterator[ComplianceService]:
    from serve.bootstrap import folders_of, local_platform  # noqa: PLC0415
    from serve.compliance import ComplianceService  # noqa: PLC0415

    with local_platform(settings) as platform:
        yield ComplianceService(platform, folders_of(settings), SystemClock())
