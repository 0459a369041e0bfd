"""A published folder beside the log that it must follow from, one bundle and one tile at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chain.envelope import NO_ARTIFACTS, ArtifactReference, read_envelope
from chain.finding import Findings
from chain.folder import Folder
from chain.layout import TILE_WIDTH, TileName, artifact_path, prefix_of, tile_name
from chain.tile_content import join_bundle
from chain.tree_hash import BOTH, HASH_SIZE_BYTES, TreeHash, Twin


@dataclass(slots=True)
class _Books:
    """What is found, by kind, so that it can be told in that order."""

    entries: Findings = field(default_factory=Findings)
    artifacts: Findings = field(default_factory=Findings)
    tiles: Twin[Findings] = field(default_factory=lambda: Twin(Findings(), Findings()))
    earlier: Findings = field(default_factory=Findings)


class FolderComparison:
    """Compares what passes by.

    Args:
        state: the log's own folder, where artifacts are kept as well.
        size: how many entries are signed; what is recorded beyond them is not published yet.
    """

    def __init__(self, folder: Folder, state: Path, size: int) -> None:
        self.size = size
        self._folder = folder
        self._state = state
        self._found = _Books()
        self._earlier = _partials(folder)
        self._digests: dict[str, tuple[str, str, int] | None] = {}

    def report(self, findings: Findings) -> None:
        """Tell what was found: entries, artifacts, tiles, partial tiles of earlier checkpoints."""
        found = self._found
        for each in (found.entries, found.artifacts, found.tiles.sha256, found.tiles.sha3_256, found.earlier):
            findings.extend(each)

    def take_bundle(self, index: int, entries: Sequence[bytes]) -> None:
        """Compare an entry bundle, and the artifacts that its entries name."""
        name, want = TileName("", None, index, len(entries)), join_bundle(entries)
        got = self._folder.read(name.path)
        if got != want:
            at = index * TILE_WIDTH + _entry_at(want, _first_difference(want, got or b""), name.width)
            report_difference(self._found.entries, name.path, want, got, entry_index=at)
        for earlier in self._earlier.get(("", None, index), ()):
            if earlier.width < name.width:
                self._compare_earlier(earlier, join_bundle(entries[: earlier.width]))
        for at in [at for at, entry in enumerate(entries) if not entry.startswith(NO_ARTIFACTS)]:
            for reference in read_envelope(entries[at]).artifacts:
                self._compare_artifact(index * TILE_WIDTH + at, reference)

    def take_tile(self, tree_hash: TreeHash, level: int, index: int, content: bytes) -> None:
        """Compare a hash tile."""
        name = TileName(prefix_of(tree_hash), level, index, len(content) // HASH_SIZE_BYTES)
        found = self._found.tiles.sha256 if tree_hash == BOTH.sha256 else self._found.tiles.sha3_256
        compare_file(self._folder, found, name.path, content)
        for earlier in self._earlier.get((name.prefix, level, index), ()):
            if earlier.width < name.width:
                self._compare_earlier(earlier, content[: earlier.width * HASH_SIZE_BYTES])

    def _compare_earlier(self, name: TileName, want: bytes) -> None:
        """Partial tiles of earlier checkpoints may stay; each must be the start of today's."""
        compare_file(self._folder, self._found.earlier, name.path, want)

    def _compare_artifact(self, index: int, reference: ArtifactReference) -> None:
        """An artifact has the digests that its entry names, in both folders."""
        want = (reference.sha256, reference.sha3_256, reference.size_bytes)
        path = artifact_path(reference.sha256)
        for where in (f"state {path}", path):
            if where not in self._digests:
                kept = self._state / path
                is_kept = where != path
                content = (kept.read_bytes() if kept.is_file() else None) if is_kept else self._folder.read(path)
                self._digests[where] = None if content is None else _digests(content)
            got = self._digests[where]
            if got != want:
                self._found.artifacts.add(where, field="content", expected=want, got=got, entry_index=index)


def compare_file(folder: Folder, findings: Findings, path: str, want: bytes) -> None:
    """Report a file that is not what it must be."""
    got = folder.read(path)
    if got != want:
        report_difference(findings, path, want, got, entry_index=None)


def report_difference(
    findings: Findings, path: str, want: bytes, got: bytes | None, *, entry_index: int | None
) -> None:
    """Report where a file first differs from what it must be."""
    if got is None:
        findings.add(path, field="file", expected="a file", got="no such file", entry_index=entry_index)
        return
    at = _first_difference(want, got)
    findings.add(
        path,
        field=f"byte {at}",
        expected=want[at : at + 16].hex() or "the end",
        got=got[at : at + 16].hex() or "the end",
        entry_index=entry_index,
    )


def _partials(folder: Folder) -> dict[tuple[str, int | None, int], list[TileName]]:
    """The folder's partial tiles by the tile that they are a part of."""
    found: dict[tuple[str, int | None, int], list[TileName]] = {}
    for path in folder.remaining():
        name = tile_name(path) if ".p/" in path else None
        if name is not None:
            found.setdefault((name.prefix, name.level, name.index), []).append(name)
    return found


def _first_difference(want: bytes, got: bytes) -> int:
    pairs = enumerate(zip(want, got, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(want), len(got)))


def _entry_at(bundle: bytes, at: int, width: int) -> int:
    """Which entry of a bundle a byte belongs to; one behind the end belongs to the last."""
    start = 0
    for number in range(width):
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
        if at < start:
            return number
    return width - 1


def _digests(content: bytes) -> tuple[str, str, int]:
    return hashlib.sha256(content).hexdigest(), hashlib.sha3_256(content).hexdigest(), len(content)
