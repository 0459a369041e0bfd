"""Checking an evidence folder, offline, trusting nothing in it but what a signature covers.

Every byte is hashed again. Entries give leaves, leaves give both trees, trees give every tile and both roots, and the
signed checkpoints must state those roots. What follows from the entries must be there byte for byte, and nothing else
may be. Findings name the entry, or the file and the field.

Needs this package, the domain vocabulary, ``cryptography`` and the standard library. Keeps the entries and about 130
bytes beside each in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from chain.checkpoint import Checkpoint, origin_of
from chain.cosignature import CosignerKey, parse_cosigner_key
from chain.entry_check import EntryCheck
from chain.envelope import read_opening
from chain.finding import Finding, Findings
from chain.folder import Folder, year_folders
from chain.keys.key_check import check_keys
from chain.keys.key_list import format_key_list, is_key_of
from chain.keys.overlap import SignedCheckpoint, open_signed
from chain.keys.succession import check_succession
from chain.layout import ARTIFACT_FOLDER, KEYS_FILE, checkpoint_path, is_log
from chain.note import SIGNATURES_MAX, VerifierKey, parse_verifier_key
from chain.tile_check import read_contents
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.trust import TrustPolicy, load_policy
from domain.errors import InputError, PolicyCortexError
from domain.evidence import LogName

_FIRST = "tile/entries/000"
_BLANK = "\n\n"

__all__ = ["Finding", "TrustPolicy", "VerificationReport", "verify_directory"]


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What the check found.

    Args:
        entries: how many entries the signed checkpoints cover.
        files: how many files the folder holds.
        key_trusted: the keys were given by the reader's policy, not taken from the folder.
        witnesses: those of the policy's witnesses who cosigned the SHA-256 checkpoint.
        years: reports of the single logs, oldest first, where the folder holds one a year; counts are then sums, and
            origin, roots and witnesses those of the newest.
    """

    ok: bool
    key_trusted: bool
    findings: tuple[Finding, ...]
    files: int
    origin: str | None = None
    entries: int = 0
    blocks: int = 0
    artifacts: int = 0
    root_sha256: str | None = None
    root_sha3_256: str | None = None
    witnesses: tuple[str, ...] = ()
    years: tuple[VerificationReport, ...] = ()


def verify_directory(path: Path, *, policy: Path | TrustPolicy | None = None) -> VerificationReport:
    """Check every byte of an evidence folder: one log, or a tenant's logs of all years.

    Args:
        policy: keys that the reader trusts, as such or as a C2SP policy file; without one the folder's own keys are
            used and the report says so.

    Raises:
        InputError: the folder, a file in it, or the policy cannot be read at all.
    """
    trusted = load_policy(policy) if isinstance(policy, Path) else policy
    logs = year_folders(path)
    if logs != [path]:
        strangers = sorted(item.name for item in path.iterdir() if item not in logs and not _is_blank(item))
        return _verify_years([_verify_log(log, trusted) for log in logs], strangers, trusted)
    return _verify_log(path, trusted).report


@dataclass(frozen=True, slots=True)
class _Checked:
    """One log that was checked, and what its neighbours are compared with."""

    folder: str
    report: VerificationReport
    first_entry: bytes = b""
    keys: tuple[VerifierKey, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.folder}/{_FIRST}"


def _verify_log(path: Path, trusted: TrustPolicy | None) -> _Checked:
    folder, findings = Folder(path), Findings()
    keys = _read_keys(folder, findings, trusted)
    heads = _read_heads(folder, findings, keys, trusted) if keys else None
    is_trusted = trusted is not None and keys is not None
    if heads is None:
        return _Checked(path.name, VerificationReport(False, is_trusted, findings.all, folder.file_count))
    contents = read_contents(folder, findings, heads.checkpoints)
    check = EntryCheck(folder, findings, contents)
    check.run()
    is_trusted = check_keys(findings, contents, heads.signers, trusted) and is_trusted
    if contents.bad:
        _leave_artifacts_undecided(folder)
    folder.report_strangers(findings)
    report = VerificationReport(
        ok=not findings.all,
        key_trusted=is_trusted,
        findings=findings.all,
        files=folder.file_count,
        origin=heads.checkpoints.sha256.origin,
        entries=heads.checkpoints.sha256.size,
        blocks=check.blocks,
        artifacts=check.artifacts,
        root_sha256=heads.checkpoints.sha256.root.hex(),
        root_sha3_256=heads.checkpoints.sha3_256.root.hex(),
        witnesses=heads.witnesses,
    )
    first = contents.entries[0] if contents.entries else b""
    return _Checked(path.name, report, first, (*heads.signers.sha256, *heads.signers.sha3_256))


