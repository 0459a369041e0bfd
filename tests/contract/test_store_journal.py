"""The embedded store's journal: what was acknowledged outlives the process, whatever was cut short."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.change import ChangeEvent
from domain.errors import IntegrityError, UnavailableError
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores import duckdb as embedded
from graph.stores.duckdb import DuckDbStore
from graph.stores.journal_file import JournalFile
from tests.contract.test_graph_agreement import Life, answers
from tests.contract.test_graph_changes import Links, event
from tests.unit.graph.estate import NOON, TENANT, inventory, item

ROOT = Path(__file__).parents[2]
_WRITES_AND_DIES = """
import os, sys
from pathlib import Path
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from graph.stores.duckdb import DuckDbStore
from tests.contract.test_graph_changes import Links, event
from tests.unit.graph.estate import NOON, TENANT, inventory, item

store = DuckDbStore(Path(sys.argv[1]), TENANT)
store.put_inventory(inventory(item("a"), item("b"), item("c")), "all", NOON)
link = Relationship(ResourceId("a"), ResourceId("b"), RelationshipKind.NETWORK, Strength.HARD, "p")
for hours in range(1, 5):
    store.apply([event("a", hours, hours), event(f"new-{hours}", hours, 1)], stream="s", position=str(hours))
store.apply([event("b", 1, None)], relate=lambda _: Links(frozenset({ResourceId("a")}), (link,)))
store.apply([event("c", 1, 2**70)], stream="s", position="last")
print(store.version(), flush=True)
os._exit(9)
"""


def _died(folder: Path) -> int:
    """A store whose process ended without a word; the version that it had."""
    ran = subprocess.run(
        [sys.executable, "-c", _WRITES_AND_DIES, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 9, ran.stderr
    return int(ran.stdout)


def _require_everything(store: DuckDbStore, version: int) -> None:
    assert store.version() == version
    assert [found.uid for found in store.items()] == ["a", "c", "new-1", "new-2", "new-3", "new-4"]
    assert store.item("a").properties == {"v": 4}
    assert store.item("c").properties == {"v": 2**70}
    assert [each.source for each in store.relationships()] == ["a"]
    assert store.position("s") == "last"


def test_what_was_acknowledged_is_there_after_the_process_died(tmp_path: Path) -> None:
    version = _died(tmp_path)
    store = DuckDbStore(tmp_path, TENANT)
    _require_everything(store, version)
    store.close()
    again = DuckDbStore(tmp_path, TENANT)
    _require_everything(again, version)
    again.close()


def test_entries_that_the_tables_have_already_are_not_taken_twice(tmp_path: Path) -> None:
    version = _died(tmp_path)
    path = tmp_path / f"{TENANT}.journal"
    kept = path.read_bytes()
    DuckDbStore(tmp_path, TENANT).close()
    path.write_bytes(kept)
    store = DuckDbStore(tmp_path, TENANT)
    _require_everything(store, version)
    assert len(store.history("a")) == 5
    store.close()


@pytest.mark.parametrize("left", range(1, 60, 7))
def test_an_entry_that_was_not_wholly_written_does_not_count(tmp_path: Path, left: int) -> None:
    journal = JournalFile(tmp_path / "j", TENANT)
    journal.add(b"one")
    whole = (tmp_path / "j").stat().st_size
    journal.add(b"two" * 20)
    journal.close()
    os.truncate(tmp_path / "j", whole + left)
    again = JournalFile(tmp_path / "j", TENANT)
    assert again.found == (b"one",)
    again.add(b"three")
    again.close()
    assert JournalFile(tmp_path / "j", TENANT).found == (b"one", b"three")


def test_a_damaged_entry_among_others_is_an_alarm(tmp_path: Path) -> None:
    _died(tmp_path)
    path = tmp_path / f"{TENANT}.journal"
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="journal") as refused:
        DuckDbStore(tmp_path, TENANT)
    assert refused.value.facts["path"] == str(path)
    with pytest.raises(IntegrityError):
        DuckDbStore(tmp_path, TENANT)


def test_another_tenants_journal_is_refused(tmp_path: Path) -> None:
    _died(tmp_path)
    (tmp_path / f"{TENANT}.journal").rename(tmp_path / "globex.journal")
    with pytest.raises(IntegrityError, match="not this tenant"):
        DuckDbStore(tmp_path, TenantId("globex"))


def test_a_journal_that_does_not_continue_its_file_is_refused(tmp_path: Path) -> None:
    _died(tmp_path)
    (tmp_path / f"{TENANT}.duckdb").unlink()
    (tmp_path / f"{TENANT}.duckdb.wal").unlink(missing_ok=True)
    journal = JournalFile(tmp_path / f"{TENANT}.journal", TENANT)
    records = journal.found
    journal.close()
    (tmp_path / f"{TENANT}.journal").unlink()
    journal = JournalFile(tmp_path / f"{TENANT}.journal", TENANT)
    journal.add(records[3])
    journal.close()
    with pytest.raises(IntegrityError, match="does not continue") as refused:
        DuckDbStore(tmp_path, TENANT)
    assert (refused.value.facts["expected"], refused.value.facts["got"]) == (1, 4)


def test_a_change_that_cannot_be_written_down_did_not_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    store.apply([event("a", 1, 1)], stream="s", position="1")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", full)
    with pytest.raises(UnavailableError, match="Free some space"):
        store.apply([event("a", 2, 2), event("b", 2, 2)], stream="s", position="2")
    monkeypatch.undo()
    assert (store.position("s"), [found.uid for found in store.items()]) == ("1", ["a"])
    store.apply([event("a", 3, 3)], stream="s", position="3")
    store.close()
    again = DuckDbStore(tmp_path, TENANT)
    assert (again.position("s"), again.item("a").properties, len(again.history("a"))) == ("3", {"v": 3}, 2)
    again.close()


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_taking_the_journal_in_changes_no_answer(tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is taken in, and however much stands in it."""
    monkeypatch.setattr(embedded, "ROWS_MAX", rows)
    often, seldom = DuckDbStore(tmp_path / "often", TENANT), DuckDbStore(tmp_path / "seldom", TENANT)
    for number, step in enumerate(Life(rows).steps()):
        step(often)
        monkeypatch.setattr(embedded, "ROWS_MAX", 4_096)
        step(seldom)
        monkeypatch.setattr(embedded, "ROWS_MAX", rows)
        assert often.version() == seldom.version(), number
    assert answers(often, 0) == answers(seldom, 0)
    assert often.archive() == seldom.archive()
    often.close()
    seldom.close()


def test_documents_are_found_in_the_journal_and_in_the_tables(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    items = [item(uid, properties={"v": 0}, captured_at=NOON) for uid in ("a", "b", "c", "d")]
    store.put_inventory(inventory(*items), "all", NOON)
    reads: list[Callable[[], object]] = [lambda: store.apply([event("a", 1, 1), event("b", 1, None)])]
    reads.append(lambda: store.apply([ChangeEvent(ResourceId("d"), NOON, item("d", properties={"v": 9}))]))
    for read in reads:
        read()
        found = store.documents(["a", "b", "c", "d"])
        assert [(each.uid, each.properties["v"]) for each in found][:2] == [("a", 1), ("c", 0)]
    store.close()


def test_relationships_of_a_source_are_those_of_its_last_entry(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    source = ResourceId("/Sub/A")
    for target in ("b", "c", "d"):
        link = Relationship(source, ResourceId(target), RelationshipKind.NETWORK, Strength.HARD, "p")
        store.apply([], relate=lambda _, link=link: Links(frozenset({source}), (link,)))  # type: ignore[misc]
    assert [each.target for each in store.relationships()] == ["d"]
    store.apply([], relate=lambda _: Links(frozenset({source}), ()))
    assert store.relationships() == ()
    store.close()
