"""A log's keys in its state directory: those of both trees, one pair for each generation.

Which of them sign follows from the log's entries and is kept nowhere else: after a crash in a rotation the same pair is
offered again, or already signs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from chain.checkpoint import origin_of
from chain.keys.destruction import destroy_file
from chain.keys.history import KeyHistory
from chain.keys.key_file import FileSigner, Passphrase
from chain.keys.ring import KeyStatus
from chain.keys.signer import Signer
from chain.tree_hash import BOTH, Twin
from domain.errors import IntegrityError

_FILE: Final = re.compile(r"log(?:-([1-9][0-9]{0,5}))?\.key")


class LogKeyStore(Protocol):
    """The keys of one log, wherever they are."""

    def held(self) -> Sequence[Twin[Signer]]:
        """Every pair that is there, oldest first."""

    def pending(self, history: Twin[KeyHistory]) -> Twin[Signer]:
        """The pair that a rotation adds."""

    def destroy_retired(self, history: Twin[KeyHistory]) -> int:
        """Destroy retired pairs that this store can destroy; returns how many."""


class LogKeys:
    """Opens and makes the keys of one log.

    Args:
        directory: the log's state directory; its owner's alone.
    """

    def __init__(self, directory: Path, *, origin: str, passphrase: Passphrase | None = None) -> None:
        self._directory = directory
        self._names = Twin(origin_of(origin, BOTH.sha256), origin_of(origin, BOTH.sha3_256))
        self._passphrase = passphrase

    def held(self) -> tuple[Twin[Signer], ...]:
        """Every pair that is there, oldest first; the first is made where there is none and nothing was ever signed.

        Raises:
            IntegrityError: the keys that signed are gone.
        """
        numbers = self._generations()
        if not numbers and (self._directory / "signed").exists():
            raise IntegrityError(
                "log's keys are not held",
                path=str(self._directory),
                expected=self._names.sha256,
                todo="Restore their files; if they are lost, freeze the log and open its successor",
            )
        return tuple(self._open(number) for number in numbers or [1])

    def pending(self, history: Twin[KeyHistory]) -> Twin[Signer]:
        """The pair that a rotation adds: made, unless an interrupted rotation has made it."""
        return find_pending(self.held(), history) or self._open(max(self._generations()) + 1)

    def destroy_retired(self, history: Twin[KeyHistory]) -> int:
        """Destroy the files of retired pairs; returns how many."""
        statuses = {} if history.sha256.ring is None else history.sha256.ring.statuses
        retired = [
            number for number in self._generations() if statuses.get(self._open(number).sha256.key) is KeyStatus.RETIRED
        ]
        for number in retired:
            for path in (self._path(number).sha3_256, self._path(number).sha256):
                destroy_file(path)
        return len(retired)

    def _generations(self) -> list[int]:
        names = (_FILE.fullmatch(path.name) for path in self._directory.iterdir())
        return sorted(int(name[1] or 1) for name in names if name is not None)

    def _open(self, number: int) -> Twin[Signer]:
        """SHA3-256 first: a pair that a crash cut in half is named by no file that counts."""
        paths = self._path(number)
        second = FileSigner(paths.sha3_256, name=self._names.sha3_256, passphrase=self._passphrase)
        return Twin(FileSigner(paths.sha256, name=self._names.sha256, passphrase=self._passphrase), second)

    def _path(self, number: int) -> Twin[Path]:
        suffix = "" if number == 1 else f"-{number}"
        return Twin(self._directory / f"log{suffix}.key", self._directory / f"log-sha3{suffix}.key")


def find_pending(held: Sequence[Twin[Signer]], history: Twin[KeyHistory]) -> Twin[Signer] | None:
    """A pair that was made and that no entry speaks of yet."""
    newest, ring = held[-1], history.sha256.ring
    is_new = len(held) > 1 if ring is None else newest.sha256.key not in ring.statuses
    return newest if is_new else None


def choose_signers(history: KeyHistory, held: Sequence[Signer]) -> tuple[Signer, ...]:
    """The signers of a tree's next checkpoint, in the order of their lines.

    A former key that is lost during an overlap is left out: either key's line is enough, and the log must be open to
    retire it.

    Args:
        held: all signers of that tree, oldest first.

    Raises:
        IntegrityError: the active key is not among them.
    """
    if history.ring is None:
        return tuple(held[:1])
    signers = {signer.key: signer for signer in held}
    if history.ring.active not in signers:
        raise IntegrityError(
            "log's active key is not held",
            expected=history.ring.active.text,
            got=[key.text for key in signers],
            todo="Restore its file or reference; if it is lost, freeze the log and open its successor",
        )
    return tuple(signers[key] for key in history.ring.signing if key in signers)
