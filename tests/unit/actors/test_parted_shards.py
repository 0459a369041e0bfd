"""Shards of one platform in this process that hold one tenant's graph together: what a caller is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.drift_pages import DriftQuery
from actors.folders import Folders
from actors.handles import LocalHandle
from actors.judged_graph import ITEM_BYTES
from actors.messages import EVERYTHING, ScanRequest
from actors.part_face import PartFace
from actors.shards.config import ShardConfig
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory
from actors.shards.router import ShardRouter
from actors.tenant_shard import TenantShard
from assessment.blast import Blast, Score
from assessment.deletion import Removal
from assessment.dependencies import Dependencies
from assessment.drawing import View
from connectors.baseline.parts import baseline
from connectors.baseline.snapshot import read
from connectors.stream.memory import MemoryChangeStream
from domain.drift import BaselineSource
from domain.errors import ConflictError, NotFound
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore
from tests.unit.actors.test_parting import LARGE, SMALL_BYTES, state_of
from tests.unit.actors.test_tenant_shard import ACCOUNT, POLICY, export, scan, violated
from tests.unit.connectors.stream.changes import NOON, TENANT, FixedClock, batch, item

OTHER = TenantId("globex")


@dataclass
class Platform:
    """Two shards over one store and one stream for each tenant."""

    folder: Path
    whole_bytes: int = SMALL_BYTES
    judged_bytes: int = 0
    stream: MemoryChangeStream = field(default_factory=MemoryChangeStream)
    shards: dict[str, TenantShard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roster = RosterInMemory(Roster(1, ("a", "b")))
        for name in ("a", "b"):
            self.start(name)
        self.router = ShardRouter[TenantShard](self.roster, lambda name: LocalHandle(self.shards[name]))

    def start(self, name: str) -> None:
        """A shard with nothing in its memory."""
        self.shards[name] = TenantShard(
            Folders(self.folder),
            DuckDbStore,
            ShardConfig(
                name,
                is_following=True,
                shows_ahead=True,
                has_threads=False,
                whole_bytes=self.whole_bytes,
                judged_bytes=self.judged_bytes,
            ),
            place=self.roster,
            open_stream=lambda: self.stream,
            others=ShardRouter[PartFace](self.roster, lambda other: LocalHandle(self.shards[other])),
            clock=FixedClock(),
        )

    @property
    def owner(self) -> TenantShard:
        return self.shards[self.roster_now.owner(TENANT)]

    @property
    def roster_now(self) -> Roster:
        found = self.roster.current()
        assert found is not None
        return found

    def place_on(self, *names: str) -> None:
        """From now on tenants are placed on these shards, as each of them has read."""
        self.roster.save(Roster(self.roster_now.version + 1, names))
        for shard in self.shards.values():
            shard.keep_house()

    def close(self) -> None:
        for shard in self.shards.values():
            shard.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    found = Platform(tmp_path)
    found.stream.publish(batch("first", *(state_of(number) for number in range(LARGE))))
    found.owner.follow(TENANT)
    yield found
    found.close()


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Platform]:
    """The same, held whole."""
    found = Platform(tmp_path / "whole", whole_bytes=10_000_000)
    found.stream.publish(batch("first", *(state_of(number) for number in range(LARGE))))
    found.owner.follow(TENANT)
    yield found
    found.close()


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A resource's answer, its edges in one order."""
    edges = {name: sorted(row[name], key=str) for name in ("depends_on", "needed_by")}
    return {**{key: value for key, value in row.items() if key != "version"}, **edges}


def test_resources_are_told_of_as_where_the_graph_is_whole(platform: Platform, whole: Platform) -> None:
    for number in range(LARGE):
        uid = item(f"q{number}").uid
        found = platform.owner.resource(TENANT, uid)
        assert shown(found) == shown(whole.owner.resource(TENANT, uid))
        assert found["properties"]["Number"] == number
    with pytest.raises(NotFound):
        platform.owner.resource(TENANT, item("nowhere").uid)


def test_the_status_counts_as_where_the_graph_is_whole_and_names_the_parts(platform: Platform, whole: Platform) -> None:
    found, expected = platform.owner.graph_status(TENANT), whole.owner.graph_status(TENANT)
    for name in ("resources", "relationships", "dangling", "unproven_accounts", "changes_waiting"):
        assert found[name] == expected[name], name
    assert {row["shard"] for row in found["parts"]} == {"a", "b"}
    assert found["containment_circles"] is None
    assert found["size_bytes"] >= sum(row["size_bytes"] for row in found["parts"]) > 0
    assert expected["parts"] == []


def test_a_change_is_shown_and_stored(platform: Platform) -> None:
    platform.owner.graph_status(TENANT)
    later = NOON + timedelta(seconds=1)
    platform.stream.publish(batch("next", state_of(3, at=later, names=9)))
    platform.owner.work()
    row = platform.owner.resource(TENANT, item("q3").uid)
    assert [each["resource_id"] for each in row["depends_on"]] == [item("q9").uid]
    assert item("q3").uid in {
        each["resource_id"] for each in platform.owner.resource(TENANT, item("q9").uid)["needed_by"]
    }
    assert len(platform.owner.resource_history(TENANT, item("q3").uid)) == 2


def test_a_graph_in_parts_has_no_view_for_readers_elsewhere(platform: Platform) -> None:
    with pytest.raises(ConflictError, match="held in parts"):
        platform.owner.shared_view(TENANT)


