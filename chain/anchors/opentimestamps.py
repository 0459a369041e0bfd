"""OpenTimestamps proofs: read, written again byte for byte, and evaluated from a digest to what attests it.

A proof is a tree: operations lead from the document's digest to messages, and attestations say who vouches for a
message. Reading decides whether the file is well-formed and within the format's limits, and nothing more; a Bitcoin
attestation counts only once its message is found to be the Merkle root of that block, which needs the block's header.

Two departures from the reference program, both towards refusal: a number has one spelling only, and a file may not be
longer than ``PROOF_SIZE_BYTES_MAX`` or use Keccak-256, which is slow here, more than ``KECCAK256_MAX`` times. Where the
platform's library lacks RIPEMD-160, a proof that uses it is refused by name.

Source: github.com/opentimestamps/python-opentimestamps, ``core``; there is no other specification.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from chain.anchors.keccak import keccak256
from domain.errors import InputError

HEADER: Final = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
VERSION: Final = 1
PROOF_SIZE_BYTES_MAX: Final = 100_000
MESSAGE_SIZE_BYTES_MAX: Final = 4096
DEPTH_MAX: Final = 256
KECCAK256_MAX: Final = 256

SHA1: Final = 0x02
RIPEMD160: Final = 0x03
SHA256: Final = 0x08
KECCAK256: Final = 0x67
APPEND: Final = 0xF0
PREPEND: Final = 0xF1
REVERSE: Final = 0xF2
HEXLIFY: Final = 0xF3

DIGEST_SIZES_BYTES: Final = {SHA1: 20, RIPEMD160: 20, SHA256: 32, KECCAK256: 32}

_DIGEST_NAMES: Final = {SHA1: "sha1", RIPEMD160: "ripemd160", SHA256: "sha256"}
_OPERATIONS: Final = {*DIGEST_SIZES_BYTES, APPEND, PREPEND, REVERSE, HEXLIFY}
_WITH_ARGUMENT: Final = {APPEND, PREPEND}
_FORK: Final = 0xFF
_ATTESTATION: Final = 0x00

_PENDING: Final = bytes.fromhex("83dfe30d2ef90c8e")
_BLOCKS: Final = {bytes.fromhex("0588960d73d71901"): "bitcoin", bytes.fromhex("06869a0d73d71b45"): "litecoin"}
_TAG_SIZE_BYTES: Final = 8
_PAYLOAD_SIZE_BYTES_MAX: Final = 8192
_URI_SIZE_BYTES_MAX: Final = 1000
_URI: Final = re.compile(rb"[-.0-9:A-Z_a-z/]*")
_NUMBER_MAX: Final = 2**64 - 1
_TODO: Final = "Give a file that an OpenTimestamps client wrote"


@dataclass(frozen=True, slots=True)
class Operation:
    """One step from a message to the next; ``argument`` is empty but for append and prepend."""

    code: int
    argument: bytes = b""

    def apply(self, message: bytes) -> bytes:
        """The next message.

        Raises:
            InputError: the format does not allow it on this message, or it cannot be evaluated here.
        """
        if self.code in DIGEST_SIZES_BYTES:
            result = _digest(self.code, message)
        elif self.code == APPEND:
            result = message + self.argument
        elif self.code == PREPEND:
            result = self.argument + message
        elif self.code == REVERSE:
            result = message[::-1]
        else:
            result = message.hex().encode("ascii")
        if not 0 < len(result) <= MESSAGE_SIZE_BYTES_MAX:
            raise InputError(
                "time stamp leads to a message of forbidden length",
                operation=f"{self.code:#04x}",
                expected=f"1 to {MESSAGE_SIZE_BYTES_MAX} bytes",
                got=len(result),
            )
        return result


@dataclass(frozen=True, slots=True)
class BlockAttestation:
    """The message is the Merkle root in the header of the block at that height of a chain."""

    chain: str
    height: int


@dataclass(frozen=True, slots=True)
class PendingAttestation:
    """A calendar promises to have the message attested; it attests nothing yet."""

    uri: str


@dataclass(frozen=True, slots=True)
class UnknownAttestation:
    """Of a kind that is not known here; kept, and never counted."""

    tag: bytes
    payload: bytes


Attestation: TypeAlias = BlockAttestation | PendingAttestation | UnknownAttestation


@dataclass(frozen=True, slots=True)
class Step:
    """An operation and what follows on its result."""

    operation: Operation
    then: Timestamp


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a proof says of one message: at least one attestation or further step, in the order of the file."""

    branches: tuple[Attestation | Step, ...]

    def attested(self, message: bytes) -> tuple[Attested, ...]:
        """Every attestation below, with the message that it attests.

        Raises:
            InputError: an operation cannot be applied.
        """
        found: list[Attested] = []
        for branch in self.branches:
            if isinstance(branch, Step):
                found += branch.then.attested(branch.operation.apply(message))
            else:
                found.append(Attested(branch, message))
        return tuple(found)

    def extended(self, message: bytes, *, at: bytes, by: Timestamp) -> Timestamp:
        """This time stamp of a message with another one's branches added wherever the message is ``at``.

        A calendar answers later with the time stamp of a message that it had promised; this puts it into its place.
        """
        branches = tuple(
            Step(branch.operation, branch.then.extended(branch.operation.apply(message), at=at, by=by))
            if isinstance(branch, Step)
            else branch
            for branch in self.branches
        )
        added = by.branches if message == at else ()
        return Timestamp((*branches, *(branch for branch in added if branch not in branches)))


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation and the message that it is about."""

    attestation: Attestation
    message: bytes


@dataclass(frozen=True, slots=True)
class DetachedTimestamp:
    """A proof file: which digest a document must have, and the time stamp of that digest."""

    digest_type: int
    digest: bytes
    timestamp: Timestamp

    def is_of(self, document: bytes) -> bool:
        """Whether the document has the digest that is stamped.

        Raises:
            InputError: the digest cannot be computed here.
        """
        return _digest(self.digest_type, document) == self.digest

    def attested(self) -> tuple[Attested, ...]:
        """Every attestation with the message that it attests.

        Raises:
            InputError: an operation cannot be applied.
        """
        return self.timestamp.attested(self.digest)


def parse_proof(data: bytes) -> DetachedTimestamp:
    """Read a proof file (``.ots``) and evaluate every operation in it once.

    Raises:
        InputError: not a proof file of this version, malformed, beyond a limit, or not to be evaluated here.
    """
    reader = _Reader(data)
    if reader.take(min(len(HEADER), len(data)), "header") != HEADER:
        raise InputError("not an OpenTimestamps proof", expected=HEADER.hex(), got=data[:31].hex(), todo=_TODO)
    version = reader.number("version")
    if version != VERSION:
        raise InputError("time stamp is of another version", expected=VERSION, got=version, todo=_TODO)
    digest_type = reader.byte("digest type")
    if digest_type not in DIGEST_SIZES_BYTES:
        raise reader.refusal("digest type", expected="02, 03, 08 or 67", got=f"{digest_type:02x}")
    digest = reader.take(DIGEST_SIZES_BYTES[digest_type], "digest")
    proof = DetachedTimestamp(digest_type, digest, _whole_timestamp(reader))
    proof.attested()
    return proof


def parse_timestamp(data: bytes, message: bytes) -> Timestamp:
    """Read the time stamp of a message without a file's header, as calendars send it, and evaluate it once.

    Raises:
        InputError: malformed, beyond a limit, or not to be evaluated here.
    """
    timestamp = _whole_timestamp(_Reader(data))
    timestamp.attested(message)
    return timestamp


def format_proof(proof: DetachedTimestamp) -> bytes:
    """Write a proof file."""
    return b"".join(
        [HEADER, _number(VERSION), bytes([proof.digest_type]), proof.digest, format_timestamp(proof.timestamp)]
    )


def format_timestamp(timestamp: Timestamp) -> bytes:
    """Write a time stamp without a file's header."""
    *forked, last = [_format_branch(branch) for branch in timestamp.branches]
    return b"".join([*(bytes([_FORK]) + branch for branch in forked), last])


