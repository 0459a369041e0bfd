"""Computing one block header's statements again from the entries before it."""

from __future__ import annotations

from chain.entry import BLOCK_REQUEST_PREFIX
from chain.envelope import NO_BLOCK, BlockReference, block_hash, read_envelope
from chain.shard import ShardLog
from domain.errors import NotFound


def check_block(shard: ShardLog, height: int) -> tuple[int, BlockReference, tuple[str, ...]]:
    """Index of a block's header, what it states, and the fields that do not follow from the entries before it.

    Raises:
        NotFound: the log has no such block.
    """
    index, _, block = _block(shard, height)
    former = NO_BLOCK if height == 0 else block_hash(_block(shard, height - 1)[1])
    roots = shard.root(block.size)
    compared = (
        ("prev", former, block.prev),
        ("root_sha256", roots.sha256.hex(), block.root_sha256),
        ("root_sha3_256", roots.sha3_256.hex(), block.root_sha3_256),
    )
    return index, block, tuple(field for field, expected, got in compared if expected != got)


def _block(shard: ShardLog, height: int) -> tuple[int, bytes, BlockReference]:
    found = shard.find(f"{BLOCK_REQUEST_PREFIX}{height}")
    block = None if found is None else read_envelope(found[1]).block
    if found is None or block is None:
        raise NotFound(
            "no such block", origin=shard.origin, height=height, todo="Blocks are sealed when a log is published"
        )
    return *found, block
