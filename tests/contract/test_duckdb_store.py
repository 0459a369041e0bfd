"""What the embedded store's file promises: one writer, versions, damage, a full disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from domain.errors import ConflictError, InputError, IntegrityError, PolicyCortexError, UnavailableError
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores.bodies import Block, blocks, bodies
from graph.stores.duckdb import DuckDbStore
from graph.stores.duckdb_file import DatabaseFile
from graph.stores.duckdb_layout import LAYOUT_VERSION
from tests.unit.graph.estate import NOON, TENANT, inventory, item

ROOT = Path(__file__).parents[2]


def test_what_was_stored_is_there_after_opening_again(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    many = inventory(*(item(f"id-{number:04}", properties={"n": number}) for number in range(600)))
    store.put_inventory(many, "all", NOON)
    store.close()
    again = DuckDbStore(tmp_path, TENANT)
    assert again.items() == many.items
    again.close()


def test_a_second_writer_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    with pytest.raises(ConflictError) as refused:
        DuckDbStore(tmp_path, TENANT)
    assert refused.value.facts["path"] == str(store.path)
    assert str(refused.value.facts["process"]).isdigit()
    store.close()
    DuckDbStore(tmp_path, TENANT).close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    store.close()
    store.close()
    with pytest.raises(ConflictError, match="closed"):
        store.items()


def _edited(tmp_path: Path, statement: str) -> Path:
    store = DuckDbStore(tmp_path, TENANT)
    store.put_inventory(inventory(item("a")), "all", NOON)
    store.close()
    with duckdb.connect(str(store.path)) as connection:
        connection.execute(statement)
    return store.path


def test_a_store_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = _edited(tmp_path, f"UPDATE layout SET version = {LAYOUT_VERSION + 1}")
    with pytest.raises(InputError, match="Update PolicyCortex") as refused:
        DuckDbStore(tmp_path, TENANT)
    assert refused.value.facts["path"] == str(path)
    assert refused.value.facts["got"] == LAYOUT_VERSION + 1


_TO_LAYOUT_1 = (
    """CREATE TABLE former AS SELECT s.text AS source, t.text AS target, m.kind, m.strength, m.path
        FROM relationships r JOIN ends s ON r.source = s.code JOIN ends t ON r.target = t.code
        JOIN meanings m ON r.meaning = m.code""",
    *(
        f"DROP TABLE {name}"
        for name in ("relationships", "ends", "meanings", "standing", "collections", "unknown_gone", "positions")
    ),
    "ALTER TABLE former RENAME TO relationships",
    *(f"ALTER TABLE versions DROP COLUMN {name}" for name in ("seen_at", "told", "written", "latest")),
    "UPDATE layout SET version = 1",
)


def test_a_file_of_the_first_layout_is_brought_to_this_one(tmp_path: Path) -> None:
    store = DuckDbStore(tmp_path, TENANT)
    link = Relationship(ResourceId("/Sub/A"), ResourceId("b"), RelationshipKind.NETWORK, Strength.HARD, "p")
    store.put_inventory(inventory(item("/Sub/A", captured_at=NOON), item("b"), item("c")), "all", NOON)
    store.put_inventory(inventory(item("/Sub/A", captured_at=NOON), item("b")), "all", NOON)
    store.put_relationships([link])
    before = (store.items(), store.history("c"), store.read_out().edges.to_pylist())
    store.close()
    with duckdb.connect(str(store.path)) as connection:
        for statement in _TO_LAYOUT_1:
            connection.execute(statement)
    again = DuckDbStore(tmp_path, TENANT)
    assert (again.items(), again.history("c"), again.read_out().edges.to_pylist()) == before
    assert again.version() == 1
    everything = again.changed_after(0)
    assert everything is not None
    assert everything.items == before[0]
    assert again.put_inventory(inventory(item("b")), "all", NOON).retired == 1
    again.close()


def test_another_tenants_file_is_refused(tmp_path: Path) -> None:
    _edited(tmp_path, "UPDATE layout SET tenant = 'globex'")
    with pytest.raises(IntegrityError, match="another tenant"):
        DuckDbStore(tmp_path, TENANT)


def test_a_database_that_is_no_store_is_refused(tmp_path: Path) -> None:
    _edited(tmp_path, "DROP TABLE layout")
    with pytest.raises(IntegrityError, match="not a store"):
        DuckDbStore(tmp_path, TENANT)


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / f"{TENANT}.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(IntegrityError) as refused:
        DuckDbStore(tmp_path, TENANT)
    assert refused.value.facts["path"] == str(path)
    assert "copy" in str(refused.value.facts["todo"])


def test_a_lost_document_is_an_integrity_error(tmp_path: Path) -> None:
    _edited(tmp_path, "DELETE FROM blocks")
    store = DuckDbStore(tmp_path, TENANT)
    with pytest.raises(IntegrityError, match="missing"):
        store.items()
    store.close()


def test_damaged_documents_are_an_integrity_error() -> None:
    (block,) = blocks([item("a", properties={"x": 1})])
    with pytest.raises(IntegrityError):
        bodies(Block(block.is_plain, block.size_bytes, block.body[:-5]))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="--store"):
        DuckDbStore(tmp_path / "file" / "store", TENANT)


_FILLS_THE_DISK = """
import random, resource, sys
from datetime import timedelta
from pathlib import Path
from domain.errors import UnavailableError
from graph.stores.duckdb import DuckDbStore
from tests.unit.graph.estate import NOON, TENANT, inventory, item

