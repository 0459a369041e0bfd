"""A platform reached over HTTP, with the same face as one in this process.

Changing calls carry an idempotency key and are repeated when a connection breaks. Problems come back as our errors.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from actors.folders import DEFAULT_TENANT
from actors.log_custody import CustodyOrder, CustodyStep
from actors.messages import (
    APPLIED,
    BUILTIN,
    IMPORTED,
    Progress,
    ScanFacts,
    ScanProgress,
    ScanRequest,
    ScanResult,
    ScanStage,
    ScenarioKind,
    SimulationRequest,
    SimulationResult,
)
from domain.clock import format_instant, parse_instant
from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    IntegrityError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)
from domain.evidence import EntryId
from domain.finding import PolicyId, Severity
from domain.money import Money
from domain.resource import ResourceId
from domain.tenancy import PLATFORM, TenantId
from domain.value import Json
from serve.compliance_desk import RemoteCompliance
from serve.cost_desk import RemoteCosts
from serve.drift_remote import RemoteDrift
from serve.predictions_desk import RemotePredictions
from serve.remote_bundles import RemoteBundles
from serve.remote_changes import RemoteChanges
from serve.remote_impact import address_of
from serve.remote_logs import RemoteLogs
from serve.roi_desk import RemoteRoi
from serve.run_file import RunningPlatform
from serve.whatif_desk import RemoteWhatIf

if TYPE_CHECKING:
    from actors.evidence_pages import EvidenceQuery
    from actors.impact_desk import Question
    from assessment.impact_analysis import Analysis
    from serve.reporting import ReportRequest

T = TypeVar("T")
Row = Mapping[str, Json]

ATTEMPTS: Final = 3
POLL_S: Final = 0.1
POLL_S_MAX: Final = 1.0
CALL_S: Final = 310.0
PAGE: Final = 10_000
EVIDENCE_PAGE: Final = 1_000
_ERRORS: Final[Mapping[str, type[PolicyCortexError]]] = {
    kind.code: kind
    for kind in (
        InputError,
        AccessDenied,
        NotFound,
        ConflictError,
        UnavailableError,
        IncompleteError,
        IntegrityError,
    )
}


class RemotePlatform:
    """Speaks to one running platform."""

    def __init__(self, running: RunningPlatform) -> None:
        self._running = running

    def scan(self, request: ScanRequest, progress: Progress | None = None) -> ScanResult:
        """Run a scan there. Paths are of that machine; relative ones are made absolute here.

        Raises:
            InputError: nothing is readable there, or a path may not be read.
        """
        operation = self._change(request.tenant, "/predictions/bulk-scan", _scan_body(request))
        result = self._finish(request.tenant, operation, progress)["result"]
        document = self._get(request.tenant, f"/scans/{quote(result['scan_id'])}")
        facts = result["facts"]
        return ScanResult(
            scan_id=result["scan_id"],
            document=document,
            facts=ScanFacts(
                readable=facts["readable"],
                gaps=facts["gaps"],
                violations={Severity(name): count for name, count in facts["violations"].items()},
                new_violations={Severity(name): count for name, count in facts["new_violations"].items()},
            ),
        )

    def violations(
        self, tenant: TenantId, *, severity: Severity | None = None, only_new: bool = False, type: str | None = None
    ) -> tuple[Row, ...]:
        """The last scan's violations, all pages."""
        query = {"new": str(only_new).lower(), "limit": str(PAGE)}
        query |= {"severity": severity.value} if severity else {}
        query |= {"type": type} if type else {}
        rows: list[Row] = []
        cursor: str | None = "0"
        while cursor is not None:
            page = self._get(tenant, f"/violations?{urlencode({**query, 'cursor': cursor})}")
            rows += page["items"]
            cursor = page["next_cursor"]
        return tuple(rows)

    def explain(self, tenant: TenantId, resource_id: str, policy_id: str, *, as_of: datetime) -> Row:
        """Why a policy judges a resource as it does."""
        query = urlencode({"resource_id": resource_id, "policy_id": policy_id, "as_of": format_instant(as_of)})
        return self._get(tenant, f"/explanations?{query}")

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Row:
        """Ask about failures there; the graph is that of now, whatever `as_of` is."""
        del as_of
        return self._get(tenant, address_of(question))

    def analyze_impact(
        self, tenant: TenantId, asked: Analysis, given: Mapping[str, Any] | None = None, *, as_of: datetime
    ) -> Row:
        """Analyse there; the graph is that of now, whatever `as_of` is."""
        del as_of
        body: dict[str, Json] = {
            "resource_ids": list(asked.resource_ids),
            "policy_ids": list(asked.policy_ids),
            "mode": asked.failure.value,
            "years": asked.years,
            "seed": asked.seed,
            "assumptions": dict(given or {}),
        }
        return self._change(tenant, "/impact/analyze", body)

    def import_definitions(self, tenant: TenantId, path: Path, *, aliases: Sequence[Path] = ()) -> tuple[Row, ...]:
        """Import definitions there."""
        body: dict[str, Json] = {"path": str(path.absolute()), "aliases": [str(each.absolute()) for each in aliases]}
        return tuple(self._change(tenant, "/policies/import", body)["items"])

    def policies(self, tenant: TenantId) -> tuple[Row, ...]:
        """Built-in and imported policies."""
        return tuple(self._get(tenant, "/policies")["items"])

    def policy(self, tenant: TenantId, policy_id: str) -> Row:
        """One policy's definition."""
        return self._get(tenant, f"/policies/{quote(policy_id, safe='')}")

    def simulate(self, request: SimulationRequest) -> SimulationResult:
        """Run one scenario there."""
        body: dict[str, Json] = {
            "kind": request.kind.value,
            "policy": request.policy if isinstance(request.policy, str) else dict(request.policy),
            "parameters": dict(request.parameters),
            "as_of": format_instant(request.as_of),
            "scope": request.scope,
        }
        found = self._finish(request.tenant, self._change(request.tenant, "/simulator/run", body), None)["result"]
        return SimulationResult(
            simulation_id=found["simulation_id"],
            kind=ScenarioKind(found["kind"]),
            policy_id=PolicyId(found["policy_id"]),
            as_of=parse_instant(found["as_of"]),
            evaluated=found["evaluated"],
            opened=tuple(map(ResourceId, found["opened"])),
            closed=tuple(map(ResourceId, found["closed"])),
            unknown=tuple(map(ResourceId, found["unknown"])),
            at_risk=tuple(Money(Decimal(each["amount"]), each["currency"]) for each in found["at_risk"]),
        )

    def log_status(self, tenant: TenantId) -> tuple[Row, ...]:
        """The tenant's logs there."""
        return tuple(self._get(tenant, "/chain/head")["logs"])

    def publish_log(self, tenant: TenantId) -> tuple[Row, ...]:
        """Seal and publish what is new there."""
        return tuple(self._change(tenant, "/chain/publish", {})["logs"])

    def evidence_entry(self, tenant: TenantId, entry_id: EntryId) -> Row:
        """One entry as recorded there."""
        return self._get(tenant, f"/evidence/{entry_id}")

    def evidence_rows(self, tenant: TenantId, query: EvidenceQuery) -> tuple[Row, ...]:
        """The newest evidence there, as many rows as the query's limit says."""
        asked = {"type": query.type, "from": query.since, "to": query.until, "cursor": query.before}
        words = {
            name: format_instant(value) if isinstance(value, datetime) else str(value)
            for name, value in asked.items()
            if value is not None
        }
        rows: list[Row] = []
        while len(rows) < query.limit:
            words["limit"] = str(min(query.limit - len(rows), EVIDENCE_PAGE))
            page = self._get(tenant, f"/evidence?{urlencode(words)}")
            rows += page["items"]
            if page["next_cursor"] is None:
                break
            words["cursor"] = page["next_cursor"]
        return tuple(rows)

    def log_keys(self, tenant: TenantId) -> tuple[Row, ...]:
        """The keys of the logs there."""
        return tuple(self._get(*_addressed(tenant, "/chain/keys"))["keys"])

    def keep_keys(self, tenant: TenantId, order: CustodyOrder) -> tuple[Row, ...]:
        """Rotate keys, end an overlap or freeze a log there."""
        body: dict[str, Json] = {"reason": order.reason, "by": order.by}
        if order.step is CustodyStep.FREEZE:
            path, names = "/chain/keys/freezes", ("is_confirmed", "trusts_keys", "can_write")
            body |= {name: getattr(order, name) for name in names}
        elif order.step is CustodyStep.ROTATE:
            path = "/chain/keys/rotations"
        else:
            path = "/chain/keys/rotations/end"
            body["withdraws_new"] = order.step is CustodyStep.WITHDRAW
        named, path = _addressed(tenant, path)
        return tuple(self._change(named, path, body)["keys"])

    def erase_person(self, tenant: TenantId, subject: str, *, basis: str, by: str) -> Row:
        """Destroy a person's key there; the row names the entry that records it."""
        return self._change(tenant, "/evidence/erasures", {"subject": subject, "basis": basis, "by": by})

    @property
    def logs(self) -> RemoteLogs:
        """What operators do with the logs there."""
        return RemoteLogs(self._get, self._change)

    @property
    def compliance(self) -> RemoteCompliance:
        """Compliance, asked there."""
        return RemoteCompliance(self._get, self._change, self._fetch)

    @property
    def bundles(self) -> RemoteBundles:
        """Policies as code there."""
        return RemoteBundles(self._get, self._change)

    @property
    def drift(self) -> RemoteDrift:
        """Drift there: baselines, what has drifted, who is told."""
        return RemoteDrift(self._get, self._change, self._remove)

    @property
    def changes(self) -> RemoteChanges:
        """Changes there: published, waiting, put aside."""
        return RemoteChanges(self._get, self._change, self._send)

    @property
    def whatif(self) -> RemoteWhatIf:
        """Projections there."""
        return RemoteWhatIf(self._get, self._change, self._finish)

    @property
    def costs(self) -> RemoteCosts:
        """Advice on cost there."""
        return RemoteCosts(self._get)

    @property
    def roi(self) -> RemoteRoi:
        """The governance P&L there."""
        return RemoteRoi(self._get, self._change)

    @property
    def predictions(self) -> RemotePredictions:
        """The prediction model there."""
        return RemotePredictions(self._get, self._change)

    def make_report(self, request: ReportRequest) -> Row:
        """Make a report there and wait for it; what is known of it."""
        body: dict[str, Json] = {
            "since": format_instant(request.since),
            "until": format_instant(request.until),
            "expected": list[Json](request.expected),
            "page": request.page.value,
            "framework": request.framework,
        }
        route = "board-pack" if request.kind.value == "board" else "generate"
        done = self._finish(request.tenant, self._change(request.tenant, f"/reports/{route}", body), None)
        found: Row = self._get(request.tenant, f"/reports/{quote(done['operation_id'])}")["report"]
        return found

    def reports(self, tenant: TenantId) -> tuple[Row, ...]:
        """Finished reports there, newest first."""
        return tuple(self._get(tenant, "/reports")["items"])

    def report_content(self, tenant: TenantId, report_id: str) -> bytes:
        """A finished report's pack."""
        return self._fetch(tenant, f"/reports/{quote(report_id, safe='')}/download")

    def shards(self) -> dict[str, Any]:
        """How the shards stand there; for the operator.

        Raises:
            AccessDenied: this account does not have the operator's key.
        """
        return self._get(DEFAULT_TENANT, "/shards")

    def parts(self) -> dict[str, str]:
        """Every actor there and whether it answers."""
        request = Request(f"{self._running.url}/readyz")  # noqa: S310 (http or https: the run file's or the user's URL)
        return dict(json.loads(_content(request))["parts"])

    def close(self) -> None:
        """Nothing is held open between calls."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _finish(self, tenant: TenantId, operation: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
        wait_s = POLL_S
        while operation["status"] in {"queued", "running"}:
            sleep(wait_s)
            wait_s = min(wait_s * 1.2, POLL_S_MAX)
            operation = self._get(tenant, f"/operations/{operation['operation_id']}")
            if progress is not None and (seen := operation["progress"]) is not None:
                progress(ScanProgress(ScanStage(seen["stage"]), seen["done"], seen["total"], seen["detail"]))
        if operation["status"] == "cancelled":
            raise ConflictError("the work was cancelled", operation_id=operation["operation_id"], todo="Start it again")
        if operation["status"] == "failed":
            raise error_of(operation["problem"])
        return operation

    def _get(self, tenant: TenantId, path: str) -> dict[str, Any]:
        return self._repeated(Request(f"{self._running.url}/api/v2{path}", headers=self._headers(tenant)))  # noqa: S310

    def _fetch(self, tenant: TenantId, path: str) -> bytes:
        request = Request(f"{self._running.url}/api/v2{path}", headers=self._headers(tenant))  # noqa: S310
        return self._repeated(request, bytes)

    def _change(self, tenant: TenantId, path: str, body: Mapping[str, Json]) -> dict[str, Any]:
        headers = {
            **self._headers(tenant),
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        data = json.dumps(body).encode()
        return self._repeated(Request(f"{self._running.url}/api/v2{path}", data=data, headers=headers))  # noqa: S310

    def _remove(self, tenant: TenantId, path: str) -> dict[str, Any]:
        url = f"{self._running.url}/api/v2{path}"
        return self._repeated(Request(url, headers=self._headers(tenant), method="DELETE"))  # noqa: S310

    def _send(self, tenant: TenantId, path: str, lines: bytes) -> dict[str, Any]:
        headers = {**self._headers(tenant), "Content-Type": "application/x-ndjson"}
        return self._repeated(Request(f"{self._running.url}/api/v2{path}", data=lines, headers=headers))  # noqa: S310

    def _headers(self, tenant: TenantId) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._running.key}"}
        return {**headers, "PolicyCortex-Tenant": tenant} if self._running.is_operator else headers

    def _repeated(self, request: Request, read: Callable[[bytes], T] = json.loads) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return read(_content(request))
            except UnavailableError as error:
                if attempt == ATTEMPTS:
                    raise
                sleep(min(float(str(error.facts.get("retry_after_s", 1))), 5.0) * attempt / ATTEMPTS)
        raise AssertionError


def error_of(problem: Mapping[str, Any]) -> PolicyCortexError:
    """A problem as the error that it was on the other side."""
    kind = _ERRORS.get(str(problem.get("code")), IntegrityError)
    todo = {"todo": problem["todo"]} if problem.get("todo") else {}
    return kind(str(problem.get("detail")), **{**dict(problem.get("facts") or {}), **todo})


def _content(request: Request) -> bytes:
    try:
        with urlopen(request, timeout=CALL_S) as response:  # noqa: S310 (see above)
            return bytes(response.read())
    except HTTPError as error:
        raise _refusal(error, request.full_url) from None
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise UnavailableError(
            "the platform does not answer", url=request.full_url, reason=str(error), todo="See: pcg up, pcg down"
        ) from None


def _refusal(error: HTTPError, url: str) -> PolicyCortexError:
    try:
        problem = json.load(error)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "code" in problem:
        return error_of(problem)
    if error.code in {502, 503, 504}:
        return UnavailableError("the platform is overloaded", url=url, status=error.code, todo="Try again later")
    return InputError("the answer is not one of a platform", url=url, status=error.code, todo="Check --cluster")


def _scan_body(request: ScanRequest) -> dict[str, Json]:
    fields = asdict(request)
    body: dict[str, Json] = {key: fields[key] for key in ("scope", "type", "aws_operation", "collection")}
    policies = [each if each in {APPLIED, BUILTIN, IMPORTED} else _absolute(each) for each in request.policies]
    return body | {
        "paths": [_absolute(path) for path in request.paths],
        "as_of": format_instant(request.as_of),
        "policies": list[Json](policies),
        "aliases": [_absolute(path) for path in request.aliases],
        "exemptions": None if request.exemptions is None else _absolute(request.exemptions),
    }


def _addressed(tenant: TenantId, path: str) -> tuple[TenantId, str]:
    """Whom a request names: the platform is no tenant, and is named in the query instead."""
    return (DEFAULT_TENANT, f"{path}?platform=true") if tenant == PLATFORM else (tenant, path)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())
