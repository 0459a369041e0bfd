"""Checking a report pack, offline, trusting nothing in it but what a signature covers.

The statement's signature first, then every file by both digests, then what the files are: all entries of the window
under signed checkpoints, the artifacts that they name, and the figures that they add up to, which must be the figures
that the statement gives. A PDF's own signature is checked by any PDF reader; here its digest is.

Needs this package, the domain vocabulary, ``cryptography`` and the standard library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from chain.finding import Finding, Findings
from chain.keys.succession import check_succession
from chain.pack import (
    ANCHORS,
    ARTIFACTS,
    CERTIFICATE,
    CHECKPOINTS,
    ENTRIES,
    ENVELOPE,
    LEAVES,
    LOGS,
    LOGS_MAX,
    MANIFEST,
    PACK_VERSION,
    POLICY,
    STATEMENT,
    WINDOW,
    FileDigest,
    LogRange,
    Manifest,
    parse_manifest,
)
from chain.pack_archive import PackArchive, PackFiles, PackFolder
from chain.pack_log import LogCheck, LogResult
from chain.pack_statement import Statement, load_certificate, verify_statement
from chain.pack_summary import Summariser, Summary
from chain.trust import TrustPolicy, load_policy, parse_policy
from domain.clock import format_instant, parse_instant
from domain.errors import InputError, IntegrityError, PolicyCortexError
from domain.value import Json

_UNSIGNED: Final = frozenset({STATEMENT, ENVELOPE})
_OF_EVERY_LOG: Final = (CHECKPOINTS.sha256, CHECKPOINTS.sha3_256, ENTRIES, LEAVES, WINDOW)
_TODO: Final = "Get the pack again from whoever made it"


@dataclass(frozen=True, slots=True)
class AnchorNote:
    """What one anchor was shown to say, or why it shows nothing here."""

    target: str
    text: str


class AnchorCheck(Protocol):
    """Checks the anchors of a pack offline."""

    def __call__(
        self,
        files: Mapping[str, bytes],
        checkpoints: Mapping[str, bytes],
        findings: Findings,
    ) -> tuple[AnchorNote, ...]:
        """What they show; what is wrong with them goes to the findings.

        Args:
            files: everything below ``anchors/``, by its whole path.
            checkpoints: the signed SHA-256 checkpoints of the pack's logs, by origin.
        """


@dataclass(frozen=True, slots=True)
class PackReport:
    """What the check found.

    Args:
        key_trusted: the logs' keys were given by the reader's policy, not taken from the pack.
        certificate_trusted: the report certificate was given by the reader.
        summary: what the entries add up to; None where they were not reached.
        left_out: artifacts that entries name and the pack does not hold.
    """

    ok: bool
    key_trusted: bool
    certificate_trusted: bool
    findings: tuple[Finding, ...]
    files: int
    tenant: str = ""
    window: tuple[str, str] = ("", "")
    manifest_sha256: str = ""
    signer: str = ""
    fingerprint: str = ""
    logs: tuple[LogResult, ...] = ()
    summary: Summary | None = None
    artifacts: int = 0
    left_out: int = 0
    anchors: tuple[AnchorNote, ...] = ()


def verify_pack(
    path: Path,
    *,
    policy: Path | TrustPolicy | None = None,
    certificate: Path | None = None,
    check_anchors: AnchorCheck | None = None,
) -> PackReport:
    """Check every byte of a report pack, zipped or unpacked.

    Args:
        policy: keys of logs and witnesses that the reader trusts; without one the pack's own are used.
        certificate: the report certificate that the reader trusts; without one the pack's own is used.

    Raises:
        InputError: the pack, the policy or the certificate cannot be read, is of an unknown version, or the policy has
            no key for a log of the pack.
    """
    trusted = load_policy(policy) if isinstance(policy, Path) else policy
    given = None if certificate is None else _read(certificate)
    if path.is_dir():
        return verify_files(PackFolder(path), policy=trusted, certificate=given, check_anchors=check_anchors)
    archive = PackArchive(path)
    try:
        return verify_files(archive, policy=trusted, certificate=given, check_anchors=check_anchors)
    finally:
        archive.close()


def verify_files(
    files: PackFiles,
    *,
    policy: TrustPolicy | None = None,
    certificate: bytes | None = None,
    check_anchors: AnchorCheck | None = None,
) -> PackReport:
    """The same of files wherever they lie; errors as `verify_pack`."""
    return _Check(files, policy, certificate, check_anchors).run()


class _Check:
    """One run over one pack."""

    def __init__(
        self, files: PackFiles, policy: TrustPolicy | None, certificate: bytes | None, check_anchors: AnchorCheck | None
    ) -> None:
        self._files = files
        self._policy = policy
        self._certificate = certificate
        self._check_anchors = check_anchors
        self._findings = Findings()
        self._contents: dict[str, bytes] = {}
        self._changed: list[str] = []

    def run(self) -> PackReport:
        statement = self._statement()
        if statement is None:
            return self._report(None, None)
        self._check_subjects(statement)
        manifest = self._manifest()
        if manifest is None:
            return self._report(statement, None)
        policy = self._policy or parse_policy(self._text(POLICY), where=POLICY)
        summariser = Summariser(manifest.opens, manifest.closes, manifest.expected)
        logs = [self._check_log(part, manifest, policy, summariser) for part in manifest.logs]
        self._check_years(logs, manifest, policy)
        held, left_out = self._check_artifacts(logs)
        summary = summariser.result()
        if not self._findings.all:
            self._check_claims(statement, manifest, summary)
        return replace(
            self._report(statement, manifest, anchors=self._anchors(logs)),
            logs=tuple(logs),
            summary=summary,
            artifacts=held,
            left_out=left_out,
        )

    def _statement(self) -> Statement | None:
        payload, envelope = self._files.read(STATEMENT), self._files.read(ENVELOPE)
        shipped = self._files.read(CERTIFICATE)
        if payload is None or envelope is None or shipped is None:
            raise InputError(
                "not a report pack: its statement, envelope or certificate is missing",
                expected=[STATEMENT, ENVELOPE, CERTIFICATE],
                todo=_TODO,
            )
        try:
            if self._certificate is not None and self._certificate.strip() != shipped.strip():
                theirs = load_certificate(self._certificate, where="the given certificate")
                return verify_statement(payload, envelope, theirs)
            return verify_statement(payload, envelope, load_certificate(shipped, where=CERTIFICATE))
        except IntegrityError as error:
            self._findings.add(ENVELOPE, field="signature", expected="a statement signed by the certificate", got=error)
            return None

    def _check_subjects(self, statement: Statement) -> None:
        """Every file by both digests; nothing missing, nothing more. The first wrong file is the one to read about."""
        for name in self._files.names:
            content = self._files.read(name) or b""
            if name in _UNSIGNED:
                continue
            subject = statement.subjects.get(name)
            if subject is None:
                self._findings.add(name, field="file", expected="a file of the statement", got="an unknown file")
                continue
            self._contents[name] = content
        for name in statement.subjects:
            if name not in self._contents:
                self._findings.add(name, field="file", expected="a file of the pack", got="no such file")
        self._changed = [
            name
            for name, content in self._contents.items()
            if (statement.subjects[name].sha256, statement.subjects[name].sha3_256) != _digests(content)
        ]

    def _manifest(self) -> Manifest | None:
        if self._findings.all or MANIFEST in self._changed:
            self._add_changed(self._changed)
            return None
        manifest = parse_manifest(self._contents[MANIFEST])
        if not 0 < len(manifest.logs) <= LOGS_MAX or len({each.folder for each in manifest.logs}) < len(manifest.logs):
            raise InputError("pack has no logs, too many, or two in one folder", logs=len(manifest.logs))
        for part in manifest.logs:
            missing = [name for name in _OF_EVERY_LOG if part.path(name) not in self._contents]
            for name in missing:
                self._findings.add(part.path(name), field="file", expected="a file of every log", got="no such file")
        self._check_listed(manifest)
        return None if self._findings.all else manifest

    def _check_listed(self, manifest: Manifest) -> None:
        evidence = {
            name: content
            for name, content in self._contents.items()
            if name.startswith((LOGS, ARTIFACTS, ANCHORS)) or name == POLICY
        }
        for name in sorted(evidence.keys() ^ manifest.files.keys()):
            got = "no such file" if name in manifest.files else "an unlisted file"
            self._findings.add(name, field="manifest", expected="the same files as in the manifest", got=got)

    def _check_log(self, part: LogRange, manifest: Manifest, policy: TrustPolicy, summariser: Summariser) -> LogResult:
        prefix = f"{part.folder}/"
        files = {name.removeprefix(prefix): text for name, text in self._contents.items() if name.startswith(prefix)}
        return LogCheck(part, manifest, policy, self._findings).run(files, summariser.take)

    def _check_years(self, logs: Sequence[LogResult], manifest: Manifest, policy: TrustPolicy) -> None:
        """Each year's log goes on where the one before it ended, and the first reaches back to the window's start."""
        former: LogResult | None = None
        for log in logs:
            opening, where = log.opening, log.part.path(ENTRIES)
            if former is not None and log.succession:
                self._check_succession(former, log, policy)
            elif former is not None:
                ending = (former.part.origin, former.part.size, former.roots.sha256, former.roots.sha3_256)
                got = opening and (opening.origin, opening.size, opening.root_sha256, opening.root_sha3_256)
                if got != ending or former.part.end != former.part.size:
                    self._findings.add(where, field="body.former", expected=ending, got=got, entry_index=0)
            elif (opening is not None or log.succession) and parse_instant(log.begins_at) > manifest.opens:
                expected = opening.origin if opening is not None else "the frozen log"
                gap = "nothing of it, though the window opens before this log"
                self._findings.add(where, field="body.former", expected=expected, got=gap, entry_index=0)
            former = log

    def _check_succession(self, former: LogResult, log: LogResult, policy: TrustPolicy) -> None:
        """A frozen log's successor goes on where that one ended, and the frozen log is here up to its end."""
        try:
            if former.part.end != former.part.size:
                raise IntegrityError("the frozen log is not here up to its end", end=former.part.end)
            check_succession(former.checkpoints, log.succession.encode("utf-8"), log.part.origin, policy.keys)
        except PolicyCortexError as error:
            where = log.part.path(ENTRIES)
            self._findings.add(where, field="body", expected="the end of the frozen log", got=error, entry_index=0)

    def _check_artifacts(self, logs: Sequence[LogResult]) -> tuple[int, int]:
        named = {digest: (log, *found) for log in logs for digest, found in log.artifacts.items()}
        held = {name.removeprefix(ARTIFACTS): name for name in self._contents if name.startswith(ARTIFACTS)}
        for digest, name in held.items():
            content = self._contents[name]
            if digest not in named:
                if not self._findings.all:
                    self._findings.add(name, field="file", expected="an artifact that an entry names", got="a stranger")
                continue
            _, index, reference = named[digest]
            want = (reference.sha256, reference.sha3_256, reference.size_bytes)
            got = (*_digests(content), len(content))
            if want != got:
                self._findings.add(name, field="content", expected=want, got=got, entry_index=index)
        self._add_changed(self._changed)
        return len(held), len(named) - len(held.keys() & named.keys())

    def _check_claims(self, statement: Statement, manifest: Manifest, summary: Summary) -> None:
        """The statement and the manifest say nothing that the evidence does not."""
        for name, listed in manifest.files.items():
            signed = statement.subjects[name]
            got = FileDigest(signed.sha256, signed.sha3_256, len(self._contents[name]))
            if listed != got:
                self._findings.add(MANIFEST, field=f"files.{name}", expected=listed, got=got)
        opens, closes = _window(manifest)
        claims: dict[str, Json] = {
            "pack_version": PACK_VERSION,
            "tenant": manifest.tenant,
            "window": {"from": opens, "to": closes},
            "manifest_sha256": _digests(self._contents[MANIFEST])[0],
            "summary": summary.as_json(),
        }
        for name, want in claims.items():
            if statement.predicate.get(name) != want:
                shown = "what the entries add up to" if name == "summary" else want
                self._findings.add(STATEMENT, field=f"predicate.{name}", expected=shown, got="something else")

    def _anchors(self, logs: Sequence[LogResult]) -> tuple[AnchorNote, ...]:
        files = {name: content for name, content in self._contents.items() if name.startswith(ANCHORS)}
        if not files or self._check_anchors is None:
            return ()
        heads = {log.part.origin: self._contents[log.part.path(CHECKPOINTS.sha256)] for log in logs}
        return self._check_anchors(files, heads, self._findings)

    def _add_changed(self, names: Sequence[str]) -> None:
        """Files that are not what was signed, unless something more precise was already said of one."""
        told = {finding.where for finding in self._findings.all}
        for name in names:
            if name not in told:
                self._findings.add(name, field="content", expected="the file that was signed", got="another")

    def _text(self, name: str) -> str:
        return self._contents.get(name, b"").decode("utf-8", errors="replace")

    def _report(
        self, statement: Statement | None, manifest: Manifest | None, *, anchors: tuple[AnchorNote, ...] = ()
    ) -> PackReport:
        self._files.report(self._findings)
        return PackReport(
            ok=not self._findings.all and manifest is not None,
            key_trusted=self._policy is not None,
            certificate_trusted=self._certificate is not None,
            findings=self._findings.all,
            files=len(self._files.names),
            tenant=manifest.tenant if manifest else "",
            window=_window(manifest) if manifest else ("", ""),
            manifest_sha256=_digests(self._contents[MANIFEST])[0] if manifest else "",
            signer=statement.signer if statement else "",
            fingerprint=statement.fingerprint if statement else "",
            anchors=anchors,
        )


def _window(manifest: Manifest) -> tuple[str, str]:
    return format_instant(manifest.opens), format_instant(manifest.closes)


def _digests(content: bytes) -> tuple[str, str]:
    return hashlib.sha256(content).hexdigest(), hashlib.sha3_256(content).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("cannot read the certificate", path=str(path), reason=error.strerror) from error
