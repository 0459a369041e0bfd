"""Relationships in the embedded store: numbers beside two tables of texts, so that most of each text is kept once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength, resource_keys
from graph.references import Dangling
from graph.stores.edge_codes import coded_edges
from graph.stores.edges import KIND_CODES, STRENGTH_CODES, edge_table

Numbers: TypeAlias = NDArray[np.int64]
ANEW_SHARE: Final = 4
"""Where more than this part of the relationships are others, all are written anew."""
_MEANINGS: Final = "SELECT code, kind, strength, path FROM meanings"
_TEXTS: Final = """SELECT s.text AS source, t.text AS target, m.kind, m.strength, m.path FROM relationships r
    JOIN ends s ON r.source = s.code JOIN ends t ON r.target = t.code JOIN meanings m ON r.meaning = m.code %s
    ORDER BY source, target, kind, path, strength"""
_DELETE: Final = """DELETE FROM relationships
    WHERE source IN (SELECT code FROM ends WHERE key IN (SELECT unnest($keys)))"""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Relationships as numbers; the same one may stand there twice.

    Shapes:
        sources, targets, meanings: int64 (n,), codes of `ends` and `meanings`.
    """

    sources: Numbers
    targets: Numbers
    meanings: Numbers

    def packed(self, ends: int, meanings: int) -> Numbers:
        """One number for each, in order, each once."""
        assert ends * ends * meanings < 2**63, "a graph of this size fits no machine"
        return np.unique((self.sources * ends + self.targets) * meanings + self.meanings)