class _Reader:
    """Takes a file apart from front to back and never reads beyond its end."""

    def __init__(self, data: bytes) -> None:
        if len(data) > PROOF_SIZE_BYTES_MAX:
            raise InputError("time stamp is too long", size_bytes=len(data), size_bytes_max=PROOF_SIZE_BYTES_MAX)
        self._data = data
        self._at = 0
        self.keccak256_left = KECCAK256_MAX

    def take(self, count: int, what: str) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise self.refusal(what, expected=f"{count} bytes", got=f"{len(taken)} before the end")
        self._at += count
        return taken

    def byte(self, what: str) -> int:
        return self.take(1, what)[0]

    def number(self, what: str) -> int:
        value = shift = 0
        while True:
            part = self.byte(what)
            value |= (part & 0x7F) << shift
            if value > _NUMBER_MAX or (shift and part == 0):
                raise self.refusal(what, expected="a number below 2^64 in its shortest form", got=f"{part:02x}")
            if part < 0x80:
                return value
            shift += 7

    def sized(self, what: str, *, size_bytes_max: int, size_bytes_min: int = 0) -> bytes:
        size = self.number(what)
        if not size_bytes_min <= size <= size_bytes_max:
            raise self.refusal(what, expected=f"{size_bytes_min} to {size_bytes_max} bytes", got=size)
        return self.take(size, what)

    def require_end(self, what: str) -> None:
        if self._at < len(self._data):
            raise self.refusal(what, expected="nothing more", got=f"{len(self._data) - self._at} bytes")

    def refusal(self, what: str, *, expected: object, got: object) -> InputError:
        return InputError(f"time stamp is malformed: {what}", position=self._at, expected=expected, got=got, todo=_TODO)


