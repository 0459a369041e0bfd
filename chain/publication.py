"""The folder that a stranger gets: checkpoints, tiles, entry bundles, artifacts, verifier keys.

Everything in it follows from the journal and can be written again. The order matters: what a checkpoint covers is
there before the checkpoint is. While files are being written, a mark in the state directory says so; a writer that
finds the mark writes the whole folder again and removes what the interrupted one left over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from chain.checkpoint import require_log_signature
from chain.cosigned import CosignedNote
from chain.durable import TEMPORARY_SUFFIX, replace_file, reporting_full_disk, sync_directory, write_all
from chain.layout import (
    KEYS_FILE,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileName,
    artifact_path,
    bundles,
    checkpoint_path,
    tile_name,
    tiles,
)
from chain.merkle import Tree
from chain.note import VerifierKey, parse_note
from chain.tree_hash import BOTH, Twin
from domain.errors import ConflictError, PolicyCortexError

ReadEntry = Callable[[int], bytes]


class Publication:
    """Writes one log's folder.

    Args:
        mark: file in the state directory that stands while the folder is being written.
    """

    def __init__(self, directory: Path, mark: Path, keys: Twin[VerifierKey]) -> None:
        self._directory = directory
        self._mark = mark
        self._keys = keys
        self._touched: set[Path] = set()
        directory.mkdir(parents=True, exist_ok=True)
        self.size = self._published_size()

    def write(
        self, trees: Twin[Tree], read_entry: ReadEntry, artifacts: Mapping[str, Path], notes: Twin[CosignedNote]
    ) -> None:
        """Bring the folder to the size of the trees.

        Args:
            artifacts: copies of the artifacts that the entries not yet published name, by SHA-256.
            notes: signed checkpoints of the trees as they are.
        """
        size, is_repeat = trees.sha256.size, self._mark.exists()
        start = 0 if is_repeat else self.size
        replace_file(self._mark, b"", mode=0o600)
        if is_repeat:
            self._remove_leftovers(size)
        self._write_keys(notes.sha256)
        for digest, source in artifacts.items():
            self._write(artifact_path(digest), source.read_bytes())
        for name in bundles(size, start=start):
            self._write_tile(name, bundle_content(name, read_entry))
        for tree in (trees.sha256, trees.sha3_256):
            for name in tiles(tree.hash, size, start=start):
                self._write_tile(name, tile_content(name, tree))
        self._sync_names()
        self._write(checkpoint_path(BOTH.sha3_256), notes.sha3_256.note.encode("utf-8"))
        self._write(checkpoint_path(BOTH.sha256), notes.sha256.note.encode("utf-8"))
        self._sync_names()
        self._mark.unlink()
        self.size = size

    def write_checkpoint(self, note: CosignedNote) -> None:
        """Write the same checkpoint again with more cosignatures; an interrupted writing is repaired as any other."""
        replace_file(self._mark, b"", mode=0o600)
        self._write_keys(note)
        self._write(checkpoint_path(BOTH.sha256), note.note.encode("utf-8"))
        self._sync_names()
        self._mark.unlink()

    @property
    def needs_everything(self) -> bool:
        """Whether the last writing was interrupted, so that nothing in the folder is taken for granted."""
        return self._mark.exists()

    def _published_size(self) -> int:
        path = self._directory / checkpoint_path(BOTH.sha256)
        if self._mark.exists():
            return 0
        if not path.exists():
            if any(self._directory.iterdir()):
                raise ConflictError(
                    "folder is not empty and holds no evidence log",
                    path=str(self._directory),
                    todo="Give an empty folder for the evidence",
                )
            return 0
        try:
            checkpoint = require_log_signature(parse_note(path.read_text("utf-8")), self._keys.sha256)
        except (PolicyCortexError, UnicodeDecodeError) as error:
            raise ConflictError(
                "folder holds another log, or a damaged one",
                path=str(path),
                expected=self._keys.sha256.text,
                reason=str(error),
                todo="Verify that folder and move it away; an empty folder is written from the journal",
            ) from error
        return checkpoint.size

    def _write_keys(self, note: CosignedNote) -> None:
        lines = [self._keys.sha256.text, self._keys.sha3_256.text, *(key.text for key in note.cosigners)]
        self._write(KEYS_FILE, "".join(f"{line}\n" for line in lines).encode())

    def _write_tile(self, name: TileName, content: bytes) -> None:
        self._write(name.path, content)
        if name.width == TILE_WIDTH:
            partials = (self._directory / name.path).with_name(f"{Path(name.path).name}.p")
            if partials.exists():
                shutil.rmtree(partials)

    def _write(self, relative: str, content: bytes) -> None:
        path = self._directory / relative
        aside = path.with_name(path.name + TEMPORARY_SUFFIX)
        with reporting_full_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                write_all(handle, content)
                os.fsync(handle)
            finally:
                os.close(handle)
            aside.replace(path)
        self._touched.add(path.parent)

    def _sync_names(self) -> None:
        for folder in sorted(self._touched):
            sync_directory(folder)
        self._touched.clear()

    def _remove_leftovers(self, size: int) -> None:
        """Remove what an interrupted writer left: files half written, and tiles that this size has not."""
        for path in _files(self._directory):
            name = tile_name(path.relative_to(self._directory).as_posix())
            if path.name.endswith(TEMPORARY_SUFFIX) or (name is not None and _end(name) > size):
                path.unlink()


def _files(directory: Path) -> Iterable[Path]:
    return [path for path in sorted(directory.rglob("*")) if path.is_file()]


def _end(name: TileName) -> int:
    """Number of leaves that a tile presupposes."""
    return (name.index * TILE_WIDTH + name.width) << (TILE_HEIGHT * (name.level or 0))


def bundle_content(name: TileName, read_entry: ReadEntry) -> bytes:
    """What an entry bundle must hold."""
    first = name.index * TILE_WIDTH
    return b"".join(_prefixed(read_entry(index) for index in range(first, first + name.width)))


def _prefixed(entries: Iterable[bytes]) -> Iterator[bytes]:
    for entry in entries:
        yield len(entry).to_bytes(2, "big")
        yield entry


def tile_content(name: TileName, tree: Tree) -> bytes:
    """What a hash tile must hold."""
    first = name.index * TILE_WIDTH
    return tree.nodes(TILE_HEIGHT * (name.level or 0), first, first + name.width)
