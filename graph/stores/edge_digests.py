"""Digests of each source's relationships: which sources have others now is found without looking at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.resource import Relationship, resource_keys
from graph.stores.edge_codes import CodedEdges, coded_edges, coded_texts
from graph.stores.known import MARK

DIGEST_BYTES: Final = 16
_WORDS: Final = 6
"""Of a relationship: two each for its target, what it means, and how its source is spelt."""
_SPREAD: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class SourceEdges:
    """Relationships by the key of their source, each once.

    Args:
        marks: a digest of each key's relationships; equal where these are equal, in whatever order they were given.
        starts: where each key's relationships begin in `order`, and where the last one's end.
        order: places of the relationships.
        places: of each key in `keys`.
    """

    keys: Sequence[str]
    places: Mapping[str, int]
    marks: NDArray[np.bytes_]
    starts: NDArray[np.int64]
    order: NDArray[np.int64]
    relationships: Sequence[Relationship]
    coded: CodedEdges

    @property
    def once(self) -> CodedEdges:
        """All of them, as numbers."""
        return self.coded.at(self.order)

    def digests(self, keys: Iterable[str]) -> dict[str, str]:
        """Digest of the relationships of each of some sources that has any."""
        return {key: self.marks[self.places[key]].decode() for key in keys if key in self.places}

    def of(self, keys: Iterable[str]) -> dict[str, list[Relationship]]:
        """The relationships of some sources; empty where there are none."""
        return {key: list(self._of(self.places[key])) if key in self.places else [] for key in keys}

    def _of(self, place: int) -> Iterator[Relationship]:
        for at in self.order[self.starts[place] : self.starts[place + 1]].tolist():
            yield self.relationships[at]


def source_edges(relationships: Iterable[Relationship]) -> SourceEdges:
    """Group relationships by source."""
    given = relationships if isinstance(relationships, Sequence) else tuple(relationships)
    coded = coded_edges(given)
    said = [f"{kind}\x1f{strength}\x1f{path}" for kind, strength, path in coded.meanings]
    codes, key_of = coded_texts(resource_keys(coded.ends[: coded.spelt]))
    ends = _words(coded.ends)
    parts = (ends, coded.targets), (_words(said), coded.means), (ends, coded.sources)
    groups = key_of[coded.sources] if len(given) else coded.sources
    blended = sum((words[:, 0] * by)[places] for (words, places), by in zip(parts, _SPREAD, strict=True))
    order = np.lexsort((blended, groups))
    words = np.empty((len(given), _WORDS), np.uint64)
    for at, (each, places) in enumerate(parts):
        words[:, 2 * at : 2 * at + 2] = each[places[order]]
    groups = groups[order]
    is_first = np.ones(len(given), np.bool_)
    is_first[1:] = (groups[1:] != groups[:-1]) | (words[1:] != words[:-1]).any(axis=1)
    if not is_first.all():
        words, order, groups = words[is_first], order[is_first], groups[is_first]
    starts = np.searchsorted(groups, np.arange(len(codes) + 1))
    return SourceEdges(list(codes), codes, _marks(words, starts), starts, order, given, coded)


def _words(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Two words for each text."""
    try:
        digests = [blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in texts]
    except UnicodeEncodeError:  # a lone surrogate
        passed = [text.encode("utf-8", "surrogatepass") for text in texts]
        digests = [blake2b(text, digest_size=DIGEST_BYTES).digest() for text in passed]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64).reshape(-1, 2)


def _marks(words: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.bytes_]:
    content = words.astype("<u8", copy=False).tobytes()
    bounds = (starts * (_WORDS * 8)).tolist()
    digests = [blake2b(content[start:end], digest_size=DIGEST_BYTES).digest() for start, end in pairwise(bounds)]
    return np.frombuffer(b"".join(digests).hex().encode(), MARK)
