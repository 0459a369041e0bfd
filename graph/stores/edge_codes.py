"""Relationships as numbers beside the texts that they name: passes over columns, and no loop with a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import Relationship, RelationshipKind, Strength

Numbers: TypeAlias = NDArray[np.int64]
Meaning: TypeAlias = tuple[RelationshipKind, Strength, str]


@dataclass(frozen=True, slots=True, eq=False)
class CodedEdges:
    """Relationships in the order given, each as three numbers.

    Args:
        ends: every id that is named, those of sources first.
        spelt: how many of them are sources.
        meanings: what relationships mean: kind, strength and path.

    Shapes:
        sources, targets: int64 (n,), places in `ends`. means: int64 (n,), places in `meanings`.
    """

    ends: Sequence[str]
    spelt: int
    meanings: Sequence[Meaning]
    sources: Numbers
    targets: Numbers
    means: Numbers


def coded_edges(given: Sequence[Relationship]) -> CodedEdges:
    """Number what relationships name."""
    count = len(given)
    sources, targets = [each.source for each in given], [each.target for each in given]
    ends, places = coded_texts([*sources, *targets])
    paths, path = coded_texts([each.path for each in given])
    kinds, strengths = _objects([each.kind for each in given]), _objects([each.strength for each in given])
    firsts, means = _encoded((kinds * count + strengths) * max(len(paths), 1) + path)
    meanings = [(given[at].kind, given[at].strength, given[at].path) for at in firsts]
    spelt = int(places[:count].max(initial=-1)) + 1
    return CodedEdges(ends, spelt, meanings, places[:count], places[count:], means)


def coded_texts(texts: Sequence[str]) -> tuple[list[str], Numbers]:
    """Each text once, in the order in which they come first, and the place of each.

    Objects are told apart first, and only those that differ are looked up: most ids are the very string that their
    resource has.
    """
    firsts, places = _encoded(_ids(texts))
    distinct = [texts[at] for at in firsts]
    codes = dict.fromkeys(distinct, 0)
    if len(codes) == len(distinct):
        return distinct, places
    codes = dict(zip(codes, range(len(codes)), strict=True))
    return list(codes), np.fromiter(map(codes.__getitem__, distinct), np.int64, len(distinct))[places]


def _objects(values: Sequence[object]) -> Numbers:
    """Numbers that are equal for the same object; members of an enumeration are slow to hash and have one each."""
    return _encoded(_ids(values))[1]


def _ids(values: Sequence[object]) -> Numbers:
    return np.fromiter(map(id, values), np.int64, len(values))


def _encoded(numbers: Numbers) -> tuple[list[int], Numbers]:
    """Where each number comes first, in that order, and which of them stands at each place."""
    places = pa.array(numbers).dictionary_encode().indices.to_numpy().astype(np.int64)
    firsts = np.empty(int(places.max(initial=-1)) + 1, np.int64)
    firsts[places[::-1]] = np.arange(len(places) - 1, -1, -1)
    return firsts.tolist(), places
