"""What-if for a command, HTTP callers and jobs: read where things are, draw the paths, keep and record the result.

A result is a file of the tenant's folder, so that every replica of the platform reads it; it is recorded as evidence
before it can be read, so that no decision rests on a figure that could still change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from actors.folders import Folders
from actors.messages import Progress, ScanProgress, ScanStage, ScenarioKind, SimulationRequest
from assessment.projection_summary import summary
from assessment.spend import Money
from assessment.whatif import PATHS_MAX, PolicyAction, PolicyChange, Range, Scenario, require_names
from assessment.whatif_document import comparison, evidence_event, whatif_document
from assessment.whatif_world import Compliance, frameworks_of, policies_of, predicted_of, start
from chain.durable import make_private_directory, replace_file
from cost.billing.query import Measure
from cost.billing.rates import read_rates
from domain.errors import InputError, IntegrityError, NotFound
from domain.finding import Severity
from domain.tenancy import TenantId
from serve.costs import billing_store, rates_file

if TYPE_CHECKING:
    from serve.platform import Platform

PATHS: Final = 10_000
DEADLINE_S: Final = 300.0
KEPT_MAX: Final = 500
KIND: Final = "whatif"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WhatIfRequest:
    """One projection.

    Args:
        losses: what an open violation is expected to lose a year, by severity.
    """

    scenarios: tuple[Scenario, ...]
    as_of: datetime
    paths: int = PATHS
    seed: int = 0
    currency: str | None = None
    measure: Measure = Measure.EFFECTIVE
    losses: Mapping[Severity, Range] = field(default_factory=dict)
    deadline_s: float = DEADLINE_S

    def __post_init__(self) -> None:
        require_names(self.scenarios)
        if not 1 <= self.paths <= PATHS_MAX:
            raise InputError("the number of paths is out of bounds", got=self.paths, expected=f"1 to {PATHS_MAX}")
        if not 0 <= self.seed < 1 << 63:
            raise InputError("the seed is out of bounds", got=self.seed, expected="0 to 2^63 - 1")


class WhatIfService:
    """Projections over a platform."""

    def __init__(self, platform: Platform, folders: Folders) -> None:
        self._platform = platform
        self._folders = folders

    def simulate(self, tenant: TenantId, request: WhatIfRequest, whatif_id: str, progress: Progress) -> Row:
        """Project scenarios; what is done under this id already is not done again.

        Raises:
            InputError: the bills do not suffice, or a change concerns nothing.
            NotFound: a policy or framework that the last scan does not know.
            UnavailableError: it took longer than its deadline.
        """
        if self._path(tenant, whatif_id) is not None:
            return self.result(tenant, whatif_id)
        store = billing_store(self._folders, tenant)
        compliance, scan = self._compliance(tenant)
        opened = self._opened(tenant, request, compliance)
        begun = start(
            store,
            request.scenarios,
            self._money(tenant, request),
            compliance,
            seed=request.seed,
            opened=opened,
            losses=request.losses,
        )

        def told(paths: int) -> None:
            progress(ScanProgress(ScanStage.PROJECT, paths, request.paths))

        told(0)
        drawn = self._platform.projections.run(
            begun.world, paths=request.paths, deadline_s=request.deadline_s, progress=told
        )
        inputs = {"import": str(store.manifest().number), "scan": scan}
        document = whatif_document(
            begun,
            summary(begun.world, drawn),
            whatif_id=whatif_id,
            paths=request.paths,
            as_of=request.as_of,
            inputs=inputs,
        )
        receipt = self._platform.collect([evidence_event(document, tenant)])[0]
        whole = {**document, "evidence_id": str(receipt.id)}
        self._save(tenant, whatif_id, whole)
        return whole

    def result(self, tenant: TenantId, whatif_id: str) -> Row:
        """A finished projection.

        Raises:
            NotFound: the tenant has none of this id.
        """
        path = self._path(tenant, whatif_id)
        if path is None:
            raise NotFound("no such projection", whatif_id=whatif_id[:80], todo="GET /api/v2/whatif/results lists them")
        return _read(path)

    def results(self, tenant: TenantId) -> tuple[Row, ...]:
        """Finished projections, newest first."""
        found = (_read(path) for path in self._paths(tenant))
        return tuple(
            {
                "whatif_id": each["whatif_id"],
                "as_of": each["as_of"],
                "currency": each["currency"],
                "scenarios": [scenario["name"] for scenario in each["scenarios"]],
                "evidence_id": each["evidence_id"],
            }
            for each in found
        )

    def compare(self, tenant: TenantId, whatif_ids: Sequence[str]) -> Row:
        """Scenarios of finished projections side by side.

        Raises:
            NotFound: the tenant has none of one id.
            InputError: they cannot be compared.
        """
        return comparison([self.result(tenant, each) for each in whatif_ids])

    def _compliance(self, tenant: TenantId) -> tuple[Compliance, str]:
        """What scans say; without one, nothing is known of violations."""
        try:
            document: Row = self._platform.document(tenant)
        except NotFound:
            return Compliance(), ""
        policies = document["policies"]
        known = Compliance(
            violations=document["violations"],
            lives=self._platform.finding_lives(tenant),
            frameworks=frameworks_of(policies),
            policies=frozenset(str(row["id"]) for row in policies),
            predicted=predicted_of(document["predictions"]),
        )
        return known, str(document["as_of"])

    def _opened(
        self, tenant: TenantId, request: WhatIfRequest, compliance: Compliance
    ) -> dict[tuple[int, int], list[tuple[str, Severity]]]:
        """What policies that are to be assigned would find, by scenario and change."""
        found: dict[tuple[int, int], list[tuple[str, Severity]]] = {}
        for place, scenario in enumerate(request.scenarios):
            for number, change in enumerate(scenario.changes):
                if not isinstance(change, PolicyChange):
                    policies_of(change, compliance)
                elif change.action is PolicyAction.ASSIGN:
                    found[place, number] = self._would_open(tenant, change.policy_id, request.as_of)
                elif change.policy_id not in compliance.policies:
                    raise NotFound("the last scan had no such policy", policy_id=change.policy_id, todo="Scan with it")
        return found

    def _would_open(self, tenant: TenantId, policy_id: str, as_of: datetime) -> list[tuple[str, Severity]]:
        asked = SimulationRequest(tenant, ScenarioKind.ASSIGN_POLICY, policy_id, as_of)
        rows = {str(row["id"]): row for row in self._platform.policies(tenant)}
        severity = Severity(str(rows.get(policy_id, {}).get("severity", Severity.MEDIUM)))
        return [(uid, severity) for uid in self._platform.simulate(asked).opened]

    def _money(self, tenant: TenantId, request: WhatIfRequest) -> Money:
        place = rates_file(self._folders, tenant)
        rates = read_rates(place) if request.currency is not None and place.exists() else None
        return Money(request.measure, request.currency, rates)

    def _save(self, tenant: TenantId, whatif_id: str, document: Row) -> None:
        make_private_directory(self._folders.whatif(tenant))
        content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        replace_file(self._folders.whatif(tenant) / f"{whatif_id}.json", content, mode=0o600)
        for old in self._paths(tenant)[KEPT_MAX:]:
            old.unlink(missing_ok=True)

    def _path(self, tenant: TenantId, whatif_id: str) -> Path | None:
        """A finished projection's file; an id that leads out of the tenant's folder names none."""
        folder = self._folders.whatif(tenant)
        path = folder / f"{whatif_id}.json"
        return path if path.parent == folder and path.is_file() else None

    def _paths(self, tenant: TenantId) -> list[Path]:
        found = self._folders.whatif(tenant).glob("*.json")
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _read(path: Path) -> Row:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        found = None
    if not isinstance(found, dict):
        raise IntegrityError("a projection is damaged", where=str(path), todo="Project it again")
    return found
