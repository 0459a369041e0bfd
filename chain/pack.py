"""The layout of a report pack, version 1: which files it has, and what its manifest says of the evidence among them.

The manifest names the evidence: parts of logs, artifacts, anchors, keys. The reports (PDF, XBRL, OSCAL) name the
manifest by digest. The signed statement names every file. `docs/pack.md` shows the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chain.encoding import decode_base64, encode_base64
from chain.proof import ConsistencyProof
from chain.strict_json import parse
from chain.tree_hash import Twin
from chain.window import WindowProof
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.value import Json

PACK_VERSION: Final = 1
PREDICATE_TYPE: Final = "urn:policycortex:report-pack:1"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"

MANIFEST: Final = "manifest.json"
STATEMENT: Final = "report.json"
ENVELOPE: Final = "report.dsse.json"
CERTIFICATE: Final = "keys/report-certificate.pem"
POLICY: Final = "policy"
REPORT_PDF: Final = "report.pdf"
XBRL: Final = "report.xbrl.xml"
OSCAL: Final = "oscal-assessment-results.json"
VERIFY_TEXT: Final = "verify.txt"
ANCHORS: Final = "anchors/"
ARTIFACTS: Final = "artifacts/"
LOGS: Final = "log/"

CHECKPOINTS: Final = Twin("checkpoint", "checkpoint-sha3")
START_CHECKPOINTS: Final = Twin("start-checkpoint", "start-checkpoint-sha3")
ENTRIES: Final = "entries.jsonl"
LEAVES: Final = "leaves"
WINDOW: Final = "window.json"
KEY_ENTRIES: Final = "key-entries.json"
PROOF_SUFFIXES: Final = Twin(".tlog-proof", ".sha3.tlog-proof")

JSON_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
LOGS_MAX: Final = 50
_HASHES_MAX: Final = 128
_FOLDER: Final = re.compile(r"log/[A-Za-z0-9-]{1,40}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A file by both digests and its size."""

    sha256: str
    sha3_256: str
    size: int


@dataclass(frozen=True, slots=True)
class LogRange:
    """A part of one log: entries ``start`` to ``end`` of the ``size`` that its checkpoint covers."""

    folder: str
    origin: str
    start: int
    end: int
    size: int

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def entry_name(self, index: int) -> str:
        """How people refer to an entry of this log, such as ``2026-17``."""
        return f"{self.folder.removeprefix(LOGS)}-{index}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the evidence of a pack is.

    Args:
        opens, closes: the audit window, the end excluded.
        expected: types of entries of which the window should hold at least one.
    """

    tenant: str
    opens: datetime
    closes: datetime
    expected: tuple[str, ...]
    logs: tuple[LogRange, ...]
    files: Mapping[str, FileDigest]

    def encode(self) -> bytes:
        return encode_json(
            {
                "version": PACK_VERSION,
                "tenant": self.tenant,
                "window": {"from": format_instant(self.opens), "to": format_instant(self.closes)},
                "expected": list[Json](self.expected),
                "logs": [
                    {
                        "folder": each.folder,
                        "origin": each.origin,
                        "start": each.start,
                        "end": each.end,
                        "size": each.size,
                    }
                    for each in self.logs
                ],
                "files": {
                    path: {"sha256": file.sha256, "sha3_256": file.sha3_256, "size": file.size}
                    for path, file in self.files.items()
                },
            }
        )


@dataclass(frozen=True, slots=True)
class WindowProofs:
    """What ties a part of a log to its checkpoint, in both trees.

    Args:
        opening: that the log before the part is a prefix of the log under the checkpoint; None where nothing is before.
        start_checkpoint: the same of an earlier signed checkpoint; None where the pack has none.
    """

    window: Twin[WindowProof]
    opening: Twin[ConsistencyProof] | None
    start_checkpoint: Twin[ConsistencyProof] | None

    def encode(self) -> bytes:
        return encode_json(
            {
                "window": _hash_lists(self.window.sha256.beside, self.window.sha3_256.beside),
                "opening": _consistency_json(self.opening),
                "start_checkpoint": _consistency_json(self.start_checkpoint),
            }
        )


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """An entry about the log's keys outside of the part, with its inclusion in both trees under the checkpoint."""

    index: int
    entry: bytes
    paths: Twin[tuple[bytes, ...]]


def encode_key_entries(entries: Sequence[KeyEntry]) -> bytes:
    """Write the entries about keys that a part does not hold."""
    return encode_json(
        [
            {
                "index": each.index,
                "entry": each.entry.decode("utf-8"),
                **_hash_lists(each.paths.sha256, each.paths.sha3_256),
            }
            for each in entries
        ]
    )


