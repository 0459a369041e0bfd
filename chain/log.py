"""What a log is in memory: two trees, the ids it has seen, and its last block. No files, no clock.

Everything here follows from the entries in their order, so opening a log is replaying them.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from chain.entry import Block
from chain.envelope import BLOCK_TYPE, NO_BLOCK, block_candidates, block_hash
from chain.keys.rotation import KEY_REQUEST_PREFIXES
from chain.merkle import Growth, Tree
from chain.request_index import RequestIndex
from chain.tree_hash import BOTH, Twin


class Log:
    """The state that the entries so far add up to."""

    def __init__(self) -> None:
        self.trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
        self.requests = RequestIndex()
        self.sealed_size = 0
        self.key_entries: list[int] = []  # places of what may be entries about keys
        self._blocks = 0
        self._block_hash = NO_BLOCK

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.trees.sha256.size

    def growth(self, leaves: Twin[bytes]) -> Twin[Growth]:
        """What entries would add to both trees, by their joined leaf hashes; the log stays as it is."""
        return Twin(self.trees.sha256.growth(leaves.sha256), self.trees.sha3_256.growth(leaves.sha3_256))

    def extend(self, request_ids: Sequence[str], growth: Twin[Growth]) -> None:
        """Take entries that are already durable, none of them a block header."""
        if _KEY_PREFIX in "\n".join(request_ids):
            places = enumerate(request_ids, start=self.size)
            self.key_entries += [place for place, name in places if name.startswith(KEY_REQUEST_PREFIXES)]
        self.requests.extend(request_ids, self.size)
        self.trees.sha256.take(growth.sha256)
        self.trees.sha3_256.take(growth.sha3_256)

    def replay(self, entries: Sequence[bytes]) -> None:
        """Take entries as the journal gives them, headers among them."""
        start = 0
        for at in block_candidates(entries):
            if orjson.loads(entries[at])["type"] == BLOCK_TYPE:
                self._take(entries[start : at + 1])
                self.sealed_size = self.size
                self._blocks += 1
                self._block_hash = block_hash(entries[at])
                start = at + 1
        self._take(entries[start:])

    def next_block(self, ts: str) -> Block:
        """The header that would seal the log as it is."""
        return Block(
            height=self._blocks,
            prev=self._block_hash,
            size=self.size,
            root_sha256=self.trees.sha256.root().hex(),
            root_sha3_256=self.trees.sha3_256.root().hex(),
            ts=ts,
        )

    def _take(self, entries: Sequence[bytes]) -> None:
        leaves = Twin(b"".join(BOTH.sha256.leaves(entries)), b"".join(BOTH.sha3_256.leaves(entries)))
        self.extend([orjson.loads(entry)["request_id"] for entry in entries], self.growth(leaves))


_KEY_PREFIX = "key_"
