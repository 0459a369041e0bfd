"""Read models are what their log says, whatever was saved of them and whenever the process ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.canonical import encode
from chain.merkle import Tree
from chain.projection import SAVE_EVENTS, Entry, Projection, ReadModel, State
from chain.read_models import CONTROL, POLICY, SUBJECT, CountsByDay, LatestByMatter, day_counts, latest_evidence
from chain.tree_hash import BOTH, Twin
from domain.clock import format_instant
from domain.evidence import EntryId, EventType, LogName
from domain.value import Json

DAY = datetime(2026, 11, 24, tzinfo=UTC)
PROJECTIONS: tuple[Projection, ...] = (CountsByDay(), LatestByMatter(matters_max=5))


@dataclass
class Log:
    """A log in memory."""

    origin: str = "example.org/acme/2026"
    entries: list[bytes] = field(default_factory=list)
    trees: Twin[Tree] = field(default_factory=lambda: Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256)))
    reads: int = 0

    @property
    def size(self) -> int:
        return len(self.entries)

    def entry(self, index: int) -> bytes:
        self.reads += 1
        return self.entries[index]

    def root(self, size: int) -> Twin[bytes]:
        return Twin(self.trees.sha256.root(size), self.trees.sha3_256.root(size))

    def add(self, *entries: bytes) -> None:
        self.entries += entries
        self.trees.sha256.extend(BOTH.sha256.leaves(list(entries)))
        self.trees.sha3_256.extend(BOTH.sha3_256.leaves(list(entries)))


def entry(subject: str, *, hours: int = 0, kind: str = EventType.ACCESS_REVIEW, **body: Json) -> bytes:
    at = format_instant(DAY + timedelta(hours=hours))
    return encode({"at": at, "type": kind, "body": {"subject": subject, **body}})


def log_of(*entries: bytes) -> Log:
    log = Log()
    log.add(*entries)
    return log


entries = st.builds(
    entry,
    st.sampled_from("abcdefgh"),
    hours=st.integers(0, 60),
    kind=st.sampled_from([EventType.ACCESS_REVIEW, EventType.SCAN_RESULT, EventType.BLOCK_SEALED]),
    controls=st.lists(st.builds(lambda name: {"framework": "f", "id": name}, st.sampled_from("xyz")), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(entries, min_size=1, max_size=150), max_size=5), st.randoms(use_true_random=False))
def test_a_model_kept_through_crashes_is_the_model_made_from_zero(batches: list[list[bytes]], random: object) -> None:
    for projection in PROJECTIONS:
        with TemporaryDirectory() as folder:
            log, path = Log(), Path(folder) / "model"
            for batch in batches:
                log.add(*batch)
                assert ReadModel(projection, log, path).covered <= log.size
                ReadModel(projection, log, path).content()
                content = path.read_bytes()
                path.write_bytes(content[: random.randrange(len(content) + 1)])  # type: ignore[attr-defined]
            kept = ReadModel(projection, log, path).content()
            assert kept == ReadModel(projection, log, Path(folder) / "anew").content()
            assert kept == ReadModel(projection, log, path).content()


def test_a_restart_reads_only_what_is_new(tmp_path: Path) -> None:
    log = log_of(*(entry("a") for _ in range(250)))
    ReadModel(CountsByDay(), log, tmp_path / "model").state()
    log.add(entry("a"))
    log.reads = 0
    restarted = ReadModel(CountsByDay(), log, tmp_path / "model")
    assert restarted.covered == 250
    assert restarted.state() == {"2026-11-24 access_review": 251}
    assert log.reads == 1


def test_the_state_is_saved_at_least_every_hundred_entries(tmp_path: Path) -> None:
    log = log_of(*(entry("a") for _ in range(1_000)))
    ReadModel(CountsByDay(), log, tmp_path / "model").state()
    sizes = [int(line.split(b'"size":')[1].rstrip(b"}")) for line in (tmp_path / "model").read_bytes().splitlines()]
    assert sizes == list(range(SAVE_EVENTS, 1_001, SAVE_EVENTS))


def test_many_changes_are_folded_into_a_whole_state(tmp_path: Path) -> None:
    log = log_of(*(entry(f"{number % 300}-{'x' * 200}", hours=number % 20) for number in range(3_000)))
    ReadModel(LatestByMatter(), log, tmp_path / "model").state()
    assert (tmp_path / "model").stat().st_size < 3 * 64 * 1024


def test_a_model_of_another_log_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "model"
    ReadModel(CountsByDay(), log_of(entry("a"), entry("b")), path).state()
    other = log_of(entry("c"), entry("d", hours=30))
    assert ReadModel(CountsByDay(), other, path).covered == 0
    assert ReadModel(CountsByDay(), other, path).state() == {
        "2026-11-24 access_review": 1,
        "2026-11-25 access_review": 1,
    }


def test_a_model_ahead_of_its_log_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "model"
    ReadModel(CountsByDay(), log_of(entry("a"), entry("b")), path).state()
    assert ReadModel(CountsByDay(), log_of(entry("a")), path).state() == {"2026-11-24 access_review": 1}


def test_a_model_of_another_version_or_origin_is_made_anew(tmp_path: Path) -> None:
    path, log = tmp_path / "model", log_of(entry("a"))
    ReadModel(LatestByMatter(), log, path).state()
    assert ReadModel(CountsByDay(), log, path).covered == 0
    ReadModel(CountsByDay(), log, path).state()
    log.origin = "example.org/globex/2026"
    assert ReadModel(CountsByDay(), log, path).covered == 0


def test_an_altered_state_is_dropped(tmp_path: Path) -> None:
    path, log = tmp_path / "model", log_of(*(entry("a") for _ in range(250)))
    ReadModel(CountsByDay(), log, path).state()
    path.write_bytes(path.read_bytes().replace(b'access_review":200', b'access_review":199'))
    assert ReadModel(CountsByDay(), log, path).covered == 100
    assert ReadModel(CountsByDay(), log, path).state() == {"2026-11-24 access_review": 250}


def test_counts_of_several_years_are_summed() -> None:
    states: list[State] = [{"2026-12-31 scan_result": 2}, {"2026-12-31 scan_result": 1, "2027-01-01 access_review": 5}]
    assert [(row.day, row.type, row.count) for row in day_counts(states)] == [
        ("2026-12-31", "scan_result", 3),
        ("2027-01-01", "access_review", 5),
    ]


def fold(projection: Projection, *found: Entry) -> Mapping[str, Json]:
    state: dict[str, Json] = {}
    for index, each in enumerate(found):
        state.update(projection.changes(state, index, each))
    return state


def event(at: str, **body: Json) -> Entry:
    return {"at": at, "type": "access_review", "body": body}


def test_the_latest_evidence_is_that_of_the_latest_time() -> None:
    state = fold(
        LatestByMatter(),
        event("2026-02-01T00:00:00Z", subject="payroll", result="satisfied"),
        event("2026-01-01T00:00:00Z", subject="payroll", result="not_satisfied"),
        event("2026-02-01T00:00:00Z", subject="vpn", policy="mfa", verdict="violation"),
    )
    found = latest_evidence([(LogName(2026), state)], SUBJECT)
    assert [(row.name, str(row.evidence_id), row.result) for row in found] == [
        ("payroll", "2026-0", "satisfied"),
        ("vpn", "2026-2", "violation"),
    ]
    assert [row.name for row in latest_evidence([(LogName(2026), state)], POLICY)] == ["mfa"]


def test_controls_are_matters_by_framework_and_id() -> None:
    state = fold(
        LatestByMatter(),
        event("2026-01-01T00:00:00Z", controls=[{"framework": "SOC 2", "id": "CC6.1"}, "not a control"]),
        event("2026-01-02T00:00:00Z", controls="none"),
    )
    (row,) = latest_evidence([(LogName(2026), state)], CONTROL)
    assert (row.name, row.result, row.at) == ("SOC 2/CC6.1", None, "2026-01-01T00:00:00Z")


def test_the_later_year_wins_where_times_are_equal() -> None:
    at = "2026-12-31T23:59:59Z"
    states = [
        (LogName(2026), fold(LatestByMatter(), event(at, subject="a"))),
        (LogName(2027), fold(LatestByMatter(), event(at, subject="a"))),
    ]
    assert [row.evidence_id for row in latest_evidence(states, SUBJECT)] == [EntryId(2027, 0)]


@pytest.mark.parametrize("names", ["abc", "abca", "abcb"])
def test_matters_over_the_limit_are_counted_and_not_kept(names: str) -> None:
    state = fold(
        LatestByMatter(matters_max=2),
        *(event(f"2026-01-0{n + 1}T00:00:00Z", subject=name) for n, name in enumerate(names)),
    )
    assert [row.name for row in latest_evidence([(LogName(2026), state)], SUBJECT)] == ["a", "b"]
    assert state["untracked"] == 1
