"""Digests of each source's relationships: which sources have others now is found without looking at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.resource import Relationship, resource_keys
from graph.stores.edge_codes import coded_edges, coded_texts
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
    """

    keys: Sequence[str]
    marks: NDArray[np.bytes_]
    starts: NDArray[np.int64]
    order: NDArray[np.int64]
    relationships: Sequence[Relationship]

    @property
    def by_key(self) -> Mapping[str, str]:
        """Digests as text, by key."""
        return dict(zip(self.keys, self.marks.astype(str).tolist(), strict=True))

    def of(self, keys: Iterable[str]) -> dict[str, list[Relationship]]:
        """The relationships of some sources; empty where there are none."""
        places = {key: place for place, key in enumerate(self.keys)}
        return {key: list(self._of(places[key])) if key in places else [] for key in keys}

    def _of(self, place: int) -> Iterator[Relationship]:
        for at in self.order[self.starts[place] : self.starts[place + 1]].tolist():
            yield self.relationships[at]


def source_edges(relationships: Iterable[Relationship]) -> SourceEdges:
    """Group relationships by source."""
    given = relationships if isinstance(relationships, Sequence) else tuple(relationships)
    coded = coded_edges(given)
    said = [f"{kind}\x1f{strength}\x1f{path}" for kind, strength, path in coded.meanings]
    keys, key_of = coded_texts(resource_keys(coded.ends[: coded.spelt]))
    end_words, meaning_words = _words(coded.ends), _words(said)
    words = np.hstack([end_words[coded.targets], meaning_words[coded.means], end_words[coded.sources]])
    groups = key_of[coded.sources] if len(given) else coded.sources
    order = np.lexsort((words[:, ::2] @ _SPREAD, groups))
    words, groups = words[order], groups[order]
    is_first = np.ones(len(given), np.bool_)
    is_first[1:] = (groups[1:] != groups[:-1]) | (words[1:] != words[:-1]).any(axis=1)
    words, order = np.ascontiguousarray(words[is_first]), order[is_first]
    starts = np.searchsorted(groups[is_first], np.arange(len(keys) + 1))
    return SourceEdges(keys, _marks(words, starts), starts, order, given)


def _words(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Two words for each text."""
    digests = b"".join(
        [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest() for text in texts]
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2)


def _marks(words: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.bytes_]:
    content: Any = memoryview(words.astype("<u8").tobytes())
    bounds = (starts * (_WORDS * 8)).tolist()
    digests = [blake2b(content[start:end], digest_size=DIGEST_BYTES).digest() for start, end in pairwise(bounds)]
    return np.frombuffer(b"".join(digests).hex().encode(), MARK)