def _verify_years(
    logs: Sequence[_Checked], strangers: Sequence[str], trusted: TrustPolicy | None
) -> VerificationReport:
    """One report over the logs of all years; each must begin where the one before it ended."""
    findings = Findings()
    for former, log in pairwise(logs):
        if former.report.ok and log.report.ok:
            if (name := LogName.find(log.folder)) is not None and name.part > 1:
                keys = trusted.keys if trusted is not None else (*former.keys, *log.keys)
                _compare_succession(log, former.report, keys, findings)
            else:
                _compare_opening(log.where, log.first_entry, former.report, findings)
    for stranger in strangers:
        findings.add(stranger, field="file", expected="the folder of a year's log", got="something else")
    found = [replace(item, where=f"{log.folder}/{item.where}") for log in logs for item in log.report.findings]
    reports = tuple(log.report for log in logs)
    return replace(
        reports[-1],
        ok=not found and not findings.all,
        findings=(*found, *findings.all),
        key_trusted=all(log.key_trusted for log in reports),
        years=reports,
        **{name: sum(getattr(log, name) for log in reports) for name in ("files", "entries", "blocks", "artifacts")},
    )


def _is_blank(item: Path) -> bool:
    return is_log(item.name) and item.is_dir() and not any(item.iterdir())


def _compare_opening(where: str, entry: bytes, former: VerificationReport, findings: Findings) -> None:
    """A later year's first entry names the checkpoints with which the log before it ended."""
    ended = _checkpoints(former)
    texts = (ended.sha256.text, ended.sha3_256.text)
    expected = (former.origin, former.entries, former.root_sha256, former.root_sha3_256, *texts)
    try:
        stated = read_opening(entry)
    except PolicyCortexError as error:
        findings.add(where, field="body.former", expected=expected, got=error, entry_index=0)
        return
    got = stated and (
        *(stated.origin, stated.size, stated.root_sha256, stated.root_sha3_256),
        *(f"{note.partition(_BLANK)[0]}\n" for note in (stated.checkpoint, stated.checkpoint_sha3)),
    )
    if got != expected:
        findings.add(where, field="body.former", expected=expected, got=got, entry_index=0)


def _compare_succession(
    log: _Checked, former: VerificationReport, keys: Sequence[VerifierKey], findings: Findings
) -> None:
    """A frozen log's successor names the checkpoints with which that one ended for ever."""
    try:
        check_succession(_checkpoints(former), log.first_entry, log.report.origin or "", keys)
    except PolicyCortexError as error:
        findings.add(log.where, field="body", expected="the end of the frozen log", got=error, entry_index=0)


