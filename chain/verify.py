"""Checking an evidence folder, offline, trusting nothing in it but what a signature covers.

Every byte is hashed again. Entries give leaves, leaves give both trees, trees give every tile and both roots, and the
signed checkpoints must state those roots. What follows from the entries must be there byte for byte, and nothing else
may be. Findings name the entry, or the file and the field.

Needs this package, the domain vocabulary, ``cryptography`` and the standard library. Keeps the entries and about 130
bytes beside each in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chain.checkpoint import Checkpoint, open_checkpoint, origin_of
from chain.entry_check import EntryCheck
from chain.finding import Finding, Findings
from chain.folder import Folder
from chain.layout import ARTIFACT_FOLDER, KEYS_FILE, checkpoint_path
from chain.note import VerifierKey, parse_verifier_key
from chain.tile_check import read_contents
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.trust import TrustPolicy, load_policy
from domain.errors import PolicyCortexError

__all__ = ["Finding", "TrustPolicy", "VerificationReport", "verify_directory"]


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What the check found.

    Args:
        entries: how many entries the signed checkpoints cover.
        files: how many files the folder holds.
        key_trusted: the keys were given by the reader's policy, not taken from the folder.
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


def verify_directory(path: Path, *, policy: Path | TrustPolicy | None = None) -> VerificationReport:
    """Check every byte of an evidence folder.

    Args:
        policy: keys that the reader trusts, as such or as a C2SP policy file; without one the folder's own keys are
            used and the report says so.

    Raises:
        InputError: the folder, a file in it, or the policy cannot be read at all.
    """
    trusted = load_policy(policy) if isinstance(policy, Path) else policy
    folder, findings = Folder(path), Findings()
    keys = _read_keys(folder, findings, trusted)
    heads = _read_heads(folder, findings, keys) if keys else None
    is_trusted = trusted is not None and keys is not None
    if heads is None:
        folder_findings = findings.all
        return VerificationReport(False, is_trusted, folder_findings, folder.file_count)
    contents = read_contents(folder, findings, heads)
    check = EntryCheck(folder, findings, contents)
    check.run()
    if contents.bad:
        _leave_artifacts_undecided(folder)
    folder.report_strangers(findings)
    return VerificationReport(
        ok=not findings.all,
        key_trusted=is_trusted,
        findings=findings.all,
        files=folder.file_count,
        origin=heads.sha256.origin,
        entries=heads.sha256.size,
        blocks=check.blocks,
        artifacts=check.artifacts,
        root_sha256=heads.sha256.root.hex(),
        root_sha3_256=heads.sha3_256.root.hex(),
    )


def _read_keys(folder: Folder, findings: Findings, trusted: TrustPolicy | None) -> Twin[VerifierKey] | None:
    """The keys to check with: the reader's where given, else the folder's; the folder's file is always checked."""
    found = _parse_keys(folder, findings)
    if trusted is None or found is None:
        return found
    for line, key in enumerate((found.sha256, found.sha3_256), start=1):
        expected = trusted.key(key.name)
        if expected != key:
            shown = "a key of the policy" if expected is None else expected.text
            findings.add(KEYS_FILE, field=f"line {line}", expected=shown, got=key.text)
    return None if findings.all else found


def _parse_keys(folder: Folder, findings: Findings) -> Twin[VerifierKey] | None:
    content = folder.read(KEYS_FILE)
    if content is None:
        findings.add(KEYS_FILE, field="file", expected="the log's verifier keys", got="no such file")
        return None
    lines = content.decode("utf-8", errors="replace").split("\n")
    if len(lines) != 3 or lines.pop() != "":
        findings.add(KEYS_FILE, field="lines", expected="two lines", got=f"{len(lines) - 1} line ends")
        return None
    keys: list[VerifierKey] = []
    for number, line in enumerate(lines, start=1):
        try:
            keys.append(parse_verifier_key(line))
        except PolicyCortexError as error:
            findings.add(KEYS_FILE, field=f"line {number}", expected="a verifier key", got=error)
    if len(keys) < 2:
        return None
    if keys[1].name != origin_of(keys[0].name, BOTH.sha3_256):
        expected = origin_of(keys[0].name, BOTH.sha3_256)
        findings.add(KEYS_FILE, field="line 2", expected=f"the key of {expected}", got=keys[1].name)
        return None
    return Twin(keys[0], keys[1])


def _read_heads(folder: Folder, findings: Findings, keys: Twin[VerifierKey]) -> Twin[Checkpoint] | None:
    first = _read_head(folder, findings, BOTH.sha256, keys.sha256)
    second = _read_head(folder, findings, BOTH.sha3_256, keys.sha3_256)
    if first is None or second is None:
        return None
    if first.size != second.size:
        where = checkpoint_path(BOTH.sha3_256)
        findings.add(where, field="tree size", expected=first.size, got=second.size)
        return None
    return Twin(first, second)


def _read_head(folder: Folder, findings: Findings, tree_hash: TreeHash, key: VerifierKey) -> Checkpoint | None:
    where = checkpoint_path(tree_hash)
    content = folder.read(where)
    if content is None:
        findings.add(where, field="file", expected="a signed checkpoint", got="no such file")
        return None
    try:
        return open_checkpoint(content.decode("utf-8"), key)
    except UnicodeDecodeError as error:
        findings.add(where, field="text", expected="UTF-8", got=f"byte {error.start} is not")
    except PolicyCortexError as error:
        findings.add(where, field="signed note", expected=f"a checkpoint signed by {key.text}", got=error)
    return None


def _leave_artifacts_undecided(folder: Folder) -> None:
    """Which artifacts a refuted entry named is not known, so none of them is called a stranger."""
    for path in folder.remaining():
        if path.startswith(f"{ARTIFACT_FOLDER}/"):
            folder.read(path)
