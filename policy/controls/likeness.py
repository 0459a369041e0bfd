"""How like two texts are: cosine of their words' weights, a word weighing more the fewer texts have it (tf-idf).

Texts are kept by word, so that a question costs the texts that share a word with it, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policy.controls.words import words

_SHARED_SHOWN: Final = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Postings:
    """The texts that have a word, and its weight in each."""

    texts: NDArray[np.int64]
    weights: Floats


class Likeness:
    """Compares texts with a fixed collection of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [Counter(words(text)) for text in texts]
        having = Counter(word for count in counted for word in count)
        self._size = len(counted)
        self._rarity = {word: log((1 + self._size) / (1 + number)) + 1 for word, number in having.items()}
        self._vectors = [self._vector(count) for count in counted]
        by_word: dict[str, tuple[list[int], list[float]]] = {word: ([], []) for word in having}
        for text, vector in enumerate(self._vectors):
            for word, weight in vector.items():
                by_word[word][0].append(text)
                by_word[word][1].append(weight)
        self._postings = {
            word: _Postings(np.array(found, dtype=np.int64), np.array(weights, dtype=np.float64))
            for word, (found, weights) in by_word.items()
        }

    def __len__(self) -> int:
        return self._size

    def of(self, text: str) -> Floats:
        """Likeness of a text to each of the collection, in [0, 1]."""
        return self._likeness(self._vector(Counter(words(text))))

    def of_member(self, member: int) -> Floats:
        """Likeness of one of the collection to each; 0 to itself."""
        found = self._likeness(self._vectors[member])
        found[member] = 0.0
        return found

    def shared(self, text: str, member: int) -> list[str]:
        """The words that make a text like one of the collection, the weightiest first."""
        asked, known = self._vector(Counter(words(text))), self._vectors[member]
        common = sorted(asked.keys() & known.keys(), key=lambda word: (-asked[word] * known[word], word))
        return common[:_SHARED_SHOWN]

    def _likeness(self, vector: dict[str, float]) -> Floats:
        found = np.zeros(self._size)
        for word, weight in vector.items():
            postings = self._postings.get(word)
            if postings is not None:
                found[postings.texts] += weight * postings.weights
        return found

    def _vector(self, counted: Counter[str]) -> dict[str, float]:
        """Weights of length one. A word that no text of the collection has weighs as the rarest."""
        rarest = log(1 + self._size) + 1
        raw = {word: (1 + log1p(number - 1)) * self._rarity.get(word, rarest) for word, number in counted.items()}
        length = sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {word: weight / length for word, weight in raw.items()}
