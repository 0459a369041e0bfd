"""The evidence of a pack: parts of logs with their proofs, artifacts, anchors and keys, and the manifest over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from chain.checkpoint import parse_checkpoint
from chain.envelope import Envelope, read_envelope
from chain.note import parse_note
from chain.pack import (
    ARTIFACTS,
    CHECKPOINTS,
    ENTRIES,
    KEY_ENTRIES,
    LEAVES,
    POLICY,
    PROOF_SUFFIXES,
    START_CHECKPOINTS,
    WINDOW,
    FileDigest,
    KeyEntry,
    LogRange,
    Manifest,
    WindowProofs,
    encode_key_entries,
)
from chain.pack_summary import SEVERITIES, Summariser, Summary
from chain.proof import format_proof
from chain.reports.anchors import anchor_files
from chain.reports.source import LogHead, LogSource, PackRequest, part_of
from chain.tree_hash import BOTH, Twin
from domain.errors import InputError

HIGHLIGHTED_MAX: Final = 40
_SUMMARIES: Final = frozenset({"ComplianceChecked", "BlockSealed", "shard_opened"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence files, their manifest, and what they add up to.

    Args:
        entries: every entry of the parts by name, in order.
        left_out: artifacts that did not fit or are gone.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    summary: Summary
    entries: Mapping[str, Envelope]
    highlighted: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def manifest_sha256(self) -> str:
        return hashlib.sha256(self.manifest.encode()).hexdigest()


def focused(evidence: Evidence, framework: str | None) -> Evidence:
    """The same evidence, summed up for one framework's controls alone."""
    if framework is None:
        return evidence
    kept = tuple(each for each in evidence.summary.controls if each.framework.lower() == framework.lower())
    return replace(evidence, summary=replace(evidence.summary, controls=kept))


@dataclass(frozen=True, slots=True)
class _OpenLog:
    """A log, the head that everything is proven under, and the part that is needed."""

    source: LogSource
    head: LogHead
    part: LogRange


def collect_evidence(request: PackRequest) -> Evidence:
    """Read, prove and list everything that the window needs.

    Raises:
        NotFound: a log has no checkpoint yet.
        InputError: a log is empty, or a highlighted entry is not in the window's parts.
    """
    files: dict[str, bytes] = {POLICY: policy_text(request.logs).encode("utf-8")}
    entries: dict[str, Envelope] = {}
    summariser = Summariser(request.opens, request.closes, request.expected)
    opened = []
    for source in request.logs:
        head = source.reader.head()
        part = part_of(source, head, request.opens, request.closes)
        raw = [source.reader.entry(index) for index in range(part.start, part.end)]
        for index, entry in enumerate(raw, start=part.start):
            entries[part.entry_name(index)] = envelope = read_envelope(entry)
            summariser.take(part.entry_name(index), envelope)
        opened.append(_OpenLog(source, head, part))
        files |= _log_files(opened[-1], raw)
    summary = summariser.result()
    highlighted = request.highlighted or tuple(_choose(entries, summary))
    for name in highlighted:
        files |= _proofs(name, opened)
    files |= anchor_files(request.anchors, {log.part.origin: (log.source.reader, log.part.size) for log in opened})
    artifacts, left_out = _artifacts(request, entries.values())
    files |= artifacts
    manifest = Manifest(
        tenant=request.tenant,
        opens=request.opens,
        closes=request.closes,
        expected=tuple(sorted(set(request.expected))),
        logs=tuple(log.part for log in opened),
        files={path: digest_of(content) for path, content in sorted(files.items())},
    )
    return Evidence(manifest, files, summary, entries, highlighted, left_out)


def policy_text(logs: Iterable[LogSource]) -> str:
    """A policy file with the keys that the pack was made with; readers replace it by one of their own."""
    lines = ["# Keys as the maker of this pack gives them. Verify with keys that you got from somewhere else."]
    witnesses: dict[str, str] = {}
    for source in logs:
        lines += [f"log {source.keys.sha256.text}", f"log {source.keys.sha3_256.text}"]
        witnesses |= {key.text: f"witness {key.name} {key.text}" for key in source.witnesses}
    return "\n".join([*lines, *witnesses.values(), "quorum none", ""])