def _whole_timestamp(reader: _Reader) -> Timestamp:
    timestamp = _timestamp(reader, depth=0)
    reader.require_end("end of file")
    return timestamp


def _timestamp(reader: _Reader, *, depth: int) -> Timestamp:
    if depth >= DEPTH_MAX:
        raise reader.refusal("depth", expected=f"at most {DEPTH_MAX} operations in a row", got="more")
    branches: list[Attestation | Step] = []
    is_last = False
    while not is_last:
        code = reader.byte("operation")
        is_last = code != _FORK
        if not is_last:
            code = reader.byte("operation")
        if code == _ATTESTATION:
            branches.append(_attestation(reader))
        else:
            operation = _operation(reader, code)
            branches.append(Step(operation, _timestamp(reader, depth=depth + 1)))
    return Timestamp(tuple(branches))


def _operation(reader: _Reader, code: int) -> Operation:
    if code not in _OPERATIONS:
        raise reader.refusal("operation", expected="a known operation", got=f"{code:02x}")
    if code == KECCAK256:
        reader.keccak256_left -= 1
        if reader.keccak256_left < 0:
            raise reader.refusal("operation", expected=f"keccak256 at most {KECCAK256_MAX} times", got="more")
    if code not in _WITH_ARGUMENT:
        return Operation(code)
    return Operation(code, reader.sized("argument", size_bytes_max=MESSAGE_SIZE_BYTES_MAX, size_bytes_min=1))


def _attestation(reader: _Reader) -> Attestation:
    tag = reader.take(_TAG_SIZE_BYTES, "attestation")
    payload = reader.sized("attestation", size_bytes_max=_PAYLOAD_SIZE_BYTES_MAX)
    inner = _Reader(payload)
    if tag == _PENDING:
        uri = inner.sized("calendar's address", size_bytes_max=_URI_SIZE_BYTES_MAX)
        if _URI.fullmatch(uri) is None:
            raise inner.refusal("calendar's address", expected="letters, digits and -._:/", got=uri[:80])
        inner.require_end("calendar's address")
        return PendingAttestation(uri.decode("ascii"))
    if tag in _BLOCKS:
        height = inner.number("block height")
        inner.require_end("block height")
        return BlockAttestation(_BLOCKS[tag], height)
    return UnknownAttestation(tag, payload)


def _format_branch(branch: Attestation | Step) -> bytes:
    if isinstance(branch, Step):
        argument = branch.operation.argument
        sized = _number(len(argument)) + argument if branch.operation.code in _WITH_ARGUMENT else b""
        return bytes([branch.operation.code]) + sized + format_timestamp(branch.then)
    if isinstance(branch, PendingAttestation):
        uri = branch.uri.encode("ascii")
        tag, payload = _PENDING, _number(len(uri)) + uri
    elif isinstance(branch, BlockAttestation):
        tag, payload = next(tag for tag, chain in _BLOCKS.items() if chain == branch.chain), _number(branch.height)
    else:
        tag, payload = branch.tag, branch.payload
    return bytes([_ATTESTATION]) + tag + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _digest(code: int, message: bytes) -> bytes:
    if code == KECCAK256:
        return keccak256(message)
    try:
        return hashlib.new(_DIGEST_NAMES[code], message, usedforsecurity=False).digest()
    except ValueError:
        raise InputError(
            "time stamp uses a hash function that cannot be computed here",
            got=_DIGEST_NAMES[code],
            todo="Use an OpenSSL whose legacy provider is active",
        ) from None
