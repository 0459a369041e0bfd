from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from domain.errors import InputError
from domain.value import Json
from policy.exemption import Exemption, load_exemptions
from tests.unit.policy.resources import NOW, resource

ROW: dict[str, Json] = {
    "id": "w1",
    "policy": "p",
    "reason": "migration",
    "owner": "network team",
    "resource": "/subscriptions/S/gates/main",
    "created_at": "2026-11-01",
    "expires_at": "2026-12-01",
}
GATE = resource({"id": "/Subscriptions/s/gates/main"})


def load(tmp_path: Path, rows: Json) -> tuple[Exemption, ...]:
    file = tmp_path / "waivers.json"
    file.write_bytes(orjson.dumps(rows))
    return load_exemptions(file)


def one(tmp_path: Path, **changes: Json) -> Exemption:
    return load(tmp_path, [{name: value for name, value in {**ROW, **changes}.items() if value is not None}])[0]


def test_a_waiver_covers_its_resource_and_policy_until_it_ends(tmp_path: Path) -> None:
    waiver = one(tmp_path)
    assert waiver.covers(GATE, "p", NOW)
    assert not waiver.covers(GATE, "q", NOW)
    assert not waiver.covers(resource({"id": "/subscriptions/s/gates/other"}), "p", NOW)
    assert not waiver.covers(GATE, "p", NOW - timedelta(days=60))
    assert not waiver.covers(GATE, "p", NOW + timedelta(days=7))


def test_a_scope_covers_all_below_it_and_nothing_beside_it(tmp_path: Path) -> None:
    waiver = one(tmp_path, resource=None, scope="/subscriptions/s/", policy="*", expires_at=None, created_at=None)
    assert waiver.covers(GATE, "anything", NOW)
    assert not waiver.covers(resource({"id": "/subscriptions/s2/gates/main"}), "p", NOW)


def test_waivers_come_from_ndjson_and_csv_alike(tmp_path: Path) -> None:
    lines = tmp_path / "waivers.ndjson"
    lines.write_bytes(orjson.dumps(ROW) + b"\n" + orjson.dumps({**ROW, "id": "w0"}))
    table = tmp_path / "waivers.csv"
    table.write_text(
        "id,policy,reason,owner,scope,resource,created_at,expires_at\n"
        + ",".join(
            str(ROW.get(name, ""))
            for name in ("id", "policy", "reason", "owner", "scope", "resource", "created_at", "expires_at")
        )
    )
    assert [waiver.exemption_id for waiver in load_exemptions(lines)] == ["w0", "w1"]
    assert load_exemptions(table) == load(tmp_path, [ROW])


def test_a_waiver_without_an_id_gets_a_stable_one(tmp_path: Path) -> None:
    assert one(tmp_path, id=None).exemption_id == one(tmp_path, id=None).exemption_id
    assert one(tmp_path, id=None).exemption_id != one(tmp_path, id=None, reason="other").exemption_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": None}, "owner"),
        ({"reason": " "}, "reason"),
        ({"policy": 5}, "policy"),
        ({"resource": None}, "scope"),
        ({"scope": "/x"}, "scope"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "2026-10-01"}, "expires_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_waiver_is_refused_with_its_row_and_field(tmp_path: Path, changes: dict[str, Json], field: str) -> None:
    with pytest.raises(InputError) as caught:
        one(tmp_path, **changes)
    assert caught.value.facts["field"] == field
    assert str(caught.value.facts["where"]).endswith("row 1")


def test_waivers_that_share_an_id_or_are_no_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="twice"):
        load(tmp_path, [ROW, ROW])
    with pytest.raises(InputError, match="not an object"):
        load(tmp_path, [5])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("none.csv", "none.json"):
        with pytest.raises(InputError, match=name):
            load_exemptions(tmp_path / name)
