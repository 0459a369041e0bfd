"""The file that lists a folder's keys: those whose lines its checkpoints carry.

    the SHA-256 tree's active key
    the SHA3-256 tree's active key
    both trees' former keys, while a rotation overlaps
    keys of witnesses, in the order of their cosignatures

A line is the log's where its name is the log's; no witness may have that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain.cosignature import CosignerKey
from chain.note import VerifierKey
from chain.tree_hash import Twin


@dataclass(frozen=True, slots=True)
class TreeKeys:
    """The keys that sign one tree now, and those that may have signed it before.

    Args:
        signing: in the order of their lines; the active one first.
        known: that may stand on a checkpoint that was published earlier.
    """

    signing: tuple[VerifierKey, ...]
    known: tuple[VerifierKey, ...] = ()

    @property
    def all(self) -> tuple[VerifierKey, ...]:
        """Each once."""
        return tuple(dict.fromkeys((*self.signing, *self.known)))


def format_key_list(signing: Twin[tuple[VerifierKey, ...]], cosigners: Sequence[CosignerKey]) -> str:
    """The file's text."""
    first, second = signing.sha256, signing.sha3_256
    logs = (first[0], second[0], *first[1:], *second[1:])
    return "".join(f"{text}\n" for text in (*(key.text for key in logs), *(key.text for key in cosigners)))


def is_key_of(line: str, names: Twin[str]) -> bool:
    """Whether a line names a key of one of the log's trees rather than a witness."""
    return line.partition("+")[0] in {names.sha256, names.sha3_256}
