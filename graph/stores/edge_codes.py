"""Relationships as numbers beside the texts that they name: passes over columns, and no loop with a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

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

    def at(self, places: Numbers) -> CodedEdges:
        """Some of them."""
        taken = self.sources[places], self.targets[places], self.means[places]
        return CodedEdges(self.ends, self.spelt, self.meanings, *taken)


def coded_edges(given: Sequence[Relationship]) -> CodedEdges:
    """Number what relationships name."""
    source, target, path, kind, strength = _objects(given)
    count = len(given)
    firsts, places = _encoded(np.concatenate([source, target]))
    texts = [given[at].source if at < count else given[at - count].target for at in firsts]
    ends, codes = coded_texts(texts)
    places = codes[places]
    firsts, means = _encoded(_numbered(path, _numbered(kind, _numbered(strength))))
    said = [(given[at].kind, given[at].strength, given[at].path) for at in firsts]
    meanings = dict.fromkeys(said, 0)
    if len(meanings) < len(said):
        meanings = {meaning: code for code, meaning in enumerate(meanings)}
        means = np.array([meanings[each] for each in said], np.int64)[means]
    spelt = int(places[:count].max(initial=-1)) + 1
    return CodedEdges(list(ends), spelt, list(meanings), places[:count], places[count:], means)


def coded_texts(texts: Sequence[str]) -> tuple[dict[str, int], Numbers]:
    """The place of each text among those that differ, in the order in which they come first; by text and in turn."""
    codes = dict(zip(texts, range(len(texts)), strict=True))
    if len(codes) == len(texts):
        return codes, np.arange(len(texts))
    codes = dict(zip(codes, range(len(codes)), strict=True))
    return codes, np.fromiter(map(codes.__getitem__, texts), np.int64, len(texts))


_AT_ONCE: Final = 512
"""Relationships of which all parts are looked at before the next: few enough to stay in the processor's cache."""


def _objects(given: Sequence[Relationship]) -> Sequence[Numbers]:
    """For each part a number that tells its objects apart: most ids are the very string that their resource has."""
    found = np.empty((5, len(given)), np.int64)
    for start in range(0, len(given), _AT_ONCE):
        chunk = given[start : start + _AT_ONCE]
        stop = start + len(chunk)
        found[0, start:stop] = [id(each.source) for each in chunk]
        found[1, start:stop] = [id(each.target) for each in chunk]
        found[2, start:stop] = [id(each.path) for each in chunk]
        found[3, start:stop] = [id(each.kind) for each in chunk]
        found[4, start:stop] = [id(each.strength) for each in chunk]
    return list(found)


def _numbered(objects: Numbers, within: Numbers | None = None) -> Numbers:
    """Small numbers in place of large ones, and told apart by other small ones as well."""
    places = _encoded(objects)[1]
    return places if within is None else places * (int(within.max(initial=0)) + 1) + within


def _encoded(numbers: Numbers) -> tuple[list[int], Numbers]:
    """Where each number comes first, in that order, and which of them stands at each place."""
    places = pa.array(numbers).dictionary_encode().indices.to_numpy().astype(np.int64)
    firsts = np.empty(int(places.max(initial=-1)) + 1, np.int64)
    firsts[places[::-1]] = np.arange(len(places) - 1, -1, -1)
    return firsts.tolist(), places
