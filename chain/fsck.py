"""Deriving everything again from the journal and comparing it with what was signed and what was published.

For the owner of a log: it needs the store's chain folder, reads both folders and writes into neither, so it may run
beside the writer. The journal decides; whatever in the published folder differs is repaired by publishing again into an
empty folder. What differs between the journal and the signed checkpoints is not repaired by anything but a copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chain.checkpoint import Checkpoint
from chain.cosigned import CosignedNote, CosignedRecord
from chain.entry import Block
from chain.envelope import BLOCK_TYPE, NO_ARTIFACTS, BlockReference, read_envelope
from chain.file_journal import FOLDER as JOURNAL_FOLDER
from chain.file_journal import FileJournal
from chain.finding import Finding, Findings
from chain.folder import Folder, year_folders
from chain.frame import Run
from chain.keys.key_list import format_key_list, is_key_of
from chain.keys.overlap import SignedCheckpoint, open_signed
from chain.keys.succession import read_succession, successor_origin
from chain.layout import (
    KEYS_FILE,
    TILE_HEIGHT,
    TILE_WIDTH,
    artifact_path,
    bundles,
    checkpoint_path,
    find_origin,
    tile_name,
    tiles,
)
from chain.log import Log
from chain.merkle import Tree
from chain.note import VerifierKey, parse_verifier_key
from chain.tile_content import ReadEntry, bundle_content, tile_content
from chain.tree_hash import BOTH, Twin
from chain.writer import LOGS
from domain.errors import InputError, PolicyCortexError

_BLOCK_MARK = f'"type":"{BLOCK_TYPE}"'.encode()


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What the comparison found.

    Args:
        entries: how many the journal holds of the logs that were looked at.
        published: how many of them the newest signed checkpoints cover.
        torn_size_bytes: end of the journal that was never acknowledged; the next writer cuts it off.
        findings: the journal's own first; then for each log signatures, keys, entries, artifacts, tiles, checkpoints,
            strangers.
    """

    ok: bool
    findings: tuple[Finding, ...]
    entries: int
    published: int
    files: int
    torn_size_bytes: int


def check_state(directory: Path, folders: Sequence[Path]) -> FsckReport:
    """Compare published folders with the journal that they must follow from.

    Args:
        directory: the store's chain folder: journal, keys, signed checkpoints.
        folders: each of one log, or of a tenant with one folder a year.

    Raises:
        InputError: one of the folders, or a file in them, cannot be read at all.
    """
    if not (directory / JOURNAL_FOLDER).is_dir():
        raise InputError("no journal here", path=str(directory), todo="Give the store's chain folder, then a log's")
    shards = [shard for folder in folders for shard in year_folders(folder)]
    findings, journal = Findings(), FileJournal(directory, is_read_only=True)
    try:
        logs = _replay(journal, findings)
        checks = [_check(directory, shard, logs, journal, findings) for shard in shards]
        for origin in logs:
            _compare_succession(origin, logs, journal, findings)
        entries = sum(check.entries for check in checks)
        published = sum(check.run() for check in checks) if not findings.all else 0
        files = sum(check.file_count for check in checks)
        return FsckReport(not findings.all, findings.all, entries, published, files, journal.torn_size_bytes)
    finally:
        journal.close()


def _replay(journal: FileJournal, findings: Findings) -> dict[str, Log]:
    """The logs that the journal gives, up to its first damage; every block must state what stood before it."""
    logs: dict[str, Log] = {}
    try:
        for runs in journal.replay():
            for run in runs:
                _take(run, logs.setdefault(run.origin, Log()), findings)
    except PolicyCortexError as error:
        findings.add("journal", field="frame", expected="a whole journal", got=error)
    return logs


def _take(run: Run, log: Log, findings: Findings) -> None:
    start = 0
    for at, entry in enumerate(run.entries):
        block = read_envelope(entry).block if _BLOCK_MARK in entry else None
        if block is not None:
            log.replay(run.entries[start:at])
            _compare_block(run.origin, log.next_block(""), block, findings)
            start = at
    log.replay(run.entries[start:])


def _compare_block(origin: str, want: Block, got: BlockReference, findings: Findings) -> None:
    for name in ("height", "prev", "size", "root_sha256", "root_sha3_256"):
        expected, stated = getattr(want, name), getattr(got, name)
        if expected != stated:
            where = f"journal {origin}"
            findings.add(where, field=f"body.{name}", expected=expected, got=stated, entry_index=want.size)


