"""The published log as files: what a client of the C2SP formats asks for, and nothing else of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.layout import bundles, tiles
from chain.tree_hash import BOTH
from chain.verify import verify_directory
from tests.unit.serve.api_fixture import Api


@pytest.fixture(scope="module")
def origin(api: Api) -> str:
    rows = {"items": [{"id": f"file-{number}", "subject": "s"} for number in range(400)]}
    assert api.client.post("/api/v2/evidence/batch", json=rows, headers=api.acme).status_code == 201
    head = api.client.post("/api/v2/chain/publish", headers=api.acme).json()["logs"][-1]
    return str(head["origin"])


def test_a_log_fetched_file_by_file_verifies_offline(api: Api, origin: str, tmp_path: Path) -> None:
    size = api.get("/api/v2/chain/head").json()["logs"][-1]["size"]
    names = ["checkpoint", "sha3/checkpoint", "verifier_keys"]
    names += [tile.path for tree in (BOTH.sha256, BOTH.sha3_256) for tile in tiles(tree, size)]
    names += [bundle.path for bundle in bundles(size)]
    year = tmp_path / origin.rpartition("/")[2]
    for name in names:
        answer = api.get(f"/api/v2/log/{origin}/{name}")
        assert answer.status_code == 200, name
        (year / name).parent.mkdir(parents=True, exist_ok=True)
        (year / name).write_bytes(answer.content)
    found = verify_directory(tmp_path)
    assert {finding.where for finding in found.findings if "artifact" not in finding.where} == set(), found.findings
    assert found.entries == size


def test_full_tiles_never_change_and_checkpoints_are_asked_for_anew(api: Api, origin: str) -> None:
    tile = api.get(f"/api/v2/log/{origin}/tile/0/000")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    assert len(tile.content) == 256 * 32
    checkpoint = api.get(f"/api/v2/log/{origin}/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "private, no-cache"
    assert {answer.headers["vary"] for answer in (tile, checkpoint)} == {"Authorization"}


def test_an_unchanged_file_is_not_sent_again(api: Api, origin: str) -> None:
    path = f"/api/v2/log/{origin}/checkpoint"
    etag = api.get(path).headers["etag"]
    again = api.get(path, {**api.acme, "If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get(path, {**api.acme, "If-None-Match": '"other"'}).status_code == 200


def test_an_artifact_is_served_by_its_digest(api: Api, origin: str) -> None:
    api.scan(api.acme)
    api.client.post("/api/v2/chain/publish", headers=api.acme)
    row = api.get("/api/v2/evidence?type=ComplianceChecked&limit=1").json()["items"][0]
    entry = api.get(f"/api/v2/evidence/{row['evidence_id']}").json()["entry"]
    digest = entry["artifacts"]["resources"]["sha256"]
    answer = api.get(f"/api/v2/log/{origin}/artifact/{digest}")
    assert len(answer.content) == entry["artifacts"]["resources"]["size"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/00/000",
        "tile/0/999",
        "tile/0/000.p/0",
        "sha3/tile/entries/000",
        "artifact/" + "0" * 64,
        "artifact%2f..%2fcheckpoint",
        "../../../../tokens.json",
        "%2e%2e/%2e%2e/tokens.json",
        "..%2f..%2ftokens.json",
        "checkpoint/",
        "/checkpoint",
        "checkpoint.partial-write",
        "checkpoint%00",
    ],
)
def test_what_is_no_file_of_the_log_is_not_found(api: Api, origin: str, name: str) -> None:
    answer = api.client.get(f"/api/v2/log/{origin}/{name}", headers=api.acme)
    assert answer.status_code == 404, answer.text
    assert "pcg_" not in answer.text


@pytest.mark.parametrize("log", ["policycortex.local/globex/2026", "policycortex.local/_platform/2026", "acme", "x/y"])
def test_another_log_is_not_found(api: Api, origin: str, log: str) -> None:
    assert api.get(f"/api/v2/log/{log}/checkpoint").status_code == 404
    assert api.get(f"/api/v2/log/{origin}/checkpoint", api.globex).status_code == 404
