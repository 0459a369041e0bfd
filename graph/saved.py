"""A base in files beside a store: mapped into memory instead of being read out and worked out again.

Each part is an Arrow IPC file; a manifest names them with their digests, whose graph it is, and the store's version
that it shows. A folder is written whole under another name and then renamed. Whatever is damaged, half written, of
another layout or of other rules of reading is not used: the graph is then made anew, which costs time and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b, file_digest, sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.clock import format_instant
from domain.durable import sync_directory
from domain.errors import IntegrityError, UnavailableError
from domain.resource import ResourceId
from domain.tenancy import TenantId
from graph.base import Base, Claims, Knowledge
from graph.columns import Column
from graph.learn import rows_by_type
from graph.postings import Postings
from graph.reference_rules import NAME_RULES, RULES
from graph.references import Dangling
from graph.snapshot import Edges, Snapshot

LAYOUT: Final = 1
"""Grows with every change of the files, or of what `graph.reading` makes of a document."""

_MANIFEST = "manifest.json"
_KEPT = "graph-"


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A base from files.

    Args:
        store_version: the version of the store that it shows.
    """

    base: Base
    store_version: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why there is no base in a folder."""

    reason: str


def save(folder: Path, base: Base, store_version: int) -> int:
    """Write a base; what was there before goes once the new one is whole.

    Args:
        base: one with knowledge.

    Returns:
        How many bytes were written.

    Raises:
        UnavailableError: the folder cannot be written, for example because the disk is full.
    """
    assert base.knowledge is not None, "what was read out of a store is kept there"
    new = folder / f".{_KEPT}{os.getpid()}"
    target = folder / f"{_KEPT}{store_version:020}"
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        files = {name: _write(new / f"{name}.arrow", table) for name, table in _parts(base, base.knowledge).items()}
        size_bytes = sum(entry["size_bytes"] for entry in files.values())
        _write_text(new / _MANIFEST, json.dumps({**_about(base.snapshot, store_version), "files": files}, indent=1))
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
        sync_directory(folder)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        todo = "Make room or give write access; until then the graph is worked out from the store after a restart"
        raise UnavailableError("the graph cannot be saved", folder=str(folder), reason=str(error), todo=todo) from None
    for other in _kept(folder):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return int(size_bytes)


def load(folder: Path, tenant: TenantId) -> Saved | Unusable:
    """Map the newest base of a folder.

    Raises:
        IntegrityError: it is another tenant's.
    """
    found = _kept(folder)
    if not found:
        return Unusable("nothing was saved")
    try:
        manifest = json.loads((found[-1] / _MANIFEST).read_text("utf-8"))
        if manifest["tenant"] != tenant:
            raise IntegrityError(
                "a saved graph is another tenant's",
                expected=tenant,
                got=str(manifest["tenant"]),
                folder=str(found[-1]),
                todo="Find out who moved the folder; remove it once that is understood",
            )
        if (manifest["layout"], manifest["rules"]) != (LAYOUT, _rules()):
            return Unusable("it was saved by another release")
        parts = {name: _read(found[-1] / f"{name}.arrow", entry) for name, entry in manifest["files"].items()}
        return Saved(_base(tenant, manifest, parts), int(manifest["version"]))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        return Unusable(f"it is damaged: {error}")


def discard(folder: Path) -> None:
    """Remove what was saved."""
    for each in _kept(folder):
        shutil.rmtree(each, ignore_errors=True)


def _kept(folder: Path) -> list[Path]:
    """Saved bases, oldest first."""
    return sorted(folder.glob(f"{_KEPT}*")) if folder.is_dir() else []


def _rules() -> str:
    """What documents were read by."""
    text = repr([RULES, NAME_RULES])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _about(snapshot: Snapshot, store_version: int) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "rules": _rules(),
        "tenant": snapshot.tenant,
        "version": store_version,
        "as_of": format_instant(snapshot.as_of),
        "unproven": sorted(snapshot.unproven),
    }


def _parts(base: Base, knowledge: Knowledge) -> dict[str, pa.Table]:
    edges, claims = base.snapshot.edges, knowledge.claims
    rows = [row for group in base.groups for row in group]
    ends = np.cumsum([len(group) for group in base.groups], dtype=np.int32)
    dangling = base.snapshot.dangling
    return {
        "resources": base.snapshot.resources,
        "edges": _table(
            targets=edges.targets,
            kinds=edges.kinds,
            strengths=edges.strengths,
            paths=edges.paths.codes,
            sources_in=edges.sources_in,
            numbers_in=edges.numbers_in,
        ),
        "edge_starts": _table(starts=edges.starts, starts_in=edges.starts_in),
        "edge_paths": _texts(edges.paths),
        "claims": _table(
            others=claims.others,
            kinds=claims.kinds,
            strengths=claims.strengths,
            reversed=claims.reversed.view(np.uint8),
            paths=claims.paths.codes,
        ),
        "claim_starts": _table(starts=claims.starts),
        "claim_paths": _texts(claims.paths),
        "offers": _table(entries=knowledge.offers.entries),
        "watches": _table(entries=knowledge.watches.entries),
        "dangling": pa.table(
            {
                "row": base.dangling_rows,
                "source": pa.array([each.source for each in dangling], pa.string()),
                "path": pa.array([each.path for each in dangling], pa.string()),
                "value": pa.array([each.value for each in dangling], pa.string()),
            }
        ),
        "broken": _table(numbers=base.broken),
        "circle_rows": _table(rows=np.array(rows, np.int32)),
        "circle_ends": _table(ends=ends),
    }


def _base(tenant: TenantId, manifest: Mapping[str, Any], parts: Mapping[str, pa.Table]) -> Base:
    edges, starts, claims = parts["edges"], parts["edge_starts"], parts["claims"]
    resources, dangling = parts["resources"], parts["dangling"]
    pieces = np.split(_array(parts["circle_rows"], "rows"), _array(parts["circle_ends"], "ends")[:-1])
    groups = tuple(tuple(piece.tolist()) for piece in pieces if len(piece))
    uids = resources.column("uid")
    snapshot = Snapshot(
        tenant=tenant,
        as_of=datetime.fromisoformat(manifest["as_of"]),
        resources=resources,
        edges=Edges(
            starts=_array(starts, "starts"),
            targets=_array(edges, "targets"),
            kinds=_array(edges, "kinds"),
            strengths=_array(edges, "strengths"),
            starts_in=_array(starts, "starts_in"),
            sources_in=_array(edges, "sources_in"),
            numbers_in=_array(edges, "numbers_in"),
            paths=Column(_array(edges, "paths"), _values(parts["edge_paths"])),
        ),
        tables={},
        rows_by_type=rows_by_type(resources),
        dangling=tuple(map(Dangling, *(dangling.column(name).to_pylist() for name in ("source", "path", "value")))),
        cycles=tuple(tuple(ResourceId(uids[row].as_py()) for row in group) for group in groups),
        digest="",
        unproven=frozenset(manifest["unproven"]),
    )
    known = Claims(
        starts=_array(parts["claim_starts"], "starts"),
        others=_array(claims, "others"),
        kinds=_array(claims, "kinds"),
        strengths=_array(claims, "strengths"),
        reversed=_array(claims, "reversed").view(np.bool_),
        paths=Column(_array(claims, "paths"), _values(parts["claim_paths"])),
    )
    offers, watches = (Postings(_array(parts[name], "entries")) for name in ("offers", "watches"))
    rows, broken = _array(dangling, "row"), _array(parts["broken"], "numbers")
    return Base(snapshot, groups, rows, broken, Knowledge(known, offers, watches))


def _table(**columns: NDArray[Any]) -> pa.Table:
    return pa.table({name: pa.array(column) for name, column in columns.items()})


def _texts(paths: Column) -> pa.Table:
    return pa.table({"values": pa.array([str(value) for value in paths.values], pa.string())})


def _values(table: pa.Table) -> tuple[str, ...]:
    return tuple(table.column("values").to_pylist())


def _array(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    if not column.num_chunks:
        return np.empty(0, column.type.to_pandas_dtype())
    return np.asarray(column.chunk(0).to_numpy(zero_copy_only=True))


def _write(path: Path, table: pa.Table) -> dict[str, Any]:
    """One file, in one batch, so that it is mapped back as one buffer for each column."""
    with path.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        digest = file_digest(file, sha256).hexdigest()
    return {"size_bytes": path.stat().st_size, "sha256": digest, "rows": table.num_rows}


def _read(path: Path, entry: Mapping[str, Any]) -> pa.Table:
    """One file, mapped.

    Raises:
        ValueError: it is not what was written.
    """
    mapped = pa.memory_map(str(path))
    content = mapped.read_buffer()
    if sha256(content).hexdigest() != entry["sha256"]:
        raise ValueError(f"{path.name} is not what was written")
    return pa.ipc.open_file(content).read_all()


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