def parse_key_entries(content: bytes) -> list[KeyEntry]:
    """Read the entries about keys that a part does not hold.

    Raises:
        InputError: not a list of them.
    """
    found = []
    for item in _list(parse(content, size_bytes_max=JSON_SIZE_BYTES_MAX)):
        fields = _fields(item, {"index", "entry", "sha256", "sha3_256"})
        paths = _twin_hashes({name: fields[name] for name in ("sha256", "sha3_256")})
        found.append(KeyEntry(_count(fields["index"]), _text(fields["entry"]).encode("utf-8"), paths))
    return found


def encode_json(value: Json) -> bytes:
    """JSON in the form that a pack's own files have: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        InputError: not a manifest of this version.
    """
    fields = _fields(
        parse(content, size_bytes_max=JSON_SIZE_BYTES_MAX),
        {"version", "tenant", "window", "expected", "logs", "files"},
        {"version"},
    )
    if fields["version"] != PACK_VERSION:
        raise InputError(
            "pack is of another version", expected=PACK_VERSION, got=fields["version"], todo="Use a newer verifier"
        )
    window = _fields(fields["window"], {"from", "to"})
    return Manifest(
        tenant=_text(fields["tenant"]),
        opens=parse_instant(_text(window["from"])),
        closes=parse_instant(_text(window["to"])),
        expected=tuple(_text(item) for item in _list(fields["expected"])),
        logs=tuple(_log_range(item) for item in _list(fields["logs"])[: LOGS_MAX + 1]),
        files={path: _digest(item) for path, item in _object(fields["files"]).items()},
    )


def parse_window(content: bytes, part: LogRange) -> WindowProofs:
    """Read the proofs of one part.

    Raises:
        InputError: not the proofs of such a part.
    """
    fields = _fields(parse(content, size_bytes_max=JSON_SIZE_BYTES_MAX), {"window", "opening", "start_checkpoint"})
    beside = _twin_hashes(fields["window"])
    return WindowProofs(
        window=Twin(
            WindowProof(part.start, part.end, part.size, beside.sha256),
            WindowProof(part.start, part.end, part.size, beside.sha3_256),
        ),
        opening=_consistency(fields["opening"], part.size),
        start_checkpoint=_consistency(fields["start_checkpoint"], part.size),
    )


def _hash_lists(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> dict[str, Json]:
    return {
        "sha256": [encode_base64(item) for item in first],
        "sha3_256": [encode_base64(item) for item in second],
    }


def _consistency_json(proofs: Twin[ConsistencyProof] | None) -> Json:
    if proofs is None:
        return None
    return {"size": proofs.sha256.old_size, **_hash_lists(proofs.sha256.path, proofs.sha3_256.path)}


def _consistency(value: Json, size: int) -> Twin[ConsistencyProof] | None:
    if value is None:
        return None
    fields = _fields(value, {"size", "sha256", "sha3_256"})
    old = _count(fields["size"])
    paths = _twin_hashes({name: fields[name] for name in ("sha256", "sha3_256")})
    return Twin(ConsistencyProof(old, size, paths.sha256), ConsistencyProof(old, size, paths.sha3_256))


def _twin_hashes(value: Json) -> Twin[tuple[bytes, ...]]:
    fields = _fields(value, {"sha256", "sha3_256"})
    return Twin(_hashes(fields["sha256"]), _hashes(fields["sha3_256"]))


def _hashes(value: Json) -> tuple[bytes, ...]:
    items = _list(value)
    if len(items) > _HASHES_MAX:
        raise InputError("proof has too many hashes", expected=f"at most {_HASHES_MAX}", got=len(items))
    return tuple(decode_base64(_text(item), what="proof hash") for item in items)


def _log_range(value: Json) -> LogRange:
    fields = _fields(value, {"folder", "origin", "start", "end", "size"})
    folder = _text(fields["folder"])
    if _FOLDER.fullmatch(folder) is None:
        raise InputError("not the folder of a log", got=folder[:80], expected="log/ and a name")
    return LogRange(
        folder, _text(fields["origin"]), _count(fields["start"]), _count(fields["end"]), _count(fields["size"])
    )


def _digest(value: Json) -> FileDigest:
    fields = _fields(value, {"sha256", "sha3_256", "size"})
    digests = [_text(fields[name]) for name in ("sha256", "sha3_256")]
    if any(_HEX.fullmatch(item) is None for item in digests):
        raise InputError("not a digest", got=str(digests)[:200])
    return FileDigest(digests[0], digests[1], _count(fields["size"]))


def _fields(value: Json, names: set[str], needed: set[str] | None = None) -> dict[str, Json]:
    """The fields of an object that must have exactly these; where ``needed`` are there the rest is judged later."""
    found = _object(value)
    if found.keys() != names and not (needed and found.get("version") != PACK_VERSION and needed <= found.keys()):
        raise InputError("object has not the fields it must have", expected=sorted(names), got=sorted(found)[:20])
    return found


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise InputError("not an object", got=type(value).__name__)
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise InputError("not a list", got=type(value).__name__)
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise InputError("not a text", got=type(value).__name__)
    return value


def _count(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError("not a count", got=str(value)[:80])
    return value
