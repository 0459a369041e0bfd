"""Deriving everything again from the journal and comparing it with what was signed and what was published.

For the owner of a log: it needs the store's chain folder, reads both folders and writes into neither, so it may run
beside the writer. The journal decides; whatever in the published folder differs is repaired by publishing again into an
empty folder. What differs between the journal and the signed checkpoints is not repaired by anything but a copy.

The journal is read once, from its first frame to its last, and every log is compared as it goes by; memory is for names
of files, not for entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chain.checkpoint import Checkpoint, parse_checkpoint
from chain.checkpoint_commitment import open_secret
from chain.cosigned import CosignedNote, CosignedRecord
from chain.fence import EPOCH_FILE, read_epoch
from chain.file_journal import FOLDER as JOURNAL_FOLDER
from chain.file_journal import FileJournal
from chain.finding import Finding, Findings
from chain.folder import Folder, year_folders
from chain.folder_comparison import FolderComparison, compare_file
from chain.frame import Run
from chain.keys.key_list import format_key_list, is_key_of
from chain.keys.overlap import SignedCheckpoint, open_signed
from chain.keys.succession import read_succession
from chain.layout import KEYS_FILE, LogOrigin, checkpoint_path, find_origin
from chain.log_stream import LogStream
from chain.note import VerifierKey, parse_note, parse_verifier_key
from chain.shard import COMMITMENT_FILE
from chain.signed_checkpoints import CHECKPOINTS_FILE, require_whole
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.writer import LOGS
from domain.errors import InputError, IntegrityError, PolicyCortexError
from domain.evidence import LogName


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
    findings, checks = Findings(), _checks(directory, [shard for folder in folders for shard in year_folders(folder)])
    journal = FileJournal(directory, is_read_only=True, keeps_places=False)
    try:
        streams = _replay(journal, checks, findings)
    finally:
        journal.close()
    _check_epoch(directory, journal.epoch, findings)
    for name, check in checks.items():
        if name not in streams and not findings.all:
            raise _no_log(check.path, [*checks])
    published = sum(check.report(streams[name], findings) for name, check in checks.items()) if not findings.all else 0
    return FsckReport(
        ok=not findings.all,
        findings=findings.all,
        entries=sum(streams[name].size for name in checks if name in streams),
        published=published,
        files=sum(check.file_count for check in checks.values()),
        torn_size_bytes=journal.torn_size_bytes,
    )


def _checks(directory: Path, folders: Sequence[Path]) -> dict[str, _Check]:
    """What there is to compare, by tenant and name of the log."""
    states = {"/".join(path.parts[-2:]): path for path in sorted((directory / LOGS).glob("*/*"))}
    checks: dict[str, _Check] = {}
    for path in folders:
        folder = Folder(path)
        name = _name(path, [*states])
        if name in checks:
            raise InputError("two folders are of one log", path=str(path), todo="Compare one after the other")
        checks[name] = _Check(path, folder, states[name])
    return checks


def _name(folder: Path, names: Sequence[str]) -> str:
    """Whose folder it is: the log that its keys and checkpoints name most often, since each of them may be wrong."""
    files = (KEYS_FILE, checkpoint_path(BOTH.sha256), checkpoint_path(BOTH.sha3_256))
    content = b"".join(path.read_bytes() for name in files if (path := folder / name).is_file())
    named = {
        name: len(re.findall(b"/" + re.escape(_origin_end(name).encode()) + rb"(?:/sha3-256)?[+ \n]", content))
        for name in names
    }
    found = max(named, key=lambda name: named[name], default=None)
    if found is None or not named[found]:
        raise _no_log(folder, names)
    return found


def _no_log(folder: Path, names: Sequence[str]) -> InputError:
    return InputError(
        "no log of this journal is published there",
        path=str(folder),
        expected=sorted(names)[:20],
        todo="Give the folder of one of these logs",
    )


def _replay(journal: FileJournal, checks: dict[str, _Check], findings: Findings) -> dict[str, LogStream]:
    """Read the journal up to its first damage; the logs as they were then, by tenant and name."""
    streams: dict[str, LogStream] = {}
    try:
        for runs in journal.replay():
            for run in runs:
                name = _name_in_journal(run.origin)
                if name not in streams:
                    _check_succession(name, run, streams, checks, findings)
                    check = checks.get(name)
                    streams[name] = check.stream(run.origin, findings) if check else LogStream(run.origin, findings)
                streams[name].take(run.entries)
    except PolicyCortexError as error:
        findings.add("journal", field="frame", expected="a whole journal", got=error)
    return streams


def _name_in_journal(origin: str) -> str:
    named = find_origin(origin)
    return origin if named is None else f"{named.tenant}/{named.name}"


def _origin_end(name: str) -> str:
    """How the origin of a log ends that is called so here."""
    tenant, _, log = name.partition("/")
    found = LogName.find(log)
    return name if found is None else str(LogOrigin("", tenant, found))[1:]


def _check_succession(
    name: str, run: Run, streams: Mapping[str, LogStream], checks: Mapping[str, _Check], findings: Findings
) -> None:
    """A log that succeeds another one, which is compared too, begins with how that one ended."""
    tenant, _, log = name.partition("/")
    found = LogName.find(log)
    former = f"{tenant}/{LogName(found.year, found.part - 1)}" if found is not None and found.part > 1 else ""
    if former not in checks or former not in streams:
        return
    where, roots = f"journal {run.origin}", streams[former].roots
    try:
        said = read_succession(run.entries[0])
    except PolicyCortexError as error:
        findings.add(where, field="body", expected="the end of the frozen log", got=error, entry_index=0)
        return
    got = None if said is None else Twin(said.checkpoints.sha256.root, said.checkpoints.sha3_256.root)
    want = None if said is None else roots.get(said.checkpoints.sha256.size)
    if got is None or want != got:
        expected = [f"size {size}, roots {root.sha256.hex()} and {root.sha3_256.hex()}" for size, root in roots.items()]
        findings.add(where, field="body.checkpoint", expected=expected, got="another end", entry_index=0)


def _check_epoch(directory: Path, newest: int, findings: Findings) -> None:
    """The epoch file must not be behind the journal."""
    try:
        got = read_epoch(directory)
    except PolicyCortexError as error:
        findings.add(EPOCH_FILE, field="epoch", expected=f"{newest} or later", got=error)
        return
    if got < newest:
        findings.add(EPOCH_FILE, field="epoch", expected=f"{newest} or later", got=got)


class _Check:
    """One comparison of a folder with a log: made, streamed to, and asked for what it found."""

    def __init__(self, path: Path, folder: Folder, state: Path) -> None:
        self.path = path
        self._state = state
        self._folder = folder
        self._notes = self._signed_notes()
        self._sizes = [*_stated_sizes(self._notes)] if self._notes else []
        is_one_size = len(self._sizes) == 2 and self._sizes[0] == self._sizes[1]
        self._comparison = FolderComparison(folder, state, self._sizes[0]) if is_one_size else None

    @property
    def file_count(self) -> int:
        """Number of files in the folder."""
        return self._folder.file_count

    def stream(self, origin: str, findings: Findings) -> LogStream:
        """The log, to be read from its first entry."""
        return LogStream(origin, findings, sizes=self._sizes, comparison=self._comparison)

    def report(self, log: LogStream, findings: Findings) -> int:
        """Tell everything that differs; returns how many entries are signed."""
        if (self._state / "publishing").exists():
            findings.add("publishing", field="mark", expected="a finished publication", got="an interrupted one")
        self._check_secret(findings)
        self._check_earlier_notes(findings)
        if self._notes is None:
            self._folder.report_strangers(findings)
            return 0
        keys = self._keys(findings)
        heads = self._heads(self._notes, keys, log, findings) if keys else None
        if keys is None or heads is None or self._comparison is None:
            return 0
        cosigned = self._cosigned(self._notes.sha256, keys, findings)
        compare_file(self._folder, findings, KEYS_FILE, format_key_list(keys, cosigned.cosigners).encode())
        self._comparison.report(findings)
        for tree_hash, note in ((BOTH.sha3_256, self._notes.sha3_256), (BOTH.sha256, cosigned.note)):
            compare_file(self._folder, findings, checkpoint_path(tree_hash), note.encode("utf-8"))
        self._folder.report_strangers(findings)
        return heads.sha256.size

    def _signed_notes(self) -> Twin[str] | None:
        """What was last signed; nothing may be published where nothing was."""
        paths = (self._state / "signed", self._state / "signed-sha3")
        if not all(path.exists() for path in paths):
            return None
        return Twin(*(path.read_text("utf-8", errors="replace") for path in paths))

    def _check_secret(self, findings: Findings) -> None:
        path = self._state / COMMITMENT_FILE
        try:
            if path.exists():
                open_secret(path.read_bytes(), where=str(path))
        except PolicyCortexError as error:
            findings.add(COMMITMENT_FILE, field="digest", expected="that of the secret", got=error)

    def _check_earlier_notes(self, findings: Findings) -> None:
        path = self._state / CHECKPOINTS_FILE
        try:
            if path.exists():
                require_whole(path)
        except IntegrityError as error:
            findings.add(CHECKPOINTS_FILE, field="line", expected="a digest and its checkpoints", got=error)

    def _cosigned(self, note: str, keys: Twin[tuple[VerifierKey, ...]], findings: Findings) -> CosignedNote:
        """The log's note with the witnesses' lines that are kept of it; all that is kept must be rightly signed."""
        record = CosignedRecord(self._state / "cosigned")
        try:
            kept = record.kept()
            if kept is not None and not _is_of_former_key(kept.note, note, keys.sha256):
                open_signed(kept.note, keys.sha256, kept.cosigners)
            return record.of(note)
        except PolicyCortexError as error:
            findings.add("cosigned", field="note", expected="signatures of the log and its witnesses", got=error)
            return CosignedNote(note)

    def _keys(self, findings: Findings) -> Twin[tuple[VerifierKey, ...]] | None:
        content = self._folder.read(KEYS_FILE) or b""
        lines = content.decode("utf-8", errors="replace").split("\n")
        try:
            first, second = parse_verifier_key(lines[0]), parse_verifier_key(lines[1] if len(lines) > 1 else "")
            names = Twin(first.name, second.name)
            former = [parse_verifier_key(line) for line in lines[2:] if is_key_of(line, names)]
        except InputError as error:
            findings.add(KEYS_FILE, field="lines", expected="the keys of both trees", got=error)
            return None
        return Twin(
            (first, *(key for key in former if key.name == first.name)),
            (second, *(key for key in former if key.name == second.name)),
        )

    def _heads(
        self, notes: Twin[str], keys: Twin[tuple[VerifierKey, ...]], log: LogStream, findings: Findings
    ) -> Twin[Checkpoint] | None:
        first = _head("signed", notes.sha256, keys.sha256, BOTH.sha256, log=log, findings=findings)
        second = _head("signed-sha3", notes.sha3_256, keys.sha3_256, BOTH.sha3_256, log=log, findings=findings)
        if first is None or second is None:
            return None
        signers = Twin(first.signers, second.signers)
        if signers != keys:
            findings.add(KEYS_FILE, field="keys of the log", expected="those that signed", got="others")
        if first.checkpoint.size != second.checkpoint.size:
            got = second.checkpoint.size
            findings.add("signed-sha3", field="tree size", expected=first.checkpoint.size, got=got)
            return None
        return Twin(first.checkpoint, second.checkpoint)


def _stated_sizes(notes: Twin[str]) -> Iterator[int]:
    """Sizes at which roots will be asked for; whether anybody signed them is asked later."""
    for note in (notes.sha256, notes.sha3_256):
        try:
            yield parse_checkpoint(parse_note(note).text).size
        except PolicyCortexError:
            continue


def _is_of_former_key(kept: str, newest: str, keys: Sequence[VerifierKey]) -> bool:
    """Whether what is kept is of an earlier checkpoint by a key that was retired since, which nobody here can check."""
    known = {key.key_id for key in keys}
    is_earlier = parse_checkpoint(parse_note(kept).text).size < parse_checkpoint(parse_note(newest).text).size
    return is_earlier and all(signature.key_id not in known for signature in parse_note(kept).signatures)


def _head(
    where: str, note: str, keys: Sequence[VerifierKey], tree_hash: TreeHash, *, log: LogStream, findings: Findings
) -> SignedCheckpoint | None:
    """The signed checkpoint, if it is one of this journal's."""
    try:
        signed = open_signed(note, keys)
    except PolicyCortexError as error:
        findings.add(where, field="signed note", expected=f"a checkpoint signed by {keys[0].text}", got=error)
        return None
    head = signed.checkpoint
    if head.size > log.size:
        findings.add(where, field="tree size", expected=f"at most {log.size}", got=head.size)
        return None
    roots = log.roots[head.size]
    expected = roots.sha256 if tree_hash == BOTH.sha256 else roots.sha3_256
    if head.root != expected:
        findings.add(where, field="root hash", expected=expected.hex(), got=head.root.hex())
        return None
    return signed
