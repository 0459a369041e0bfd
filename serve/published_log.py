"""A year's log read back from its published folder, to be proved from: exactly what a stranger has.

One state of the log is read, whatever is published meanwhile, tile by tile: a report costs what its window holds, not
what the log holds. Nothing is believed because it was read: a pack that is made of it is verified as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.checkpoint import Checkpoint, origin_of, parse_checkpoint
from chain.cosignature import parse_cosigner_key
from chain.keys.key_list import is_key_of
from chain.layout import KEYS_FILE, checkpoint_path
from chain.note import VerifierKey, open_note, parse_note, parse_verifier_key
from chain.proof import ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion
from chain.published_tree import PublishedEntries, PublishedTree, ReadFile
from chain.reports.source import LogSource
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.window import WindowProof, prove_window
from domain.errors import IntegrityError, UnavailableError

READS_MAX: Final = 5


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
        read: gives a file by its name in the folder of one year.

    Raises:
        IntegrityError: the newest tiles are not those of the checkpoints.
        UnavailableError: the log is published faster than it can be read.
    """

    def __init__(self, read: ReadFile) -> None:
        notes, heads = _heads(read)
        first = heads.sha256
        self._head = PublishedHead(first.origin, first.size, notes.sha256, notes.sha3_256)
        self._entries = PublishedEntries(first.size, read)
        self._trees = Twin(PublishedTree(BOTH.sha256, first.size, read), PublishedTree(BOTH.sha3_256, first.size, read))
        for tree, head in ((self._trees.sha256, first), (self._trees.sha3_256, heads.sha3_256)):
            if tree.root() != head.root:
                raise IntegrityError(
                    "published tiles are not those of the checkpoint",
                    origin=head.origin,
                    expected=head.root.hex(),
                    got=tree.root().hex(),
                    todo="Run: pcg log fsck",
                )

    def head(self) -> PublishedHead:
        """The state that everything is proved under."""
        return self._head

    def entry(self, index: int) -> bytes:
        """An entry's bytes."""
        return self._entries.entry(index)

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


def files_of(folder: Path) -> ReadFile:
    """Reads the files of one year's folder."""

    def read(name: str) -> bytes | None:
        try:
            return (folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    return read


def log_source(folder: Path) -> LogSource:
    """A year's published log as a report reads it.

    Raises:
        IntegrityError: no published key has signed the checkpoints.
    """
    log = PublishedLog(files_of(folder))
    head = log.head()
    names = Twin(origin_of(head.origin, BOTH.sha256), origin_of(head.origin, BOTH.sha3_256))
    lines = (folder / KEYS_FILE).read_text(encoding="utf-8").splitlines()
    keys = [parse_verifier_key(line) for line in lines if is_key_of(line, names)]
    signing = Twin(_signer(keys, head.checkpoint, names.sha256), _signer(keys, head.checkpoint_sha3, names.sha3_256))
    witnesses = tuple(parse_cosigner_key(line) for line in lines if not is_key_of(line, names))
    return LogSource(folder.name, log, signing, witnesses)


def is_signed_by(notes: Twin[str], keys: Twin[VerifierKey]) -> bool:
    """Whether both trees' notes are of these keys."""
    try:
        open_note(notes.sha256, [keys.sha256])
        open_note(notes.sha3_256, [keys.sha3_256])
    except IntegrityError:
        return False
    return True


def _heads(read: ReadFile) -> tuple[Twin[str], Twin[Checkpoint]]:
    """Both trees' newest checkpoints, read again where a publication came between them."""
    for _ in range(READS_MAX):
        notes = Twin(_text(read, BOTH.sha256), _text(read, BOTH.sha3_256))
        heads = Twin(*(parse_checkpoint(parse_note(note).text) for note in (notes.sha256, notes.sha3_256)))
        if heads.sha256.size == heads.sha3_256.size:
            return notes, heads
    raise UnavailableError(
        "the two trees' checkpoints are of different sizes",
        sha256=heads.sha256.size,
        sha3_256=heads.sha3_256.size,
        todo="Repeat the request; if it fails again, run: pcg log fsck",
    )


def _signer(keys: Sequence[VerifierKey], note: str, name: str) -> VerifierKey:
    for key in keys:
        if key.name == name:
            try:
                open_note(note, [key])
            except IntegrityError:
                continue
            return key
    raise IntegrityError("no published key has signed the checkpoint", name=name, todo="Run: pcg log fsck")


def _text(read: ReadFile, tree: TreeHash) -> str:
    content = read(checkpoint_path(tree))
    if content is None:
        raise IntegrityError("published file is missing", path=checkpoint_path(tree), todo="Run: pcg log fsck")
    return content.decode("utf-8")