def test_what_is_judged_between_scans_is_as_where_the_graph_is_whole(platform: Platform, whole: Platform) -> None:
    later = NOON + timedelta(minutes=1)
    for number in range(2):
        for each in (platform, whole):
            changed = state_of(3 + number, at=later + timedelta(seconds=number), names=9)
            each.stream.publish(batch(f"next-{number}", changed))
            each.owner.take_changes(TENANT)
        at = later + timedelta(minutes=1)
        expected = whole.owner.analysis(TENANT, as_of=at, filters=EVERYTHING, limit=10)
        assert platform.owner.analysis(TENANT, as_of=at, filters=EVERYTHING, limit=10) == expected
        assert expected["blast_radius"]
        assert expected["violations_total"] > 0
        for uid in (item("q3").uid, item("q30").uid):
            expected = whole.owner.timeline(TENANT, uid, as_of=at)
            assert platform.owner.timeline(TENANT, uid, as_of=at) == expected
    assert platform.owner.graph_status(TENANT)["parts"]


def test_what_does_not_fit_is_not_judged_and_says_how_much_it_is(tmp_path: Path) -> None:
    platform = Platform(tmp_path, judged_bytes=10 * ITEM_BYTES)
    platform.stream.publish(batch("first", *(state_of(number) for number in range(LARGE))))
    platform.owner.follow(TENANT)
    with pytest.raises(ConflictError, match="held in parts") as raised:
        platform.owner.analysis(TENANT, as_of=NOON, filters=EVERYTHING, limit=10)
    assert (raised.value.facts["resources"], raised.value.facts["resources_max"]) == (LARGE, 10)
    assert "judged_mib" in str(raised.value.facts["todo"])
    platform.close()


def test_failures_dependencies_and_the_drawing_are_told_of_as_where_the_graph_is_whole(
    platform: Platform, whole: Platform
) -> None:
    uid = item("q20").uid
    for question in (
        Blast(uid),
        Score(uid),
        Dependencies(uid, depth=9),
        Removal((uid,)),
        View(),
        View(nodes_max=10),
        View(around=uid, depth=3),
    ):
        expected = whole.owner.impact(TENANT, question, as_of=NOON)
        assert platform.owner.impact(TENANT, question, as_of=NOON) == expected
    assert platform.owner.graph_status(TENANT)["parts"]
    with pytest.raises(NotFound):
        platform.owner.impact(TENANT, Blast(item("nowhere").uid), as_of=NOON)


def test_history_and_drift_are_answered_from_the_store(platform: Platform) -> None:
    owner, uid = platform.owner, item("q3").uid
    owner.graph_status(TENANT)
    approved = [found for number in range(LARGE) if (found := state_of(number).item) is not None]
    declared = baseline("approved", BaselineSource.SNAPSHOT, read(approved))
    owner.declare_baselines(TENANT, [declared], NOON + timedelta(minutes=1))
    platform.stream.publish(batch("next", state_of(3, at=NOON + timedelta(minutes=2), names=9)))
    owner.take_changes(TENANT)
    page = owner.active_drift(TENANT, DriftQuery(), at=NOON + timedelta(minutes=3))
    assert [row["resource_id"] for row in page.items] == [uid]
    assert len(owner.resource_history(TENANT, uid)) == 2


def test_a_shard_tells_how_many_parts_it_holds_and_lets_them_go_when_it_ends(platform: Platform) -> None:
    platform.owner.graph_status(TENANT)
    beats = {name: shard.beat() for name, shard in platform.shards.items()}
    assert all(beat.parts and beat.used_bytes > 0 for beat in beats.values())
    ending = next(name for name, shard in platform.shards.items() if shard is not platform.owner)
    platform.shards[ending].drain()
    assert platform.shards[ending].beat().parts == 0


def test_a_small_tenant_beside_it_is_held_whole(platform: Platform) -> None:
    platform.owner.graph_status(TENANT)
    other = platform.shards[platform.roster_now.owner(OTHER)]
    assert other.graph_status(OTHER)["parts"] == []
    assert len(other.shared_view(OTHER).base.get()) == 0


def test_an_owner_that_began_anew_and_one_that_holds_parts_answer_again(platform: Platform) -> None:
    uid = item("q3").uid
    before = shown(platform.owner.resource(TENANT, uid))
    for name in ("a", "b"):
        platform.shards[name].close()
        platform.start(name)
        platform.router.forget(name)
        assert shown(platform.owner.resource(TENANT, uid)) == before


@pytest.mark.parametrize("left", ["a", "b"])
def test_graphs_are_held_by_the_shards_that_there_are_without_anybody_asking(platform: Platform, left: str) -> None:
    uid = item("q3").uid
    before = shown(platform.owner.resource(TENANT, uid))
    platform.place_on(left)
    assert shown(platform.owner.resource(TENANT, uid)) == before
    assert platform.owner.graph_status(TENANT)["parts"] == []
    platform.place_on("a", "b")
    platform.owner.warm([TENANT])
    assert all(shard.beat().parts for shard in platform.shards.values())
    assert shown(platform.owner.resource(TENANT, uid)) == before


def test_a_scan_is_judged_and_goes_into_the_parts(platform: Platform, tmp_path: Path) -> None:
    owner = platform.owner
    owner.graph_status(TENANT)
    export(tmp_path, supportsHttpsTrafficOnly=False)
    request = ScanRequest(TENANT, (str(tmp_path / "exports"),), NOON + timedelta(minutes=1))
    assert POLICY in violated(scan(owner, request))
    found = owner.graph_status(TENANT)
    assert (found["resources"], len({part["shard"] for part in found["parts"]})) == (LARGE + 1, 2)
    assert owner.resource(TENANT, ACCOUNT)["properties"]["properties"]["supportsHttpsTrafficOnly"] is False
