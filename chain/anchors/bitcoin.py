"""Bitcoin receipts: a transaction that carries the digest, its branch to a block's Merkle root, and the block header.

A header's proof of work shows what it cost at the difficulty that the header itself states; that the block is in the
chain, only a reader with a header from somewhere else can tell.

Source: Bitcoin developer reference, "Raw transaction format" and "Block headers"; BIP 141 (a transaction's id is the
digest of its form without witness).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chain.anchors.opentimestamps import (
    APPEND,
    PREPEND,
    SHA256,
    Attestation,
    BlockAttestation,
    DetachedTimestamp,
    Operation,
    Step,
    Timestamp,
)
from chain.strict_json import parse
from domain.errors import InputError, IntegrityError

PAYLOAD_PREFIX: Final = b"PCG\x01"
HEADER_SIZE_BYTES: Final = 80
TRANSACTION_SIZE_BYTES_MAX: Final = 100_000
BRANCH_LENGTH_MAX: Final = 32

_NODE_SIZE_BYTES = 64
_BRANCH_SIZE_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """A block header's fields that matter here."""

    encoded: bytes
    merkle_root: bytes
    time: datetime
    target: int

    @property
    def digest(self) -> bytes:
        """The block's hash in the order in which it is computed."""
        return double_sha256(self.encoded)

    @property
    def block(self) -> str:
        """The block's hash as explorers write it."""
        return self.digest[::-1].hex()

    @property
    def difficulty(self) -> int:
        """How many times harder than the easiest block of the main network."""
        return (0xFFFF << 208) // max(self.target, 1)


@dataclass(frozen=True, slots=True)
class Branch:
    """A transaction's place among its block's, and the neighbours on the way up, in the order of computation."""

    index: int
    path: tuple[bytes, ...]

    def root(self, leaf: bytes) -> bytes:
        """The Merkle root that the leaf leads to."""
        node, index = leaf, self.index
        for neighbour in self.path:
            node = double_sha256(neighbour + node if index & 1 else node + neighbour)
            index >>= 1
        return node


def double_sha256(data: bytes) -> bytes:
    """Bitcoin's digest of transactions and headers."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def read_header(data: bytes) -> Header:
    """Read a header whose proof of work meets the target that it states.

    Raises:
        InputError: not a header.
        IntegrityError: the work is not there.
    """
    if len(data) != HEADER_SIZE_BYTES:
        raise InputError("not a Bitcoin block header", expected=f"{HEADER_SIZE_BYTES} bytes", got=len(data))
    header = Header(
        encoded=data,
        merkle_root=data[36:68],
        time=datetime.fromtimestamp(int.from_bytes(data[68:72], "little"), UTC),
        target=_target(int.from_bytes(data[72:76], "little")),
    )
    if int.from_bytes(header.digest, "little") > header.target:
        raise IntegrityError(
            "block header's proof of work is not there", expected=f"at most {header.target:064x}", got=header.block
        )
    return header


def read_branch(data: bytes) -> Branch:
    """Read a branch: ``{"index": 0, "path": ["hex", ...]}``, each digest in the order of computation.

    Raises:
        InputError: not a branch.
    """
    value = parse(data, size_bytes_max=_BRANCH_SIZE_BYTES_MAX)
    fields = value if isinstance(value, dict) else {}
    index, path = fields.get("index"), fields.get("path")
    if type(index) is not int or not isinstance(path, list) or len(path) > BRANCH_LENGTH_MAX:
        raise InputError("not a Merkle branch", expected="an index and a path of digests")
    if not 0 <= index < 1 << len(path):
        raise InputError("not a Merkle branch", expected=f"an index below {1 << len(path)}", got=index)
    return Branch(index, tuple(_digest(step) for step in path))


def commitment_at(transaction: bytes, note_sha256: bytes) -> int:
    """Where the digest stands within the transaction.

    Raises:
        InputError: not a transaction without witness.
        IntegrityError: none of its outputs carries the digest.
    """
    payload = PAYLOAD_PREFIX + note_sha256
    script = bytes([0x6A, len(payload)]) + payload
    for start, found in _output_scripts(transaction):
        if found == script:
            return start + len(script) - len(note_sha256)
    raise IntegrityError("transaction does not carry the note's digest", expected=payload.hex())


def opentimestamps_proof(*, transaction: bytes, branch: Branch, height: int, note_sha256: bytes) -> DetachedTimestamp:
    """The same receipt as an OpenTimestamps proof, which programs of others can check.

    Raises:
        IntegrityError: the transaction does not carry the digest.
    """
    begin = commitment_at(transaction, note_sha256)
    steps = [Operation(PREPEND, transaction[:begin]), Operation(APPEND, transaction[begin + len(note_sha256) :])]
    steps += [Operation(SHA256)] * 2
    for level, neighbour in enumerate(branch.path):
        side = PREPEND if branch.index >> level & 1 else APPEND
        steps += [Operation(side, neighbour), Operation(SHA256), Operation(SHA256)]
    last: Attestation | Step = BlockAttestation("bitcoin", height)
    for operation in reversed(steps):
        last = Step(operation, Timestamp((last,)))
    return DetachedTimestamp(SHA256, note_sha256, Timestamp((last,)))


def _target(bits: int) -> int:
    """The target from its compact form."""
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000 or not mantissa or exponent > 32:
        raise InputError("block header's target is not valid", got=f"{bits:08x}")
    return mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)


def _digest(step: object) -> bytes:
    text = step if isinstance(step, str) else ""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32 or digest.hex() != text:
        raise InputError("not a Merkle branch", expected="digests of 32 bytes in hex", got=ascii(step)[:80])
    return digest


def _output_scripts(transaction: bytes) -> Sequence[tuple[int, bytes]]:
    """Each output's script and where it begins; a transaction as long as two digests could be a node of the tree."""
    if len(transaction) > TRANSACTION_SIZE_BYTES_MAX or len(transaction) == _NODE_SIZE_BYTES:
        raise InputError("not a Bitcoin transaction", got=f"{len(transaction)} bytes")
    reader = _Reader(transaction)
    reader.take(4)
    for _ in range(reader.count()):
        reader.take(36)
        reader.take(reader.count())
        reader.take(4)
    scripts = []
    for _ in range(reader.count()):
        reader.take(8)
        size = reader.count()
        scripts.append((reader.position, reader.take(size)))
    reader.take(4)
    if reader.position != len(transaction):
        raise InputError("not a Bitcoin transaction without witness", expected=reader.position, got=len(transaction))
    return scripts


class _Reader:
    """Takes a transaction's bytes in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self.position : self.position + size]
        if len(taken) < size:
            raise InputError("not a Bitcoin transaction", position=self.position, expected=f"{size} bytes")
        self.position += size
        return taken

    def count(self) -> int:
        first = self.take(1)[0]
        return first if first < 0xFD else int.from_bytes(self.take({0xFD: 2, 0xFE: 4, 0xFF: 8}[first]), "little")