def replace_all(connection: duckdb.DuckDBPyConnection, found: Sequence[Relationship]) -> bool:
    """Replace all relationships; whether any were others."""
    ends = dict(connection.execute("SELECT text, code FROM ends").fetchall())
    known = len(ends)
    rows, texts, meanings = _coded(connection, found, ends, known)
    former = _stored(connection)
    base, kinds = max(len(ends), 1), max(len(meanings), 1)
    given, had = rows.packed(base, kinds), former.packed(base, kinds)
    if np.array_equal(given, had):
        return False
    differing = np.setxor1d(given, had, assume_unique=True)
    if known and len(differing) * ANEW_SHARE > len(had):
        _write_anew(connection, found)
        return True
    _add_texts(connection, texts, meanings)
    if not known:
        _insert_rows(connection, given, base, kinds)
        return True
    sources = np.unique(differing // kinds // base)
    insert(connection, "concerned", pa.table({"code": sources}), into=None)
    connection.execute("DELETE FROM relationships WHERE source IN (SELECT code FROM concerned)")
    connection.unregister("concerned")
    _insert_rows(connection, given[np.isin(given // kinds // base, sources)], base, kinds)
    return True


def replace_of(connection: duckdb.DuckDBPyConnection, keys: Collection[str], found: Sequence[Relationship]) -> None:
    """Replace the relationships of some sources, by their keys."""
    texts = sorted({end for each in found for end in (each.source, each.target)})
    query = "SELECT text, code FROM ends WHERE text IN (SELECT unnest($texts))"
    ends = dict(connection.execute(query, {"texts": texts}).fetchall())
    ((known,),) = connection.execute("SELECT coalesce(max(code), -1) + 1 FROM ends").fetchall()
    rows, new, meanings = _coded(connection, found, ends, known)
    base, kinds = known + len(new) + 1, max(len(meanings), 1)
    _add_texts(connection, new, meanings)
    connection.execute(_DELETE, {"keys": sorted(keys)})
    _insert_rows(connection, rows.packed(base, kinds), base, kinds)


def relationships(connection: duckdb.DuckDBPyConnection, of: Collection[str] | None = None) -> tuple[Relationship, ...]:
    """All of them, or those of some sources by key, in order."""
    if of is not None and not of:
        return ()
    where, given = ("", None) if of is None else ("WHERE s.key IN (SELECT unnest($keys))", {"keys": sorted(of)})
    found = connection.execute(_TEXTS % where, given).fetchall()
    kinds, strengths = ({each.value: each for each in of} for of in (RelationshipKind, Strength))
    return tuple(
        Relationship(ResourceId(source), ResourceId(target), kinds[kind], strengths[strength], path)  # type: ignore[arg-type]
        for source, target, kind, strength, path in found
    )


def edge_columns(connection: duckdb.DuckDBPyConnection, keys: pa.ChunkedArray) -> tuple[pa.Table, tuple[Dangling, ...]]:
    """`Readout.edges` and `Readout.dangling`.

    Args:
        keys: of the resources, by row.
    """
    connection.register("places", pa.table({"key": keys, "row": np.arange(len(keys), dtype=np.int32)}))
    query = "SELECT e.code, p.row FROM ends e JOIN places p ON e.key = p.key"
    found = connection.sql(query).to_arrow_table()
    connection.unregister("places")
    ((ends,),) = connection.execute("SELECT coalesce(max(code), -1) + 1 FROM ends").fetchall()
    place = np.full(ends, -1, np.int64)
    place[found.column("code").to_numpy()] = found.column("row").to_numpy()
    rows = _stored(connection)
    sources, targets = place[rows.sources], place[rows.targets]
    meanings = sorted(connection.execute(_MEANINGS).fetchall(), key=lambda row: (row[1], row[3], row[2]))
    kinds = np.array([KIND_CODES[RelationshipKind(kind)] for _, kind, _, _ in meanings], np.int64)
    ranks = np.zeros(max((row[0] for row in meanings), default=-1) + 1, np.int64)
    by_kind = np.lexsort((np.arange(len(meanings)), kinds))
    ranks[[meanings[at][0] for at in by_kind.tolist()]] = np.arange(len(meanings))
    (is_edge,) = np.nonzero((sources >= 0) & (targets >= 0))
    size, rank = max(len(keys), 1), ranks[rows.meanings[is_edge]]
    packed = np.sort((sources[is_edge] * size + targets[is_edge]) * max(len(meanings), 1) + rank)
    packed, rank = np.divmod(packed, max(len(meanings), 1))
    source, target = np.divmod(packed, size)
    chosen = [meanings[at] for at in by_kind.tolist()]
    strengths = np.array([STRENGTH_CODES[Strength(strength)] for _, _, strength, _ in chosen], np.int64)
    texts = {path: code for code, path in enumerate(sorted({path for *_, path in chosen}))}
    codes = np.array([texts[path] for *_, path in chosen], np.int32)
    paths = pa.DictionaryArray.from_arrays(pa.array(codes[rank]), pa.array(list(texts), pa.string()))
    table = edge_table(source, target, kinds[by_kind][rank], strengths[rank], paths)
    return table, _dangling(connection, rows, sources, targets)


def _dangling(
    connection: duckdb.DuckDBPyConnection, rows: _Rows, sources: Numbers, targets: Numbers
) -> tuple[Dangling, ...]:
    (loose,) = np.nonzero((sources >= 0) & (targets < 0))
    if not len(loose):
        return ()
    texts: Mapping[int, str] = dict(connection.execute("SELECT code, text FROM ends").fetchall())
    paths = {code: path for code, _, _, path in connection.execute(_MEANINGS).fetchall()}
    found = [
        (int(sources[at]), texts[rows.targets[at]], paths[rows.meanings[at]], texts[rows.sources[at]])
        for at in loose.tolist()
    ]
    return tuple(Dangling(ResourceId(source), path, target) for _, target, path, source in sorted(found))


def _coded(
    connection: duckdb.DuckDBPyConnection, found: Sequence[Relationship], ends: dict[str, int], known: int
) -> tuple[_Rows, list[tuple[int, str]], dict[tuple[str, str, str], int]]:
    """Relationships as numbers, the texts that are new, and every meaning.

    Args:
        ends: known codes by text; new ones are added, from `known` on.
    """
    before = len(ends)
    start = known - before
    coded = coded_edges(found)
    codes = np.array([ends.setdefault(text, start + len(ends)) for text in coded.ends], np.int64)
    new = [(code, text) for text, code in list(ends.items())[before:]]
    meanings = {(kind, strength, path): code for code, kind, strength, path in connection.execute(_MEANINGS).fetchall()}
    said = [(kind.value, strength.value, path) for kind, strength, path in coded.meanings]
    means = np.array([meanings.setdefault(each, len(meanings)) for each in said], np.int64)
    return _Rows(codes[coded.sources], codes[coded.targets], means[coded.means]), new, meanings


def _stored(connection: duckdb.DuckDBPyConnection) -> _Rows:
    table = connection.sql("SELECT source, target, meaning FROM relationships").to_arrow_table()
    sources, targets, meanings = (column.to_numpy().astype(np.int64) for column in table.columns)
    return _Rows(sources, targets, meanings)


def _write_anew(connection: duckdb.DuckDBPyConnection, found: Sequence[Relationship]) -> None:
    """Forget what is there, texts that nothing needs any more too."""
    for table in ("relationships", "ends", "meanings"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a table's own name)
    rows, texts, meanings = _coded(connection, found, {}, 0)
    _add_texts(connection, texts, meanings)
    base, kinds = max(len(texts), 1), max(len(meanings), 1)
    _insert_rows(connection, rows.packed(base, kinds), base, kinds)


def _add_texts(
    connection: duckdb.DuckDBPyConnection,
    texts: Sequence[tuple[int, str]],
    meanings: Mapping[tuple[str, str, str], int],
) -> None:
    text = pa.string()
    table = pa.table(
        {
            "code": pa.array([code for code, _ in texts], pa.int32()),
            "text": pa.array([each for _, each in texts], text),
            "key": pa.array(resource_keys(each for _, each in texts), text),
        }
    )
    insert(connection, "incoming", table, into="ends")
    ((known,),) = connection.execute("SELECT count(*) FROM meanings").fetchall()
    new = [(code, *said) for said, code in list(meanings.items())[known:]]
    if new:
        connection.executemany("INSERT INTO meanings VALUES (?, ?, ?, ?)", new)


def _insert_rows(connection: duckdb.DuckDBPyConnection, packed: Numbers, ends: int, meanings: int) -> None:
    packed, meaning = np.divmod(packed, meanings)
    source, target = np.divmod(packed, ends)
    columns = {"source": source, "target": target, "meaning": meaning}
    table = pa.table({name: pa.array(column, pa.int32()) for name, column in columns.items()})
    insert(connection, "incoming", table, into="relationships")


def insert(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table, *, into: str | None) -> None:
    """Register a table under a name; where it is to go into one of the file, add its rows there and let go of it."""
    connection.register(name, table)
    if into is not None:
        if table.num_rows:
            connection.execute(f"INSERT INTO {into} SELECT * FROM {name}")  # noqa: S608 (tables' own names)
        connection.unregister(name)
