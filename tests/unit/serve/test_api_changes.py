"""Changes over HTTP: published once, seen while they wait, put aside with their reason, and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.errors import NotFound, UnavailableError
from domain.tenancy import TenantId
from serve.remote import RemotePlatform
from serve.remote_changes import RemoteChanges
from serve.run_file import RunningPlatform
from tests.unit.connectors.stream import messages as m
from tests.unit.serve.api_fixture import OPERATOR_KEY, Api, running_api
from tests.unit.serve.over_http import sent_to

ACME = TenantId("acme")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path) as running:
        yield running


def lines(*documents: object) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in documents)


def gone(uid: str, *, at: str = "2026-01-14T00:00:00Z") -> dict[str, Any]:
    return {"uid": uid, "at": at, "item": None}


def publish(api: Api, content: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = api.client.post("/api/v2/changes", content=content, headers=headers or api.acme)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_repeated_request_publishes_nothing_new(api: Api) -> None:
    content = lines({"batch_id": "b-1", "events": [gone("a"), gone("b")]}, {"events": [gone("c")]})

    first, second = publish(api, content), publish(api, content)

    assert (first["events"], len(first["batches"])) == (3, 2)
    assert first == second
    waiting = api.get("/api/v2/changes").json()
    assert waiting["length"] == 2
    assert [row["events"] for row in waiting["items"]] == [2, 1]
    assert waiting["last"] == first["batches"][1]["position"]


def test_a_line_that_cannot_be_read_is_put_aside_and_the_others_are_published(api: Api) -> None:
    done = publish(api, lines({"events": [gone("a")]}) + b"{broken\n" + lines({"x": 1}))

    assert len(done["batches"]) == 1
    assert [row["line"] for row in done["refused"]] == [2, 3]
    parked = api.get("/api/v2/changes/parked").json()
    assert {row["id"] for row in parked["items"]} == {row["id"] for row in done["refused"]}
    assert parked["items"][0]["begins"] in {"{broken", '{"x":1}'}
    assert parked["dropped"] == 0


def test_a_batch_whose_id_is_taken_by_other_content_is_told_and_not_kept(api: Api) -> None:
    publish(api, lines({"batch_id": "b-1", "events": [gone("a")]}))

    done = publish(api, lines({"batch_id": "b-1", "events": [gone("b")]}, {"batch_id": "b-2", "events": [gone("c")]}))

    assert [row["batch_id"] for row in done["batches"]] == ["b-2"]
    assert [(row["batch_id"], row["id"]) for row in done["refused"]] == [("b-1", None)]
    assert "another batch has this id" in done["refused"][0]["reason"]


def test_waiting_batches_come_in_pages(api: Api) -> None:
    publish(api, lines(*({"batch_id": f"b-{n}", "events": [gone("a")]} for n in range(5))))
    found: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"/api/v2/changes?limit=2{cursor}").json()
        found += [row["batch_id"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert found == [f"b-{n}" for n in range(5)]


def test_what_was_put_aside_is_published_again_once_it_can_be_read(api: Api) -> None:
    ahead = {"events": [gone("a", at="2026-01-15T13:30:00Z")]}
    parked_id = publish(api, lines(ahead))["refused"][0]["id"]
    context = api.client.app.state.context  # type: ignore[attr-defined]

    failed = api.client.post("/api/v2/changes/parked/retry", json={}, headers=api.acme).json()
    assert [row["id"] for row in failed["items"]] == [parked_id]
    assert "in the future" in failed["items"][0]["reason"]

    context.changes._clock = Later()
    done = api.client.post("/api/v2/changes/parked/retry", json={"ids": [parked_id]}, headers=api.acme).json()
    assert done["items"][0]["reason"] is None
    assert len(done["items"][0]["positions"]) == 1
    assert api.get("/api/v2/changes/parked").json()["items"] == []


class Later:
    """A day later."""

    def now(self) -> Any:
        from tests.unit.serve.api_fixture import NOW  # noqa: PLC0415

        return NOW.replace(day=16)


def test_a_batch_that_its_consumer_put_aside_is_published_behind_the_others(api: Api) -> None:
    position = publish(api, lines({"batch_id": "b-1", "events": [gone("a")]}))["batches"][0]["position"]
    changes = api.client.app.state.context.changes._changes  # type: ignore[attr-defined]
    changes.park(ACME, position, "no such scope")
    publish(api, lines({"batch_id": "b-2", "events": [gone("b")]}))
    changes.trim(ACME, changes.extent(ACME).last)

    done = api.client.post("/api/v2/changes/parked/retry", json={"ids": [position]}, headers=api.acme).json()

    assert done["items"][0]["positions"] > [position]
    (again,) = api.get("/api/v2/changes").json()["items"]
    assert again["batch_id"] == f"b-1~{position}"


def test_an_id_that_names_nothing_is_not_found(api: Api) -> None:
    answer = api.client.post("/api/v2/changes/parked/retry", json={"ids": ["refused-1"]}, headers=api.acme)

    assert answer.status_code == 404


def test_what_was_put_aside_can_be_forgotten_by_its_tenant_alone(api: Api) -> None:
    parked_id = publish(api, b"{broken")["refused"][0]["id"]
    body = {"ids": [parked_id]}

    other = api.client.post("/api/v2/changes/parked/discard", json=body, headers=api.globex).json()
    own = api.client.post("/api/v2/changes/parked/discard", json=body, headers=api.acme).json()

    assert (other["discarded"], own["discarded"]) == (0, 1)


def test_a_tenant_sees_its_own_changes_alone(api: Api) -> None:
    publish(api, lines({"events": [gone("a")]}))

    assert api.get("/api/v2/changes", api.globex).json()["length"] == 0


def test_too_many_lines_are_refused(api: Api) -> None:
    answer = api.client.post("/api/v2/changes", content=b"\n" * 20_001, headers=api.acme)

    assert answer.status_code == 422
    assert answer.json()["facts"]["got"] == 20_002


def test_a_stream_that_cannot_take_more_says_when_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(batch: object) -> str:
        raise UnavailableError("too far behind", retry_after_s=30)

    changes = api.client.app.state.context.changes._changes  # type: ignore[attr-defined]
    monkeypatch.setattr(changes, "publish", full)

    answer = api.client.post("/api/v2/changes", content=lines({"events": [gone("a")]}), headers=api.acme)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


@pytest.fixture
def remote(api: Api, monkeypatch: pytest.MonkeyPatch) -> RemoteChanges:
    sent_to(api, monkeypatch)
    return RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)).changes


def test_a_platform_reached_over_http_has_the_same_face(api: Api, remote: RemoteChanges) -> None:
    done = remote.publish(ACME, lines({"batch_id": "b-1", "events": [gone("a")]}, m.event_grid("ResourceX"), 7))

    assert done["events"] == 1
    assert [row["line"] for row in done["refused"]] == [2, 3]
    assert [row["batch_id"] for row in remote.waiting(ACME)["items"]] == ["b-1"]
    assert remote.waiting(ACME, after=remote.waiting(ACME)["last"])["items"] == []
    ids = [row["id"] for row in remote.parked(ACME)["items"]]
    assert [row["reason"] is None for row in remote.retry(ACME)["items"]] == [False, False]
    assert remote.discard(ACME, ids)["discarded"] == 2
    with pytest.raises(NotFound):
        remote.retry(ACME, ids)


def test_many_lines_go_in_parts_and_keep_their_numbers(
    api: Api, remote: RemoteChanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve.remote_changes._PART_LINES", 3)
    content = lines(*({"batch_id": f"b-{n}", "events": [gone("a")]} for n in range(7))) + b"{broken"

    done = remote.publish(ACME, content)

    assert len(done["batches"]) == 7
    assert [row["line"] for row in done["refused"]] == [8]
