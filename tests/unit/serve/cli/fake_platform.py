"""A platform that answers from a document, for tests of what the command line makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from actors.messages import (
    Progress,
    ScanFacts,
    ScanProgress,
    ScanRequest,
    ScanResult,
    ScanStage,
    SimulationRequest,
    SimulationResult,
)
from domain.errors import NotFound
from domain.finding import Severity
from domain.tenancy import TenantId
from domain.value import Json
from tests.unit.serve.scan_documents import full_document


def facts(**changes: Any) -> ScanFacts:
    values = {
        "readable": 10,
        "gaps": 0,
        "violations": {Severity.HIGH: 2, Severity.LOW: 1},
        "new_violations": {Severity.LOW: 1},
    }
    return ScanFacts(**{**values, **changes})


@dataclass
class FakePlatform:
    """Implements `PlatformFace`."""

    document: dict[str, Any] = field(default_factory=full_document)
    facts: ScanFacts = field(default_factory=facts)
    error: BaseException | None = None
    requests: list[ScanRequest] = field(default_factory=list)
    is_closed: bool = False

    def scan(self, request: ScanRequest, progress: Progress | None = None) -> ScanResult:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        if progress is not None:
            for stage in ScanStage:
                progress(ScanProgress(stage, 1, 2, "azure.ndjson"))
        return ScanResult("scan-1", self.document, self.facts)

    def violations(
        self, tenant: TenantId, *, severity: Severity | None = None, only_new: bool = False, type: str | None = None
    ) -> tuple[Mapping[str, Json], ...]:
        return tuple(
            entry
            for entry in self.document["violations"]
            if (severity is None or Severity(entry["severity"]).rank <= severity.rank)
            and (not only_new or entry["is_new"])
            and type in {None, entry["resource_type"]}
        )

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Mapping[str, Json]:
        if not any(entry["resource_id"] == resource_id for entry in self.document["violations"]):
            raise NotFound("no such resource", resource_id=resource_id, todo="Run: pcg violations")
        return {
            "resource_id": resource_id,
            "policy_id": policy_id,
            "verdict": "compliant",
            "origin": {"file": "a.json", "line": 1},
            "conditions": [],
        }

    def import_definitions(
        self, tenant: TenantId, path: Path, *, aliases: Sequence[Path] = ()
    ) -> tuple[Mapping[str, Json], ...]:
        return ({"id": "a", "name": "A", "class": "per_resource", "state": "runs", "reason": None},)

    def policies(self, tenant: TenantId) -> tuple[Mapping[str, Json], ...]:
        row = {"severity": "high", "origin": "builtin", "title": "T", "reason": None}
        return ({"id": "a", "state": "runs", **row}, {"id": "b", "state": "error", **row})

    def policy(self, tenant: TenantId, policy_id: str) -> Mapping[str, Json]:
        return {"id": policy_id, "properties": {}}

    def simulate(self, request: SimulationRequest) -> SimulationResult:
        raise NotFound("no simulation here")

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