def _compare_succession(origin: str, logs: Mapping[str, Log], journal: FileJournal, findings: Findings) -> None:
    """A log that succeeds another one of the journal begins with how that one ended."""
    frozen = next((logs[name] for name in logs if successor_origin(name) == origin), None)
    if frozen is None or not logs[origin].size:
        return
    where = f"journal {origin}"
    try:
        said = read_succession(journal.entry(origin, 0))
    except PolicyCortexError as error:
        findings.add(where, field="body", expected="the end of the frozen log", got=error, entry_index=0)
        return
    size = said.checkpoints.sha256.size if said is not None else -1
    trees = frozen.trees
    is_there = 0 <= size <= frozen.size
    want = (trees.sha256.root(size), trees.sha3_256.root(size)) if is_there else (b"", b"")
    got = (said.checkpoints.sha256.root, said.checkpoints.sha3_256.root) if said is not None else None
    if want != got:
        findings.add(where, field="body.checkpoint", expected=_hex(want), got=_hex(got or ()), entry_index=0)


def _hex(roots: Sequence[bytes]) -> str:
    return " and ".join(root.hex() for root in roots) or "no end of a frozen log"


def _check(directory: Path, folder: Path, logs: Mapping[str, Log], journal: FileJournal, findings: Findings) -> _Check:
    found = Folder(folder)
    origin = _origin(folder, [*logs])
    named = find_origin(origin)
    assert named is not None, "the writer's logs have names of this form"
    state = directory / LOGS / named.tenant / str(named.name)
    return _Check(state, found, logs[origin], partial(journal.entry, origin), findings)


def _origin(folder: Path, origins: Sequence[str]) -> str:
    """Whose folder it is: the log that its keys and checkpoints name most often, since each of them may be wrong."""
    names = (KEYS_FILE, checkpoint_path(BOTH.sha256), checkpoint_path(BOTH.sha3_256))
    content = b"".join(path.read_bytes() for name in names if (path := folder / name).is_file())
    named = {
        origin: len(re.findall(re.escape(origin.encode()) + rb"(?:/sha3-256)?[+ \n]", content)) for origin in origins
    }
    origin = max(named, key=lambda name: named[name], default=None)
    if origin is None or not named[origin]:
        raise InputError(
            "no log of this journal is published there",
            path=str(folder),
            expected=sorted(origins)[:20],
            todo="Give the folder of one of these logs",
        )
    return origin


