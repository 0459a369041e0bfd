"""What strangers get of a log: checkpoints, tiles, entry bundles, artifacts, verifier keys, in a folder or a bucket.

Everything in it follows from the journal and can be written again. The order matters: what a checkpoint covers is
there before the checkpoint is. While files are being written, a mark in the state says from which entry on; a writer
that finds the mark writes everything from there again and removes what the interrupted one left over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from chain.cosigned import CosignedNote
from chain.keys.key_list import TreeKeys, format_key_list
from chain.keys.overlap import open_own
from chain.layout import (
    ARTIFACT_FOLDER,
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
from chain.note import VerifierKey
from chain.publishing_mark import FileMark, Mark
from chain.storage.contract import CHUNK_SIZE_BYTES, BlobStore, Hints, Item, Source
from chain.storage.files import FileStore
from chain.tile_content import ReadEntries, bundle_content, tile_content
from chain.tree_hash import BOTH, TreeHash, Twin
from domain.errors import ConflictError, NotFound, PolicyCortexError

_TEXT: Final = Hints("text/plain; charset=utf-8", "no-cache")
_FOR_EVER: Final = Hints(cache_control="public, max-age=31536000, immutable")
_FOR_NOW: Final = Hints(cache_control="public, max-age=60")


class Publication:
    """Writes one log's files.

    Args:
        folder: a directory, or a store in which the log has everything for itself.
        mark: in the state, not among the files: stands while they are being written.
        keys: active ones of both trees.
        rotating: all keys of both trees, where the log's keys were ever replaced.
    """

    def __init__(
        self,
        folder: Path | BlobStore,
        mark: Path | Mark,
        keys: Twin[VerifierKey],
        *,
        rotating: Twin[TreeKeys] | None = None,
    ) -> None:
        self._store: BlobStore = FileStore(folder) if isinstance(folder, Path) else folder
        self._mark: Mark = FileMark(mark) if isinstance(mark, Path) else mark
        self._keys = rotating or Twin(TreeKeys((keys.sha256,)), TreeKeys((keys.sha3_256,)))
        self.size = self._published_size()

    def write(
        self,
        trees: Twin[Tree],
        read_entries: ReadEntries,
        artifacts: Mapping[str, Path | Source],
        notes: Twin[CosignedNote],
    ) -> None:
        """Bring the files to the size of the trees.

        Args:
            artifacts: those that the entries from `size` on name, by SHA-256; already checked.
            notes: signed checkpoints of the trees as they are.
        """
        start, size = self.size, trees.sha256.size
        if self._begin(start):
            self._remove_leftovers(size)
        for digest, artifact in artifacts.items():
            source = _reading(artifact) if isinstance(artifact, Path) else artifact
            self._store.put_chunks(artifact_path(digest), source, hints_of(artifact_path(digest)))
        self._store.put_all(chain([self._keys_file(notes.sha256)], _tile_files(trees, read_entries, start=start)))
        self._store.put_all(
            [_checkpoint_file(BOTH.sha3_256, notes.sha3_256), _checkpoint_file(BOTH.sha256, notes.sha256)]
        )
        self._store.delete_all(self._partials_of(_completed(trees, start=start)))
        self._mark.clear()
        self.size = size

    def write_checkpoint(self, note: CosignedNote) -> None:
        """Write the same checkpoint again with more cosignatures; an interrupted writing is repaired as any other."""
        self._begin(self.size)
        self._store.put_all([self._keys_file(note)])
        self._store.put_all([_checkpoint_file(BOTH.sha256, note)])
        self._mark.clear()

    @property
    def needs_everything(self) -> bool:
        """Whether nothing that is there is taken for granted, so that all entries' artifacts are wanted."""
        return self.size == 0

    def _begin(self, start: int) -> bool:
        """Set the mark; whether an earlier writing was interrupted."""
        was_interrupted = self._mark.read() is not None
        self._mark.set(start)
        if was_interrupted:
            self._store.tidy()
        return was_interrupted

    def _published_size(self) -> int:
        path, begun = checkpoint_path(BOTH.sha256), self._mark.read()
        try:
            note = self._store.get(path).content
        except NotFound:
            self._require_empty(is_interrupted=begun is not None)
            return 0
        try:
            checkpoint = open_own(note.decode("utf-8"), self._keys.sha256.all)
        except (PolicyCortexError, UnicodeDecodeError) as error:
            raise ConflictError(
                "folder holds another log, or a damaged one",
                path=f"{self._store.location}: {path}",
                expected=[key.text for key in self._keys.sha256.all],
                reason=str(error),
                todo="Verify that folder and move it away; an empty folder is written from the journal",
            ) from error
        return checkpoint.size if begun is None else min(begun, checkpoint.size)

    def _require_empty(self, *, is_interrupted: bool) -> None:
        if not is_interrupted and next(self._store.listing(), None) is not None:
            raise ConflictError(
                "folder is not empty and holds no evidence log",
                path=self._store.location,
                todo="Give an empty folder for the evidence",
            )

    def _keys_file(self, note: CosignedNote) -> Item:
        signing = Twin(self._keys.sha256.signing, self._keys.sha3_256.signing)
        return KEYS_FILE, format_key_list(signing, note.cosigners).encode(), hints_of(KEYS_FILE)

    def _partials_of(self, whole: Iterable[TileName]) -> Iterator[str]:
        for name in whole:
            yield from (item.name for item in self._store.listing(f"{name.path}.p/"))

    def _remove_leftovers(self, size: int) -> None:
        """Remove tiles that this size has not, and partial ones that it has whole."""
        listed = [(item.name, tile_name(item.name)) for item in self._store.listing()]
        self._store.delete_all([path for path, name in listed if name and (_end(name) > size or _is_past(name, size))])


