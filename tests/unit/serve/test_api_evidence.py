"""Recording evidence over HTTP, one piece or ten thousand, and reading it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from httpx2 import Response
from jsonschema import Draft202012Validator

from chain.proof import parse_proof
from domain.evidence_schema import SCHEMAS
from tests.unit.serve.api_fixture import NOW, Api

NDJSON = "application/x-ndjson"
COLLECT, BATCH = "/api/v2/evidence/collect", "/api/v2/evidence/batch"


def review(name: str, **more: object) -> dict[str, Any]:
    return {
        "type": "access_review",
        "id": name,
        "subject": "payroll",
        "body": {"system": "payroll", "reviewed": 42, "revoked": 3},
        **more,
    }


def lines(api: Api, *rows: dict[str, Any], **headers: str) -> Response:
    return raw(api, b"\n".join(map(orjson.dumps, rows)), **headers)


def raw(api: Api, content: bytes, **headers: str) -> Response:
    return api.client.post(BATCH, content=content, headers={**api.acme, "Content-Type": NDJSON, **headers})


def recorded(api: Api, evidence_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v2/evidence/{evidence_id}").json()["entry"]
    return found


def test_typed_evidence_is_recorded_with_what_its_type_says(api: Api) -> None:
    controls = [{"framework": "SOC 2", "id": "CC6.2"}]
    body = review("typed-1", controls=controls, result="satisfied")
    answer = api.client.post(COLLECT, json=body, headers=api.acme)
    assert answer.status_code == 201, answer.text
    entry = recorded(api, answer.json()["evidence_id"])
    assert entry["type"] == "access_review"
    assert entry["body"] == {
        "id": "typed-1",
        "subject": "payroll",
        "system": "payroll",
        "reviewed": 42,
        "revoked": 3,
        "controls": controls,
        "result": "satisfied",
    }


def test_a_receipt_names_the_entry_and_its_leaves(api: Api) -> None:
    receipt = api.client.post(COLLECT, json=review("typed-2"), headers=api.acme).json()
    entry = api.get(f"/api/v2/evidence/{receipt['evidence_id']}").json()
    assert (receipt["leaf_sha256"], receipt["leaf_sha3_256"]) == (entry["leaf_sha256"], entry["leaf_sha3_256"])
    assert receipt["origin"] == f"policycortex.local/acme/{receipt['evidence_id'].partition('-')[0]}"
    assert (receipt["id"], receipt["request_id"]) == ("typed-2", "api/id/typed-2")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (review("bad", body={"system": "payroll", "reviewed": "42", "revoked": 3}), "body.reviewed"),
        (review("bad", body={"system": "payroll", "reviewed": 42}), "body.revoked"),
        (review("bad", body={"system": "p", "reviewed": 1, "revoked": 0, "subject": "twice"}), "body.subject"),
    ],
)
def test_a_body_that_is_not_as_its_type_is_refused_with_the_place(api: Api, body: dict[str, Any], path: str) -> None:
    answer = api.client.post(COLLECT, json=body, headers=api.acme)
    assert answer.status_code == 422
    assert answer.json()["facts"]["path"] == path
    assert answer.json()["todo"]


@pytest.mark.parametrize("kind", ["PolicyEvaluated", "BlockSealed", "erasure", "unheard-of"])
@pytest.mark.parametrize("route", [COLLECT, "/api/v2/chain/add"])
def test_callers_cannot_write_what_the_platform_alone_writes(api: Api, kind: str, route: str) -> None:
    body = {"type": kind, "id": "x", "subject": "s", "body": {}}
    if route != COLLECT:
        del body["subject"]
    assert api.client.post(route, json=body, headers=api.acme).status_code == 422


@pytest.mark.parametrize("text", ['{"id":"twice","id":"twice","subject":"s"}', '{"id":"x","subject":"\\ud800"}'])
def test_json_of_two_meanings_is_refused(api: Api, text: str) -> None:
    headers = {**api.acme, "Content-Type": "application/json"}
    answer = api.client.post(COLLECT, content=text, headers=headers)
    assert answer.status_code == 422, answer.text
    assert raw(api, text.encode()).status_code == 422
    assert "JSON" in answer.text


def test_a_repeat_that_names_no_time_gets_the_first_receipt(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = api.client.post(COLLECT, json=review("again"), headers=api.acme).json()
    clock = type(api.client.app.state.context.clock)  # type: ignore[attr-defined]
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda _: NOW.replace(hour=13))
        second = api.client.post(COLLECT, json=review("again"), headers=api.acme)
        third = lines(api, review("again"), review("again-new"))
    assert second.json() == first
    assert orjson.loads(third.content.splitlines()[0])["evidence_id"] == first["evidence_id"]


def test_the_same_id_with_another_content_is_a_conflict(api: Api) -> None:
    assert api.client.post(COLLECT, json=review("fixed"), headers=api.acme).status_code == 201
    answer = api.client.post(COLLECT, json=review("fixed", result="satisfied"), headers=api.acme)
    assert answer.status_code == 409
    timed = review("fixed", occurred_at="2026-01-02T00:00:00+01:00")
    assert api.client.post(COLLECT, json=timed, headers=api.acme).status_code == 409


def test_lines_are_answered_by_lines_in_their_order(api: Api) -> None:
    answer = lines(api, *(review(f"line-{number}") for number in range(300)))
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].startswith(NDJSON)
    receipts = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [receipt["id"] for receipt in receipts] == [f"line-{number}" for number in range(300)]
    first = receipts[0]["index"]
    assert [receipt["index"] for receipt in receipts] == list(range(first, first + 300))


def test_lines_may_be_answered_as_json_and_json_by_lines(api: Api) -> None:
    as_json = lines(api, review("neg-1"), Accept="application/json")
    assert as_json.json()["receipts"][0]["id"] == "neg-1"
    headers = {**api.acme, "Accept": NDJSON}
    as_lines = api.client.post(BATCH, json={"items": [review("neg-1")]}, headers=headers)
    assert orjson.loads(as_lines.content) == as_json.json()["receipts"][0]


def test_lines_in_any_spelling_give_the_entry_of_the_plain_one(api: Api) -> None:
    spaced = b'\r\n{ "subject": "payroll", "id": "spelt", "type": "access_review",\t"body":' + (
        b' {"revoked": 3, "reviewed": 42, "system": "pay\\u0072oll"}, "occurred_at": "2026-01-02T01:00:00+01:00"}\r\n\n'
    )
    receipt = orjson.loads(raw(api, spaced).content)
    plain = lines(api, review("spelt", occurred_at="2026-01-02T00:00:00Z"))
    assert orjson.loads(plain.content) == receipt
    assert recorded(api, receipt["evidence_id"])["at"] == "2026-01-02T00:00:00Z"


def test_free_and_typed_lines_of_unusual_content_are_recorded(api: Api) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "free", "subject": "s", "body": {"ключ": ["λ", None, 1]}},
        {"id": "bare", "subject": "s"},
        review("details", body={"system": "p", "reviewed": 1, "revoked": 0, "details": {"é": 1}}),
    ]
    answer = lines(api, *rows)
    assert answer.status_code == 201, answer.text
    found = [recorded(api, orjson.loads(line)["evidence_id"])["body"] for line in answer.content.splitlines()]
    assert found[0]["body"] == rows[0]["body"]
    assert found[1]["body"] == {}
    assert found[2]["details"] == {"é": 1}


def test_every_faulty_line_is_named_and_none_is_recorded(api: Api) -> None:
    before = api.get("/api/v2/chain/head").json()["logs"][-1]["recorded"]
    answer = raw(
        api,
        b"\n".join(
            [
                orjson.dumps(review("good")),
                b"",
                b"not json",
                orjson.dumps(review("bad", body={"reviewed": -1})),
                orjson.dumps([1]),
                orjson.dumps({"id": "no-subject"}),
                orjson.dumps(review("late", occurred_at="yesterday")),
                b'{"id":"' + b"x" * 140_000 + b'"}',
            ]
        ),
    )
    assert answer.status_code == 422
    facts = answer.json()["facts"]
    assert [(fault["line"], fault["path"]) for fault in facts["lines"]] == [
        (3, ""),
        (4, "body.revoked"),
        (5, ""),
        (6, "subject"),
        (7, ""),
        (8, ""),
    ]
    assert facts["faulty"] == 6
    assert api.get("/api/v2/chain/head").json()["logs"][-1]["recorded"] == before


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \n"])
def test_a_batch_without_lines_is_refused(api: Api, content: bytes) -> None:
    assert raw(api, content).status_code == 422


def test_too_many_lines_are_refused(api: Api) -> None:
    assert raw(api, b"{}\n" * 10_002).status_code == 413


def test_two_lines_of_one_id_that_differ_are_a_conflict(api: Api) -> None:
    answer = lines(api, review("two"), review("two", result="unknown"))
    assert (answer.status_code, answer.json()["facts"]["id"]) == (409, "two")
    same = lines(api, review("one"), review("one"))
    assert len({orjson.loads(line)["evidence_id"] for line in same.content.splitlines()}) == 1


def test_a_conflict_names_the_line_or_the_item(api: Api) -> None:
    lines(api, review("taken"))
    rows = [review("free-1"), review("taken", result="unknown")]
    by_line = raw(api, b"\n" + b"\n".join(map(orjson.dumps, rows)))
    assert (by_line.status_code, by_line.json()["facts"]["line"]) == (409, 3)
    by_item = api.client.post(BATCH, json={"items": rows}, headers=api.acme)
    assert (by_item.status_code, by_item.json()["facts"]["item"]) == (409, 1)
    assert api.client.post(COLLECT, json=rows[0] | {"result": "unknown"}, headers=api.acme).status_code == 201


def test_a_faulty_item_of_a_json_batch_is_named(api: Api) -> None:
    missing = api.client.post(BATCH, json={"items": [{"id": "x"}]}, headers=api.acme)
    assert missing.json()["facts"]["items"][0] | {"got": ""} == {
        "item": 0,
        "path": "subject",
        "problem": "not a piece of evidence",
        "expected": "a value",
        "got": "",
    }
    wrong = api.client.post(BATCH, json={"items": [review("a"), review("b", body={})]}, headers=api.acme)
    assert [(row["item"], row["path"]) for row in wrong.json()["facts"]["items"]] == [(1, "body.reviewed")]
    assert api.client.post(BATCH, json={"items": []}, headers=api.acme).status_code == 422
    assert api.client.post(BATCH, json=[], headers=api.acme).status_code == 422


def test_a_key_makes_each_place_of_a_batch_one_request(api: Api) -> None:
    answers = [lines(api, review("k1"), review("k2"), **{"Idempotency-Key": "batch-7"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert orjson.loads(answers[0].content.splitlines()[1])["request_id"] == "api/key/batch-7/1"


def test_an_event_with_its_whole_body_is_recorded_as_it_is(api: Api) -> None:
    body = {"id": "CHG-1", "subject": "firewall", "change": "CHG-1", "state": "applied", "tests_passed": True}
    event = {"type": "change_record", "id": "CHG-1", "body": body, "occurred_at": "2026-01-03T00:00:00Z"}
    answer = api.client.post("/api/v2/chain/add", json=event, headers=api.acme)
    assert answer.status_code == 201, answer.text
    assert recorded(api, answer.json()["evidence_id"])["body"] == body
    faulty = {**event, "body": {**body, "state": "dreamt"}}
    assert api.client.post("/api/v2/chain/add", json=faulty, headers=api.acme).json()["facts"]["path"] == "body.state"


def test_evidence_is_listed_newest_first_in_pages(api: Api) -> None:
    lines(api, *(review(f"page-{number}") for number in range(5)))
    first = api.get("/api/v2/evidence?type=access_review&limit=3").json()
    assert [row["id"] for row in first["items"]] == ["page-4", "page-3", "page-2"]
    second = api.get(f"/api/v2/evidence?type=access_review&limit=2&cursor={first['next_cursor']}").json()
    assert [row["id"] for row in second["items"]] == ["page-1", "page-0"]
    assert api.get("/api/v2/evidence?cursor=17").status_code == 422


def test_evidence_is_found_by_its_own_time(api: Api) -> None:
    lines(api, review("old-1", occurred_at="2020-05-05T10:00:00Z"), review("old-2", occurred_at="2020-05-06T10:00:00Z"))
    found = api.get("/api/v2/evidence?from=2020-05-05T00:00:00Z&to=2020-05-06T00:00:00Z").json()
    assert [row["id"] for row in found["items"]] == ["old-1"]
    assert found["next_cursor"] is None


def test_the_logs_own_entries_are_listed_only_where_asked_for(api: Api) -> None:
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    everything = api.get("/api/v2/evidence?limit=1000").json()["items"]
    assert "BlockSealed" not in {row["type"] for row in everything}
    assert api.get("/api/v2/evidence?type=BlockSealed").json()["items"]


def test_the_summary_counts_by_type_and_day(api: Api) -> None:
    lines(api, review("counted", occurred_at="2019-03-03T00:00:00Z"))
    found = api.get("/api/v2/evidence/summary").json()
    assert {"day": "2019-03-03", "type": "access_review", "count": 1} in found["items"]
    assert found["covered"] == api.get("/api/v2/chain/head").json()["logs"][-1]["recorded"]


def test_the_latest_evidence_of_each_control_and_subject_is_known(api: Api) -> None:
    control = [{"framework": "ISO 27001", "id": "A.5.18"}]
    late = {"occurred_at": "2026-01-05T00:00:00Z", "controls": control, "result": "satisfied"}
    lines(api, review("latest-1", **late), review("latest-2", occurred_at="2026-01-04T00:00:00Z", controls=control))
    found = api.get("/api/v2/evidence/latest?matter=control").json()["items"]
    (row,) = [row for row in found if row["name"] == "ISO 27001/A.5.18"]
    assert (row["at"], row["result"]) == ("2026-01-05T00:00:00Z", "satisfied")
    page = api.get("/api/v2/evidence/latest?matter=subject&limit=1").json()
    assert page["next_cursor"] == page["items"][0]["name"]
    after = api.get(f"/api/v2/evidence/latest?matter=subject&limit=1&cursor={page['next_cursor']}").json()
    assert page["items"] != after["items"]


def test_each_type_has_a_schema_that_its_entries_satisfy(api: Api) -> None:
    published = api.get("/api/v2/evidence/schemas").json()["items"]
    assert [schema["title"] for schema in published] == sorted(SCHEMAS)
    receipt = api.client.post(COLLECT, json=review("schema"), headers=api.acme).json()
    schema = api.get("/api/v2/evidence/schemas/access_review").json()
    assert Draft202012Validator(schema).is_valid(recorded(api, receipt["evidence_id"])["body"])
    assert api.get("/api/v2/evidence/schemas/BlockSealed").status_code == 404


@pytest.mark.parametrize("evidence_id", ["17", "2026-", "2026-01", "x"])
def test_an_id_of_another_form_is_refused(api: Api, evidence_id: str) -> None:
    assert api.get(f"/api/v2/evidence/{evidence_id}").status_code == 422


@pytest.mark.parametrize("tree", ["sha256", "sha3-256"])
def test_a_proof_comes_as_json_or_as_a_c2sp_file(api: Api, tree: str) -> None:
    receipt = api.client.post(COLLECT, json=review("proven"), headers=api.acme).json()
    path = f"/api/v2/chain/merkle-proof/{receipt['evidence_id']}"
    answer = api.get(f"{path}?format=tlog-proof&tree={tree}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    proof, view = parse_proof(answer.text), api.get(path).json()
    assert proof.index == view["index"] == receipt["index"]
    suffix = "" if tree == "sha256" else "_sha3"
    assert proof.checkpoint == view[f"checkpoint{suffix}"]
    assert [step.hex() for step in proof.path] == view["path_sha256" if tree == "sha256" else "path_sha3_256"]


def test_accept_chooses_the_form_of_a_proof(api: Api) -> None:
    receipt = api.client.post(COLLECT, json=review("proven"), headers=api.acme).json()
    path = f"/api/v2/chain/merkle-proof/{receipt['evidence_id']}"
    assert api.get(path, {**api.acme, "Accept": "text/plain"}).text.startswith("c2sp.org/tlog-proof@v1")
    assert api.get(path, {**api.acme, "Accept": "text/plain"} | {"Accept": "*/*"}).json()["size"]


def test_blocks_are_listed_newest_first_and_each_verifies(api: Api) -> None:
    for name in ("block-a", "block-b"):
        lines(api, review(name))
        api.client.post("/api/v2/chain/publish", headers=api.acme)
    page = api.get("/api/v2/chain/blocks?limit=1").json()
    following = api.get(f"/api/v2/chain/blocks?limit=1&cursor={page['next_cursor']}").json()
    newest, former = page["items"][0], following["items"][0]
    assert newest["size"] > former["size"]
    found = api.get(f"/api/v2/chain/verify/{newest['block_id']}").json()
    assert found["ok"]
    assert found["evidence_id"] == newest["evidence_id"]
    assert len(api.get("/api/v2/chain/blocks?limit=1000").json()["items"]) == found["height"] + 1


def test_the_head_says_what_is_recorded_and_what_is_published(api: Api) -> None:
    lines(api, review("ahead"))
    ahead = api.get("/api/v2/chain/head").json()["logs"][-1]
    published = api.client.post("/api/v2/chain/publish", headers=api.acme).json()["logs"][-1]
    assert published["size"] == published["recorded"] == ahead["recorded"] + 1
    assert published["blocks"] == ahead["blocks"] + 1
    assert published["checkpoint"].startswith(published["origin"] + "\n")
