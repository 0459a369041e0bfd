"""Relationships as columns, and in the one order that every store gives them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import InputError
from domain.resource import Relationship, ResourceId, resource_key
from graph.references import KINDS, STRENGTHS, Dangling

Numbers: TypeAlias = "Sequence[int] | NDArray[np.int64]"
KIND_CODES = {kind: code for code, kind in enumerate(KINDS)}
STRENGTH_CODES = {strength: code for code, strength in enumerate(STRENGTHS)}


def ordered(relationships: Iterable[Relationship]) -> tuple[Relationship, ...]:
    """Each relationship once, in order of source, target and kind."""
    return tuple(sorted(set(relationships), key=attrgetter("source", "target", "kind", "path", "strength")))


def require_sources(
    sources: Collection[ResourceId], relationships: Iterable[Relationship]
) -> tuple[frozenset[str], set[Relationship]]:
    """The sources as keys, and the relationships.

    Raises:
        InputError: a relationship has none of these sources.
    """
    keys = frozenset(resource_key(source) for source in sources)
    found = set(relationships)
    for each in found:
        if resource_key(each.source) not in keys:
            raise InputError("a relationship has another source than those to be replaced", source=each.source)
    return keys, found


def edge_columns(
    relationships: Sequence[Relationship], rows: Mapping[str, int]
) -> tuple[pa.Table, tuple[Dangling, ...]]:
    """`Readout.edges` and `Readout.dangling`.

    Args:
        rows: row of each resource that is there, by key. What starts elsewhere is left out.
    """
    edges: list[tuple[int, int, int, int, str]] = []
    dangling: list[tuple[int, str, Dangling]] = []
    for each in relationships:
        source, target = rows.get(resource_key(each.source)), rows.get(resource_key(each.target))
        if source is None:
            continue
        if target is None:
            dangling.append((source, each.target, Dangling(each.source, each.path, each.target)))
        else:
            edges.append((source, target, KIND_CODES[each.kind], STRENGTH_CODES[each.strength], each.path))
    edges.sort(key=lambda edge: (edge[:3], edge[4], edge[3]))
    dangling.sort(key=lambda entry: (entry[:2], entry[2].path))
    return edge_table(*(list(column) for column in zip(*edges, strict=True)) if edges else ([],) * 5), tuple(
        entry[2] for entry in dangling
    )


def edge_table(
    sources: Numbers, targets: Numbers, kinds: Numbers, strengths: Numbers, paths: Sequence[str] | pa.DictionaryArray
) -> pa.Table:
    """Columns of edges, in the order given."""
    is_coded = isinstance(paths, pa.DictionaryArray)
    return pa.table(
        {
            "source": pa.array(sources, pa.int32()),
            "target": pa.array(targets, pa.int32()),
            "kind": pa.array(kinds, pa.uint8()),
            "strength": pa.array(strengths, pa.uint8()),
            "path": paths if is_coded else pa.array(paths, pa.string()).dictionary_encode(),
        }
    )
