"""Where the keys of all logs of a store are: in files, or behind references that name each log's own.

A policy file names every tree of every log by a key of its own, so a reference is a pattern:

    file:/keys                                          a folder each below that one; made at first use
    env:LOG_KEY_{tenant}_{log}_{tree}_{generation}      variables, such as LOG_KEY_ACME_2026_SHA3_256_1
    aws-kms:alias/logs-{tenant}-{log}-{tree}-{generation}

A rotation goes on to the next generation, whose keys are made by whoever keeps them. Which of the keys sign, the log's
entries say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.checkpoint import origin_of
from chain.durable import make_private_directory
from chain.keys.history import KeyHistory
from chain.keys.log_keys import LogKeys, LogKeyStore, find_pending
from chain.keys.reference import KeyPlace, KeyReference, KeySources, open_log_signer, parse_reference
from chain.keys.signer import Signer
from chain.layout import LogOrigin, find_origin
from chain.tree_hash import BOTH, TreeHash, Twin
from domain.errors import ConflictError, InputError, NotFound

GENERATIONS_MAX: Final = 100
_NEEDED: Final = ("tenant", "log", "tree", "generation")
_FIELD: Final = re.compile(r"\{([a-z]*)\}")
_NO_VARIABLE: Final = re.compile(r"[^A-Z0-9_]")


@dataclass(frozen=True, slots=True)
class LogKeyPlaces:
    """Gives the keys of any log of a store. Holds references and functions, no key.

    Args:
        states: folder of the logs' private states, where key files are by default.
        reference: pattern of references; None for the default.
    """

    states: Path
    sources: KeySources
    reference: KeyReference | None = None

    def of(self, origin: str) -> LogKeyStore:
        """The keys of one log."""
        named = find_origin(origin)
        assert named is not None, "the writer's logs have names of this form"
        if self.reference is not None and self.reference.place is not KeyPlace.FILE:
            return ReferencedLogKeys(self.reference, named, self.sources)
        root = self.states if self.reference is None else Path(self.reference.name)
        directory = root / named.tenant / str(named.name)
        make_private_directory(directory)
        return LogKeys(directory, origin=origin, passphrase=self.sources.passphrase)

    def held(self, origin: str) -> Sequence[Twin[Signer]]:
        """Every pair of keys that is held for a log, oldest first."""
        return self.of(origin).held()


class ReferencedLogKeys:
    """The keys of one log that are kept elsewhere, by generation."""

    def __init__(self, pattern: KeyReference, origin: LogOrigin, sources: KeySources) -> None:
        self._pattern = pattern
        self._origin = origin
        self._sources = sources

    def held(self) -> Sequence[Twin[Signer]]:
        """Every generation from the first to the last that there is.

        Raises:
            NotFound: the first is not there.
        """
        found = [self._open(1)]
        while len(found) < GENERATIONS_MAX and (pair := self._find(len(found) + 1)) is not None:
            found.append(pair)
        return found

    def pending(self, history: Twin[KeyHistory]) -> Twin[Signer]:
        """The newest generation, which no entry speaks of yet.

        Raises:
            ConflictError: whoever keeps the keys has not made it.
        """
        held = self.held()
        found = find_pending(held, history)
        if found is None:
            names = [self._name(len(held) + 1, tree) for tree in (BOTH.sha256, BOTH.sha3_256)]
            raise ConflictError(
                "there is no new pair of keys to rotate to",
                origin=str(self._origin),
                expected=names,
                todo="Make these keys where the references point to, and repeat the rotation",
            )
        return found

    def destroy_retired(self, history: Twin[KeyHistory]) -> int:
        """Nothing: whoever keeps the keys destroys them."""
        del history
        return 0

    def _find(self, generation: int) -> Twin[Signer] | None:
        try:
            return self._open(generation)
        except NotFound:
            return None

    def _open(self, generation: int) -> Twin[Signer]:
        return Twin(self._signer(generation, BOTH.sha256), self._signer(generation, BOTH.sha3_256))

    def _signer(self, generation: int, tree: TreeHash) -> Signer:
        reference = KeyReference(self._pattern.place, self._name(generation, tree))
        return open_log_signer(reference, name=origin_of(str(self._origin), tree), sources=self._sources)

    def _name(self, generation: int, tree: TreeHash) -> str:
        words = {
            "tenant": self._origin.tenant,
            "log": str(self._origin.name),
            "tree": "sha256" if tree == BOTH.sha256 else "sha3-256",
            "generation": str(generation),
        }
        if self._pattern.place is KeyPlace.ENVIRONMENT:
            words = {name: _NO_VARIABLE.sub("_", word.upper()) for name, word in words.items()}
        return self._pattern.name.format(**words)


def parse_log_reference(text: str) -> KeyReference:
    """Read a pattern of references to log keys.

    Raises:
        InputError: not a reference, or it does not tell the keys of one log from another's.
    """
    reference = parse_reference(text)
    needed = () if reference.place is KeyPlace.FILE else _NEEDED
    rest = _FIELD.sub("", reference.name)
    if sorted(_FIELD.findall(reference.name)) != sorted(needed) or "{" in rest or "}" in rest:
        raise InputError(
            "reference to log keys does not tell one key from another",
            place=reference.place,
            expected=[f"{{{name}}}" for name in needed] or "a folder",
            todo="Write each of these once; every tree of every log has a key of its own",
        )
    return reference
