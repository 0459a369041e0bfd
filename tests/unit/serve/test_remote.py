"""A platform over HTTP has the same face as one in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request
from zipfile import ZipFile

import pytest

from actors.evidence_pages import EvidenceQuery
from actors.messages import ScanProgress, ScanRequest, ScanStage, ScenarioKind, SimulationRequest
from domain.errors import AccessDenied, ConflictError, InputError, NotFound, PolicyCortexError, UnavailableError
from domain.evidence import EntryId, EventType
from domain.finding import Severity
from domain.tenancy import TenantId
from serve import remote
from serve.remote import RemotePlatform, error_of
from serve.reporting import Page, ReportKind, ReportRequest
from serve.run_file import RunningPlatform
from tests.unit.serve.api_fixture import NOW, OPERATOR_KEY, STORAGE_ID, Api
from tests.unit.serve.over_http import sent_to

TENANT = TenantId("umbrella")
POLICY = "pcg-azure-storage-secure-transfer"


@pytest.fixture
def over_http(api: Api, monkeypatch: pytest.MonkeyPatch) -> RemotePlatform:
    """A client whose requests go to the application without a socket."""
    sent_to(api, monkeypatch)
    return RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY))


@pytest.fixture
def request_of_scan(api: Api) -> ScanRequest:
    return ScanRequest(TENANT, (str(api.folder / "exports"),), NOW)


def test_a_scan_returns_its_document_and_facts(over_http: RemotePlatform, request_of_scan: ScanRequest) -> None:
    seen: list[ScanProgress] = []
    result = over_http.scan(request_of_scan, seen.append)
    assert result.document["tenant"] == TENANT
    assert result.facts.readable == 2
    assert result.facts.violations[Severity.HIGH] > 0
    assert result.assessment is None
    assert {progress.stage for progress in seen} <= set(ScanStage)


def test_answers_are_those_of_the_platform(over_http: RemotePlatform, request_of_scan: ScanRequest) -> None:
    over_http.scan(request_of_scan)
    violations = over_http.violations(TENANT, severity=Severity.HIGH)
    assert {row["severity"] for row in violations} <= {"critical", "high"}
    assert over_http.explain(TENANT, STORAGE_ID, POLICY, as_of=NOW)["verdict"] == "violation"
    assert over_http.policy(TENANT, POLICY)["id"] == POLICY
    assert POLICY in {row["id"] for row in over_http.policies(TENANT)}
    assert set(over_http.parts().values()) == {"ok"}


def test_a_scenario_comes_back_as_objects(over_http: RemotePlatform, request_of_scan: ScanRequest) -> None:
    over_http.scan(request_of_scan)
    found = over_http.simulate(SimulationRequest(TENANT, ScenarioKind.REMOVE_POLICY, POLICY, NOW))
    assert (found.kind, found.as_of, STORAGE_ID in found.closed) == (ScenarioKind.REMOVE_POLICY, NOW, True)


def test_a_scan_that_fails_there_raises_here(over_http: RemotePlatform, api: Api) -> None:
    empty = api.folder / "empty-for-remote"
    empty.mkdir(exist_ok=True)
    with pytest.raises(InputError) as refusal:
        over_http.scan(ScanRequest(TENANT, (str(empty),), NOW))
    assert refusal.value.facts["todo"]


def test_what_is_not_found_there_is_not_found_here(over_http: RemotePlatform) -> None:
    with pytest.raises(NotFound):
        over_http.policy(TENANT, "no-such-policy")


@pytest.mark.parametrize("kind", [InputError, AccessDenied, NotFound, ConflictError, UnavailableError])
def test_a_problem_is_the_error_that_it_was(kind: type[PolicyCortexError]) -> None:
    error = error_of({"code": kind.code, "detail": "it failed", "facts": {"where": "there"}, "todo": "Do this"})
    assert type(error) is kind
    assert error.facts == {"where": "there", "todo": "Do this"}


def answering(monkeypatch: pytest.MonkeyPatch, answers: list[Callable[[], Any]]) -> list[Request]:
    asked: list[Request] = []

    def opened(request: Request, timeout: float) -> Any:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]()

    monkeypatch.setattr(remote, "urlopen", opened)
    monkeypatch.setattr(remote, "sleep", lambda _: None)
    return asked


def broken() -> Any:
    raise URLError("connection refused")


def test_a_broken_connection_is_tried_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"items": [{"id": "a"}]}
    asked = answering(monkeypatch, [broken, lambda: io.BytesIO(json.dumps(done).encode())])
    rows = RemotePlatform(RunningPlatform("http://platform", "k")).import_definitions(TENANT, Path("x"))
    assert rows == ({"id": "a"},)
    assert len({request.get_header("Idempotency-key") for request in asked}) == 1


def test_a_platform_that_stays_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, [broken])
    with pytest.raises(UnavailableError) as refusal:
        RemotePlatform(RunningPlatform("http://platform", "k")).policies(TENANT)
    assert len(asked) == remote.ATTEMPTS
    assert "http://platform" in str(refusal.value.facts["url"])


@pytest.mark.parametrize(("status", "kind"), [(503, UnavailableError), (404, InputError)])
def test_an_answer_that_is_no_problem_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch, status: int, kind: type[PolicyCortexError]
) -> None:
    def refused() -> Any:
        raise HTTPError("http://platform/x", status, "", Message(), io.BytesIO(b"<html>"))

    answering(monkeypatch, [refused])
    with pytest.raises(kind) as refusal:
        RemotePlatform(RunningPlatform("http://platform", "k")).policies(TENANT)
    assert refusal.value.facts["todo"]


def test_a_tenants_token_names_no_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, [lambda: io.BytesIO(b'{"items": []}')])
    RemotePlatform(RunningPlatform("http://platform", "k", is_operator=False)).policies(TENANT)
    RemotePlatform(RunningPlatform("http://platform", "k")).policies(TENANT)
    assert [request.get_header("Policycortex-tenant") for request in asked] == [None, TENANT]


def test_evidence_is_listed_shown_published_and_erased_there(over_http: RemotePlatform, api: Api) -> None:
    rows = [{"id": f"remote-{n}", "subject": "s", "body": {"owner": "Olivia"}} for n in range(3)]
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}", "PolicyCortex-Tenant": TENANT}
    assert api.client.post("/api/v2/evidence/batch", json={"items": rows}, headers=headers).status_code == 201
    (log,) = over_http.publish_log(TENANT)
    assert over_http.log_status(TENANT) == (log,)
    found = over_http.evidence_rows(TENANT, EvidenceQuery(type=EventType.EVIDENCE_COLLECTED, since=NOW, limit=2))
    assert [row["id"] for row in found] == ["remote-2", "remote-1"]
    everything = over_http.evidence_rows(TENANT, EvidenceQuery(limit=5_000))
    assert {row["id"] for row in everything} >= {"remote-0", "remote-1", "remote-2"}
    entry = over_http.evidence_entry(TENANT, EntryId.parse(str(found[0]["evidence_id"])))
    assert entry["evidence_id"] == found[0]["evidence_id"]
    assert over_http.erase_person(TENANT, "olivia", basis="a request", by="officer")["commitments"] == 3


def test_a_report_is_made_listed_and_fetched(over_http: RemotePlatform) -> None:
    since = NOW.replace(day=1)
    about = over_http.make_report(ReportRequest(TENANT, ReportKind.BOARD, since, NOW, ("access_review",), Page.LETTER))
    assert (about["kind"], about["page"], about["expected"]) == ("board", "letter", ["access_review"])
    assert over_http.reports(TENANT)[0] == about
    with ZipFile(io.BytesIO(over_http.report_content(TENANT, str(about["report_id"])))) as pack:
        assert pack.read("about.txt").decode() == f"board of {TENANT}"
    with pytest.raises(NotFound):
        over_http.report_content(TENANT, "../tokens")
