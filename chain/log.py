"""What a log is in memory: two trees, the ids it has seen, and its last block. No files, no clock.

Everything here follows from the entries in their order, so opening a log is replaying them.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from chain.entry import Block
from chain.envelope import BLOCK_TYPE, NO_BLOCK, block_hash
from chain.merkle import Tree
from chain.tree_hash import BOTH, Twin


class Log:
    """The state that the entries so far add up to."""

    def __init__(self) -> None:
        self.trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
        self.sealed_size = 0
        self._indexes: dict[str, int] = {}
        self._blocks = 0
        self._block_hash = NO_BLOCK

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.trees.sha256.size

    def index_of(self, request_id: str) -> int | None:
        """Where the event of this request stands; ``None`` where it was never recorded."""
        return self._indexes.get(request_id)

    def extend(self, entries: Sequence[bytes], request_ids: Sequence[str]) -> None:
        """Take entries that are already durable."""
        self._indexes.update(zip(request_ids, range(self.size, self.size + len(entries)), strict=True))
        for tree in (self.trees.sha256, self.trees.sha3_256):
            tree.extend(tree.hash.leaves(entries))

    def seal(self, entry: bytes, request_id: str) -> None:
        """Take a durable block header: it covers everything before it."""
        self.extend([entry], [request_id])
        self.sealed_size = self.size
        self._blocks += 1
        self._block_hash = block_hash(entry)

    def replay(self, entries: Sequence[bytes]) -> None:
        """Take entries as the journal gives them, headers among them."""
        pending: list[bytes] = []
        request_ids: list[str] = []
        for entry in entries:
            fields = orjson.loads(entry)
            if fields["type"] == BLOCK_TYPE:
                self.extend(pending, request_ids)
                self.seal(entry, fields["request_id"])
                pending, request_ids = [], []
            else:
                pending.append(entry)
                request_ids.append(fields["request_id"])
        self.extend(pending, request_ids)

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
