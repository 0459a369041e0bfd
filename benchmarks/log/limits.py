"""What the machine allows: synced writes, and hashing both trees, on the same entries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.log.timing import Spent, spent
from chain.merkle import Tree
from chain.tree_hash import SHA3_256, SHA256, TreeHash


def synced_writes(path: Path, blocks: Sequence[Sequence[bytes]]) -> Spent:
    """Append every block to a file, one fdatasync each, with nothing else done."""
    joined = [b"".join(block) for block in blocks]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write() -> None:
        for block in joined:
            os.write(handle, block)
            os.fdatasync(handle)

    try:
        return spent(write)
    finally:
        os.close(handle)
        path.unlink()


def both_trees(blocks: Sequence[Sequence[bytes]]) -> Spent:
    """Leaves and nodes of both trees, block by block."""

    def grow() -> None:
        for tree_hash in (SHA256, SHA3_256):
            tree = Tree(tree_hash)
            for block in blocks:
                tree.extend(tree_hash.leaves(block))

    return spent(grow)


def leaves_alone(tree_hash: TreeHash, entries: Sequence[bytes]) -> Spent:
    """Leaf hashes of one tree."""
    return spent(lambda: tree_hash.leaves(entries))