class _Check:
    """One comparison of a folder with a log."""

    def __init__(self, state: Path, folder: Folder, log: Log, read_entry: ReadEntry, findings: Findings) -> None:
        self._state = state
        self._folder = folder
        self._trees = log.trees
        self._read_entry = read_entry
        self._findings = findings

    @property
    def entries(self) -> int:
        """Number of entries that the journal holds of the log."""
        return self._trees.sha256.size

    @property
    def file_count(self) -> int:
        """Number of files in the folder."""
        return self._folder.file_count

    def run(self) -> int:
        """Compare everything; returns how many entries are signed."""
        if (self._state / "publishing").exists():
            self._findings.add("publishing", field="mark", expected="a finished publication", got="an interrupted one")
        notes = self._signed_notes()
        if notes is None:
            self._folder.report_strangers(self._findings)
            return 0
        cosigned = CosignedRecord(self._state / "cosigned").of(notes.sha256)
        keys = self._keys(cosigned)
        heads = self._heads(notes, keys) if keys else None
        if heads is None:
            return 0
        size = heads.sha256.size
        self._compare_entries(size)
        self._compare_artifacts(size)
        for tree in (self._trees.sha256, self._trees.sha3_256):
            for name in tiles(tree.hash, size):
                self._compare(name.path, tile_content(name, tree))
        self._compare(checkpoint_path(BOTH.sha3_256), notes.sha3_256.encode("utf-8"))
        self._compare(checkpoint_path(BOTH.sha256), cosigned.note.encode("utf-8"))
        self._compare_earlier_partials(size)
        self._folder.report_strangers(self._findings)
        return size

    def _signed_notes(self) -> Twin[str] | None:
        """What was last signed; nothing may be published where nothing was."""
        paths = (self._state / "signed", self._state / "signed-sha3")
        if not all(path.exists() for path in paths):
            return None
        return Twin(*(path.read_text("utf-8") for path in paths))

    def _keys(self, note: CosignedNote) -> Twin[tuple[VerifierKey, ...]] | None:
        content = self._folder.read(KEYS_FILE) or b""
        lines = content.decode("utf-8", errors="replace").split("\n")
        try:
            first, second = parse_verifier_key(lines[0]), parse_verifier_key(lines[1] if len(lines) > 1 else "")
            names = Twin(first.name, second.name)
            former = [parse_verifier_key(line) for line in lines[2:] if is_key_of(line, names)]
        except InputError as error:
            self._findings.add(KEYS_FILE, field="lines", expected="the keys of both trees", got=error)
            return None
        keys = Twin(
            (first, *(key for key in former if key.name == first.name)),
            (second, *(key for key in former if key.name == second.name)),
        )
        self._compare(KEYS_FILE, format_key_list(keys, note.cosigners).encode())
        return keys

    def _heads(self, notes: Twin[str], keys: Twin[tuple[VerifierKey, ...]]) -> Twin[Checkpoint] | None:
        first = self._head("signed", notes.sha256, keys.sha256, self._trees.sha256)
        second = self._head("signed-sha3", notes.sha3_256, keys.sha3_256, self._trees.sha3_256)
        if first is None or second is None:
            return None
        signers = Twin(first.signers, second.signers)
        if signers != keys:
            self._findings.add(KEYS_FILE, field="keys of the log", expected="those that signed", got="others")
        if first.checkpoint.size != second.checkpoint.size:
            got = second.checkpoint.size
            self._findings.add("signed-sha3", field="tree size", expected=first.checkpoint.size, got=got)
            return None
        return Twin(first.checkpoint, second.checkpoint)

    def _head(self, where: str, note: str, keys: Sequence[VerifierKey], tree: Tree) -> SignedCheckpoint | None:
        """The signed checkpoint, if it is one of this journal's."""
        try:
            signed = open_signed(note, keys)
        except PolicyCortexError as error:
            self._findings.add(where, field="signed note", expected=f"a checkpoint signed by {keys[0].text}", got=error)
            return None
        head = signed.checkpoint
        if head.size > tree.size:
            self._findings.add(where, field="tree size", expected=f"at most {tree.size}", got=head.size)
            return None
        if head.root != tree.root(head.size):
            expected = tree.root(head.size).hex()
            self._findings.add(where, field="root hash", expected=expected, got=head.root.hex())
            return None
        return signed

    def _compare_entries(self, size: int) -> None:
        for name in bundles(size):
            want = bundle_content(name, self._read_entry)
            got = self._folder.read(name.path)
            if got != want:
                index = name.index * TILE_WIDTH + _entry_at(want, _first_difference(want, got or b""), name.width)
                self._report(name.path, want, got, entry_index=index)

    def _compare_artifacts(self, size: int) -> None:
        """Artifacts in both folders have the digests that entries name."""
        for index in range(size):
            entry = self._read_entry(index)
            if entry.startswith(NO_ARTIFACTS):
                continue
            for reference in read_envelope(entry).artifacts:
                want = (reference.sha256, reference.sha3_256, reference.size_bytes)
                kept = self._state / "artifact" / reference.sha256
                path = artifact_path(reference.sha256)
                contents = {
                    f"state {path}": kept.read_bytes() if kept.is_file() else None,
                    path: self._folder.read(path),
                }
                for where, content in contents.items():
                    if _digests(content) != want:
                        self._findings.add(
                            where, field="content", expected=want, got=_digests(content), entry_index=index
                        )

    def _compare_earlier_partials(self, size: int) -> None:
        """Partial tiles of earlier checkpoints may stay; each must be the start of today's."""
        for path in self._folder.remaining():
            name = tile_name(path)
            if name is None or name.width == TILE_WIDTH:
                continue
            tree = self._trees.sha3_256 if name.prefix else self._trees.sha256
            shift = 0 if name.level is None else TILE_HEIGHT * name.level
            if name.index * TILE_WIDTH + name.width <= size >> shift:
                is_bundle = name.level is None
                want = bundle_content(name, self._read_entry) if is_bundle else tile_content(name, tree)
                self._compare(path, want)

    def _compare(self, path: str, want: bytes) -> None:
        got = self._folder.read(path)
        if got != want:
            self._report(path, want, got, entry_index=None)

    def _report(self, path: str, want: bytes, got: bytes | None, *, entry_index: int | None) -> None:
        if got is None:
            self._findings.add(path, field="file", expected="a file", got="no such file", entry_index=entry_index)
            return
        at = _first_difference(want, got)
        self._findings.add(
            path,
            field=f"byte {at}",
            expected=want[at : at + 16].hex() or "the end",
            got=got[at : at + 16].hex() or "the end",
            entry_index=entry_index,
        )


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


def _digests(content: bytes | None) -> tuple[str, str, int] | None:
    if content is None:
        return None
    return hashlib.sha256(content).hexdigest(), hashlib.sha3_256(content).hexdigest(), len(content)