def hints_of(path: str) -> Hints:
    """What a server of the published files tells about one of them: whole tiles and artifacts never change."""
    name = tile_name(path)
    if name is not None:
        return _FOR_EVER if name.width == TILE_WIDTH else _FOR_NOW
    return _FOR_EVER if path.startswith(f"{ARTIFACT_FOLDER}/") else _TEXT


def _checkpoint_file(tree_hash: TreeHash, note: CosignedNote) -> Item:
    path = checkpoint_path(tree_hash)
    return path, note.note.encode("utf-8"), hints_of(path)


def _tile_files(trees: Twin[Tree], read_entries: ReadEntries, *, start: int) -> Iterator[Item]:
    size = trees.sha256.size
    for name in bundles(size, start=start):
        yield name.path, bundle_content(name, read_entries), hints_of(name.path)
    for tree in (trees.sha256, trees.sha3_256):
        for name in tiles(tree.hash, size, start=start):
            yield name.path, tile_content(name, tree), hints_of(name.path)


def _completed(trees: Twin[Tree], *, start: int) -> Iterator[TileName]:
    """Whole tiles of which the log of size `start` had a part."""
    size = trees.sha256.size
    names = chain(
        bundles(size, start=start), *(tiles(tree.hash, size, start=start) for tree in (trees.sha256, trees.sha3_256))
    )
    return (name for name in names if name.width == TILE_WIDTH and _first(name) < start)


def _first(name: TileName) -> int:
    """Number of leaves before a tile."""
    return (name.index * TILE_WIDTH) << (TILE_HEIGHT * (name.level or 0))


def _end(name: TileName) -> int:
    """Number of leaves that a tile presupposes."""
    return (name.index * TILE_WIDTH + name.width) << (TILE_HEIGHT * (name.level or 0))


def _is_past(name: TileName, size: int) -> bool:
    """Whether a partial tile is whole in a log of that size."""
    whole = TileName(name.prefix, name.level, name.index, TILE_WIDTH)
    return name.width < TILE_WIDTH and _end(whole) <= size


def _reading(path: Path) -> Source:
    def source() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_SIZE_BYTES):
                yield chunk

    return source