store = DuckDbStore(Path(sys.argv[1]), TENANT)
store.put_inventory(inventory(item("a")), "all", NOON)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
noise = random.Random(1)
big = inventory(*(item(f"b{n}", properties={"x": noise.randbytes(4000).hex()}) for n in range(1500)))
try:
    store.put_inventory(big, "all", NOON + timedelta(hours=1))
except UnavailableError as error:
    print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print([found.uid for found in store.items()])
    store.close()
"""


def test_a_full_disk_is_named_and_nothing_is_half_applied(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _FILLS_THE_DISK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    message, kept = ran.stdout.splitlines()
    assert f"{TENANT}.duckdb" in message
    assert "Free some space" in message
    assert kept == "['a']"
    store = DuckDbStore(tmp_path, TENANT)
    assert [found.uid for found in store.items()] == ["a"]
    store.close()


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        (duckdb.IOException, "Could not write all bytes to file", UnavailableError),
        (duckdb.IOException, "Trying to read a database file with version number 99", InputError),
        (duckdb.IOException, "Could not set lock on file", ConflictError),
        (duckdb.InternalException, "", IntegrityError),
    ],
)
def test_a_failure_of_the_engine_is_undone_and_named(
    tmp_path: Path, kind: type[duckdb.Error], message: str, expected: type[PolicyCortexError]
) -> None:
    file = DatabaseFile(tmp_path, TENANT)
    with pytest.raises(expected) as raised:
        _insert_and_fail(file, kind(message))
    assert raised.value.facts["path"] == str(file.path)
    assert file.connection.execute("SELECT count(*) FROM members").fetchall() == [(0,)]
    file.close()


def _insert_and_fail(file: DatabaseFile, error: duckdb.Error) -> None:
    with file.transaction() as connection:
        connection.execute("INSERT INTO members VALUES ('c', 'k')")
        raise error


def test_a_mistake_of_ours_is_not_disguised(tmp_path: Path) -> None:
    file = DatabaseFile(tmp_path, TENANT)
    with pytest.raises(duckdb.ProgrammingError), file.guarded():
        file.connection.execute("SELECT nonsense")
    file.close()


def test_each_tenant_has_a_file_of_its_own(tmp_path: Path) -> None:
    DuckDbStore(tmp_path, TENANT).close()
    DuckDbStore(tmp_path, TenantId("globex")).close()
    assert sorted(path.name for path in tmp_path.glob("*.duckdb")) == ["acme.duckdb", "globex.duckdb"]
