"""Bitcoin blocks for tests: small transactions, a Merkle tree over them, and a header with easy work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

EASY_BITS = 0x207FFFFF


def double(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def transaction(*scripts: bytes) -> bytes:
    """One input, and an output for each script."""
    outputs = b"".join(bytes(8) + bytes([len(script)]) + script for script in scripts)
    one_input = b"\x01" * 36 + bytes([1, 0x51]) + b"\xff" * 4
    return b"\x01\0\0\0" + bytes([1]) + one_input + bytes([len(scripts)]) + outputs + bytes(4)


def carrying(digest: bytes) -> bytes:
    return transaction(b"\x51" * 25, b"\x6a\x24PCG\x01" + digest)


@dataclass(frozen=True)
class Block:
    header: bytes
    branch: bytes


def mine(transactions: list[bytes], index: int, *, time: int = 1_772_366_400, bits: int = EASY_BITS) -> Block:
    """A block of these transactions, and the branch of one of them."""
    level, path, place = [double(one) for one in transactions], [], index
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        path.append(level[place ^ 1].hex())
        level = [double(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        place >>= 1
    start = bytes(4) + bytes(32) + level[0] + time.to_bytes(4, "little") + bits.to_bytes(4, "little")
    headers = (start + nonce.to_bytes(4, "little") for nonce in range(1000))
    header = next(one for one in headers if int.from_bytes(double(one), "little") < 0x7FFFFF << 232)
    return Block(header, orjson.dumps({"index": index, "path": path}))