def digest_of(content: bytes) -> FileDigest:
    """A file as manifest and statement name it."""
    return FileDigest(hashlib.sha256(content).hexdigest(), hashlib.sha3_256(content).hexdigest(), len(content))


def _log_files(log: _OpenLog, entries: list[bytes]) -> dict[str, bytes]:
    head, part, reader = log.head, log.part, log.source.reader
    starts = log.source.start_checkpoints
    proofs = WindowProofs(
        window=reader.window_proof(part.start, part.end, part.size),
        opening=reader.consistency_proof(part.start, part.size) if part.start else None,
        start_checkpoint=None if starts is None else reader.consistency_proof(_size_of(starts.sha256), part.size),
    )
    files = {
        CHECKPOINTS.sha256: head.checkpoint.encode("utf-8"),
        CHECKPOINTS.sha3_256: head.checkpoint_sha3.encode("utf-8"),
        ENTRIES: b"".join(b"%b\n" % entry for entry in entries),
        LEAVES: "".join(f"{leaf.hex()}\n" for leaf in BOTH.sha256.leaves(entries)).encode("ascii"),
        WINDOW: proofs.encode(),
    }
    outside = [index for index in log.source.key_entries if index < part.size and not part.start <= index < part.end]
    if outside:
        proved = ((index, reader.inclusion_proof(index, part.size)) for index in outside)
        files[KEY_ENTRIES] = encode_key_entries(
            [
                KeyEntry(index, reader.entry(index), Twin(proofs.sha256.path, proofs.sha3_256.path))
                for index, proofs in proved
            ]
        )
    if starts is not None:
        files[START_CHECKPOINTS.sha256] = starts.sha256.encode("utf-8")
        files[START_CHECKPOINTS.sha3_256] = starts.sha3_256.encode("utf-8")
    return {part.path(name): content for name, content in files.items()}


def _size_of(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _choose(entries: Mapping[str, Envelope], summary: Summary) -> list[str]:
    """Ends and blocks of the window, scans as a whole, and the worst verdicts, as far as there is room."""
    worst = sorted(
        (each for each in summary.verdicts if each.counts["violations"]),
        key=lambda each: (_rank(each.severity), -each.counts["violations"], each.policy),
    )
    names = list(entries)
    wanted = [
        *names[:1],
        *names[-1:],
        *(name for name, entry in entries.items() if entry.type in _SUMMARIES),
        *(each.evidence for each in worst),
    ]
    order = {name: at for at, name in enumerate(names)}
    return sorted(list(dict.fromkeys(wanted))[:HIGHLIGHTED_MAX], key=lambda name: order[name])


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _proofs(name: str, logs: Iterable[_OpenLog]) -> dict[str, bytes]:
    """Proof files of one entry in both trees."""
    label, _, digits = name.rpartition("-")
    for log in logs:
        part, head = log.part, log.head
        if not digits.isdecimal() or name != part.entry_name(index := int(digits)):
            continue
        if part.start <= index < part.end:
            proofs = log.source.reader.inclusion_proof(index, part.size)
            texts = {
                PROOF_SUFFIXES.sha256: format_proof(proofs.sha256, head.checkpoint),
                PROOF_SUFFIXES.sha3_256: format_proof(proofs.sha3_256, head.checkpoint_sha3),
            }
            return {part.path(f"proofs/{index}{suffix}"): text.encode("utf-8") for suffix, text in texts.items()}
    raise InputError("no such entry in the window", entry=name, log=label, todo="Choose entries of the audit window")


def _artifacts(request: PackRequest, entries: Iterable[Envelope]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Artifacts in the order in which entries name them, as long as they fit."""
    files: dict[str, bytes] = {}
    left_out: dict[str, None] = {}
    room = request.artifacts_size_bytes_max
    for entry in entries:
        for reference in entry.artifacts:
            path = f"{ARTIFACTS}{reference.sha256}"
            if path in files or reference.sha256 in left_out:
                continue
            content = request.artifacts(reference.sha256) if reference.size_bytes <= room else None
            if content is None:
                left_out[reference.sha256] = None
            else:
                files[path] = content
                room -= len(content)
    return files, tuple(left_out)