def _checkpoints(report: VerificationReport) -> Twin[Checkpoint]:
    """What a verified log's checkpoints state."""
    origin, roots = report.origin or "", (report.root_sha256 or "", report.root_sha3_256 or "")
    return Twin(
        Checkpoint(origin, report.entries, bytes.fromhex(roots[0])),
        Checkpoint(origin_of(origin, BOTH.sha3_256), report.entries, bytes.fromhex(roots[1])),
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """Whose signatures are expected: both trees' keys, active ones first, and witnesses that folder or reader name."""

    logs: Twin[tuple[VerifierKey, ...]]
    listed: tuple[CosignerKey, ...]
    trusted: tuple[CosignerKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _Heads:
    checkpoints: Twin[Checkpoint]
    signers: Twin[tuple[VerifierKey, ...]]
    witnesses: tuple[str, ...]


def _read_keys(folder: Folder, findings: Findings, trusted: TrustPolicy | None) -> _Keys | None:
    """The folder's keys. A reader's policy names each tree; whether its keys vouch for these, the entries decide."""
    found = _parse_keys(folder, findings)
    if trusted is None or found is None:
        return found
    for line, (key, *_) in enumerate((found.logs.sha256, found.logs.sha3_256), start=1):
        if trusted.key(key.name) is None:
            findings.add(KEYS_FILE, field=f"line {line}", expected="a key of the policy", got=key.text)
    return None if findings.all else _Keys(found.logs, found.listed, trusted.cosigners)


def _parse_keys(folder: Folder, findings: Findings) -> _Keys | None:
    """Two keys of the log, and below them those of the witnesses whose cosignatures the folder holds."""
    content = folder.read(KEYS_FILE)
    if content is None:
        findings.add(KEYS_FILE, field="file", expected="the log's verifier keys", got="no such file")
        return None
    lines = content.decode("utf-8", errors="replace").split("\n")
    if not 3 <= len(lines) <= 3 + SIGNATURES_MAX or lines.pop() != "":
        findings.add(KEYS_FILE, field="lines", expected="two lines or more", got=f"{len(lines) - 1} line ends")
        return None
    keys: list[VerifierKey] = []
    cosigners: list[CosignerKey] = []
    for number, line in enumerate(lines, start=1):
        try:
            if number <= 2 or is_key_of(line, Twin(keys[0].name, keys[1].name)):
                keys.append(parse_verifier_key(line))
            else:
                cosigners.append(_require_spelling(parse_cosigner_key(line), line))
        except PolicyCortexError as error:
            findings.add(KEYS_FILE, field=f"line {number}", expected="a verifier key", got=error)
            if number <= 2:
                return None
    if keys[1].name != origin_of(keys[0].name, BOTH.sha3_256):
        expected = origin_of(keys[0].name, BOTH.sha3_256)
        findings.add(KEYS_FILE, field="line 2", expected=f"the key of {expected}", got=keys[1].name)
    logs = Twin(*(tuple(key for key in keys if key.name == name) for name in (keys[0].name, keys[1].name)))
    if not findings.all and format_key_list(logs, cosigners) != "".join(f"{line}\n" for line in lines):
        findings.add(KEYS_FILE, field="lines", expected="the log's keys before witnesses'", got="another order")
    return None if findings.all else _Keys(logs, tuple(cosigners))


def _require_spelling(key: CosignerKey, line: str) -> CosignerKey:
    if key.text != line:
        raise InputError("witness's key is not written as one", expected=key.text, got=line)
    return key


def _read_heads(folder: Folder, findings: Findings, keys: _Keys, trusted: TrustPolicy | None) -> _Heads | None:
    """Both checkpoints, and who witnessed. Witnesses compute SHA-256 alone; the other tree has the same entries."""
    first = _read_head(folder, findings, BOTH.sha256, keys.logs.sha256, (*keys.listed, *keys.trusted))
    second = _read_head(folder, findings, BOTH.sha3_256, keys.logs.sha3_256, ())
    if first is None or second is None:
        return None
    if first.checkpoint.size != second.checkpoint.size:
        where = checkpoint_path(BOTH.sha3_256)
        findings.add(where, field="tree size", expected=first.checkpoint.size, got=second.checkpoint.size)
        return None
    signers = Twin(first.signers, second.signers)
    if signers != keys.logs:
        shown = [key.text for key in (*signers.sha256, *signers.sha3_256)]
        findings.add(KEYS_FILE, field="keys of the log", expected=shown, got="keys that signed neither checkpoint")
    for line, key in enumerate(keys.listed, start=1 + len(signers.sha256) + len(signers.sha3_256)):
        if key not in first.cosigners:
            findings.add(KEYS_FILE, field=f"line {line}", expected="the key of a cosignature", got=key.text)
    witnesses = trusted.witnessed_by(first.cosigners) if trusted else ()
    if trusted is not None and not trusted.is_met(witnesses):
        where, got = checkpoint_path(BOTH.sha256), ", ".join(witnesses) or "nobody"
        expected = f"cosignatures that fulfil quorum {trusted.quorum}"
        findings.add(where, field="quorum", expected=expected, got=f"cosigned by {got}")
    return _Heads(Twin(first.checkpoint, second.checkpoint), signers, witnesses)


def _read_head(
    folder: Folder,
    findings: Findings,
    tree_hash: TreeHash,
    keys: Sequence[VerifierKey],
    cosigners: Sequence[CosignerKey],
) -> SignedCheckpoint | None:
    where = checkpoint_path(tree_hash)
    content = folder.read(where)
    if content is None:
        findings.add(where, field="file", expected="a signed checkpoint", got="no such file")
        return None
    try:
        return open_signed(content.decode("utf-8"), keys, cosigners)
    except UnicodeDecodeError as error:
        findings.add(where, field="text", expected="UTF-8", got=f"byte {error.start} is not")
    except PolicyCortexError as error:
        findings.add(where, field="signed note", expected=f"a checkpoint signed by {keys[0].text}", got=error)
    return None


def _leave_artifacts_undecided(folder: Folder) -> None:
    """Which artifacts a refuted entry named is not known, so none of them is called a stranger."""
    for path in folder.remaining():
        if path.startswith(f"{ARTIFACT_FOLDER}/"):
            folder.read(path)
