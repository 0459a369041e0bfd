"""Saved graphs: what is mapped back is what was saved, and what is damaged is not used."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from domain.errors import IntegrityError, UnavailableError
from domain.tenancy import TenantId
from graph.live import LiveGraph
from graph.saved import Saved, Unusable, discard, load, save
from tests.unit.graph.changing import World, state
from tests.unit.graph.estate import TENANT
from tests.unit.graph.test_live import require_equal, require_identical


def some_world(seed: int) -> World:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(25)))
    return world


def saved(folder: Path) -> Saved:
    found = load(folder, TENANT)
    assert isinstance(found, Saved), found
    return found


def reason(folder: Path) -> str:
    found = load(folder, TENANT)
    assert isinstance(found, Unusable)
    return found.reason


@pytest.mark.parametrize("seed", range(10))
def test_a_saved_graph_is_mapped_back_and_goes_on(tmp_path: Path, seed: int) -> None:
    world = some_world(seed)
    save(tmp_path, world.live().base, 7)
    found = saved(tmp_path)
    live = LiveGraph(found.base, world.documents)
    assert found.store_version == 7
    require_equal(live.view(), world)
    chance = Random(seed)
    for _ in range(5):
        live.apply([each for _ in range(3) for each in world.happen(chance)])
        require_equal(live.view(), world)
    require_identical(live, world)


def test_a_graph_without_resources_is_saved_too(tmp_path: Path) -> None:
    world = World()
    save(tmp_path, world.live().base, 0)
    live = LiveGraph(saved(tmp_path).base, world.documents)
    live.apply(world.put(state(Random(1))))
    require_equal(live.view(), world)


def test_the_newest_is_kept_alone(tmp_path: Path) -> None:
    for version in (9, 10):
        save(tmp_path, some_world(version).live().base, version)
    assert saved(tmp_path).store_version == 10
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_byte_in_any_file_is_found(tmp_path: Path) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    for path in sorted(tmp_path.rglob("*.arrow")):
        content = path.read_bytes()
        for at in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert path.name in reason(tmp_path)
        path.write_bytes(content[: len(content) // 2])
        assert "damaged" in reason(tmp_path)
        path.unlink()
        assert "damaged" in reason(tmp_path)
        path.write_bytes(content)
    assert saved(tmp_path).store_version == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tenant": "acme"}', "\xff"])
def test_a_manifest_that_says_nothing_is_not_used(tmp_path: Path, text: str) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    next(tmp_path.rglob("manifest.json")).write_text(text, "latin-1")
    assert "damaged" in reason(tmp_path)


def test_what_was_read_by_other_rules_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    monkeypatch.setattr("graph.saved.RULES", ())
    assert "another release" in reason(tmp_path)


def test_another_tenants_graph_is_an_alarm(tmp_path: Path) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    with pytest.raises(IntegrityError) as raised:
        load(tmp_path, TenantId("other"))
    assert (raised.value.facts["expected"], raised.value.facts["got"]) == ("other", "acme")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError) as raised:
        save(tmp_path / "file", some_world(1).live().base, 3)
    assert raised.value.facts["folder"] == str(tmp_path / "file")


def test_a_half_written_folder_is_not_seen(tmp_path: Path) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    half = tmp_path / ".graph-1"
    half.mkdir()
    (half / "manifest.json").write_text("{}")
    assert saved(tmp_path).store_version == 3


def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    save(tmp_path, some_world(1).live().base, 3)
    discard(tmp_path)
    assert reason(tmp_path) == "nothing was saved"
    assert reason(tmp_path / "never") == "nothing was saved"


def test_the_manifest_is_for_people_too(tmp_path: Path) -> None:
    written = save(tmp_path, some_world(1).live().base, 3)
    manifest = json.loads(next(tmp_path.rglob("manifest.json")).read_text())
    assert (manifest["tenant"], manifest["version"]) == ("acme", 3)
    assert written == sum(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
