"""Keccak-256 as OpenTimestamps and Ethereum use it: SHA3-256's permutation with the padding of before the standard.

Never a hash of ours, and never to be taken for SHA3-256: the two give different digests of everything. Slow, for the
few messages of a proof.

Source: the Keccak reference, version 3.0; FIPS 202 sections 3.2 and 5.1, with the domain bits left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_RATE_BYTES: Final = 136
_DIGEST_BYTES: Final = 32
_ROUNDS: Final = 24
_LANE: Final = 2**64 - 1
_PADDING: Final = 0x01


def keccak256(message: bytes, *, padding: int = _PADDING) -> bytes:
    """Digest of a message.

    Args:
        padding: first byte after the message; 6 gives SHA3-256, by which this code is tested.
    """
    padded = bytearray(message) + bytes([padding]) + bytes(-(len(message) + 1) % _RATE_BYTES)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE_BYTES):
        for at in range(_RATE_BYTES // 8):
            lanes[at] ^= int.from_bytes(padded[start + 8 * at : start + 8 * at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[: _DIGEST_BYTES // 8])


def _permuted(lanes: list[int]) -> list[int]:
    for constant in _CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for at, (target, turns) in enumerate(_MOVES):
            moved[target] = _rotated(lanes[at] ^ mixed[at % 5], turns)
        lanes = [moved[at] ^ (~moved[_next(at, 1)] & moved[_next(at, 2)] & _LANE) for at in range(25)]
        lanes[0] ^= constant
    return lanes


def _next(at: int, steps: int) -> int:
    """The lane that many columns on in the same row."""
    return at - at % 5 + (at + steps) % 5


def _rotated(lane: int, turns: int) -> int:
    return (lane << turns | lane >> (64 - turns)) & _LANE


def _moves() -> Sequence[tuple[int, int]]:
    """Where each lane goes, and by how many bits it is turned on the way."""
    moves = [(0, 0)] * 25
    x, y = 1, 0
    for step in range(24):
        moved_x, moved_y = y, (2 * x + 3 * y) % 5
        moves[x + 5 * y] = (moved_x + 5 * moved_y, (step + 1) * (step + 2) // 2 % 64)
        x, y = moved_x, moved_y
    return moves


def _round_constants() -> Sequence[int]:
    """The bits of a shift register, seven a round, at the positions one below the powers of two."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


_MOVES: Final = _moves()
_CONSTANTS: Final = _round_constants()
