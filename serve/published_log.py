"""A year's log read back from its published folder, to be proved from: exactly what a stranger has.

Everything is read and hashed once, so that what is proved is one state of the log, whatever is published meanwhile, and
the writer is asked nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.checkpoint import origin_of, parse_checkpoint
from chain.keys.key_list import is_key_of
from chain.layout import KEYS_FILE, bundles, checkpoint_path
from chain.merkle import Tree
from chain.note import VerifierKey, open_note, parse_note, parse_verifier_key
from chain.proof import ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion
from chain.reports.source import LogSource
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.window import WindowProof, prove_window
from domain.errors import IntegrityError

_LENGTH_BYTES: Final = 2
_KEY_MARK: Final = b'"type":"key_'


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A published state, as its files say."""

    origin: str
    size: int
    checkpoint: str
    checkpoint_sha3: str


class PublishedLog:
    """One log.

    Args:
        folder: of one year.

    Raises:
        IntegrityError: the entries are not those of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        notes = Twin(_text(folder, BOTH.sha256), _text(folder, BOTH.sha3_256))
        first = parse_checkpoint(parse_note(notes.sha256).text)
        second = parse_checkpoint(parse_note(notes.sha3_256).text)
        self._head = PublishedHead(first.origin, first.size, notes.sha256, notes.sha3_256)
        self._entries = [entry for name in bundles(first.size) for entry in _split((folder / name.path).read_bytes())]
        self._trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
        for tree in (self._trees.sha256, self._trees.sha3_256):
            tree.extend(tree.hash.leaves(self._entries))
        roots = (self._trees.sha256.root(), self._trees.sha3_256.root())
        if roots != (first.root, second.root) or second.size != first.size:
            raise IntegrityError(
                "published entries are not those of the checkpoints",
                origin=first.origin,
                expected=first.root.hex(),
                got=roots[0].hex(),
                todo="Repeat the request; if it fails again, run: pcg log fsck",
            )

    def head(self) -> PublishedHead:
        """The state that everything is proved under."""
        return self._head

    def entry(self, index: int) -> bytes:
        """An entry's bytes."""
        return self._entries[index]

    @property
    def key_entries(self) -> tuple[int, ...]:
        """Places of the entries about the log's keys."""
        return tuple(index for index, entry in enumerate(self._entries) if _KEY_MARK in entry)

    def inclusion_proof(self, index: int, size: int | None = None) -> Twin[InclusionProof]:
        """Prove that an entry is in the log of that size."""
        trees = self._trees
        return Twin(prove_inclusion(trees.sha256, index, size), prove_inclusion(trees.sha3_256, index, size))

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> Twin[ConsistencyProof]:
        """Prove that the log of one size begins with the log of the other."""
        trees = self._trees
        return Twin(
            prove_consistency(trees.sha256, old_size, new_size), prove_consistency(trees.sha3_256, old_size, new_size)
        )

    def window_proof(self, start: int, end: int, size: int | None = None) -> Twin[WindowProof]:
        """Prove what the entries of a window are: all of them, none left out."""
        trees = self._trees
        return Twin(prove_window(trees.sha256, start, end, size), prove_window(trees.sha3_256, start, end, size))


def log_source(folder: Path) -> LogSource:
    """A year's published log as a report reads it.

    Raises:
        IntegrityError: no published key has signed the checkpoints.
    """
    log = PublishedLog(folder)
    head = log.head()
    names = Twin(origin_of(head.origin, BOTH.sha256), origin_of(head.origin, BOTH.sha3_256))
    keys = _keys(folder, names)
    signing = Twin(_signer(keys, head.checkpoint, names.sha256), _signer(keys, head.checkpoint_sha3, names.sha3_256))
    return LogSource(folder.name, log, signing, key_entries=log.key_entries)


def _keys(folder: Path, names: Twin[str]) -> list[VerifierKey]:
    lines = (folder / KEYS_FILE).read_text(encoding="utf-8").splitlines()
    return [parse_verifier_key(line) for line in lines if is_key_of(line, names)]


def _signer(keys: Sequence[VerifierKey], note: str, name: str) -> VerifierKey:
    for key in keys:
        if key.name == name:
            try:
                open_note(note, [key])
            except IntegrityError:
                continue
            return key
    raise IntegrityError("no published key has signed the checkpoint", name=name, todo="Run: pcg log fsck")


def _text(folder: Path, tree: TreeHash) -> str:
    return (folder / checkpoint_path(tree)).read_text(encoding="utf-8")


def _split(bundle: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(bundle):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(bundle[at:start], "big")
        yield bundle[start:at]
