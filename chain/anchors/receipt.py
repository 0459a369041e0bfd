"""Receipts as entries: the body says what the target stated, the artifacts are the note and the target's files.

Source: ours; version 1 of the body is described in docs/anchoring.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.strict_json import parse
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.clock import format_instant, parse_instant
from domain.errors import InputError, IntegrityError
from domain.evidence import Artifact
from domain.value import Json

FILE_SIZE_BYTES_MAX: Final = 1024 * 1024
NOTE: Final = "note.txt"
RECEIPT: Final = "receipt.json"
STOCK_PROOF: Final = "note.txt.ots"
"""The same as the other files, in the form that programs of others read; never read here."""

_BODY = {"v", "target", "kind", "note_sha256", "due_at", "stated_at", "is_final", "facts"}
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_HEX = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPES = {".json": "application/json", ".txt": "text/plain; charset=utf-8", ".der": "application/timestamp-token"}


@dataclass(frozen=True, slots=True)
class Anchored:
    """A receipt with the note that it is for.

    Args:
        due_at: beginning of the interval for which the target was asked.
    """

    receipt: AnchorReceipt
    note: bytes
    due_at: datetime


def to_body(anchored: Anchored) -> dict[str, Json]:
    """The body of the receipt's entry."""
    receipt = anchored.receipt
    return {
        "v": 1,
        "target": receipt.target,
        "kind": receipt.kind.value,
        "note_sha256": receipt.note_sha256,
        "due_at": format_instant(anchored.due_at),
        "stated_at": None if receipt.stated_at is None else format_instant(receipt.stated_at),
        "is_final": receipt.is_final,
        "facts": dict(receipt.facts),
    }


def to_artifacts(anchored: Anchored) -> dict[str, Artifact]:
    """The note and the receipt's files, as artifacts of the entry.

    Raises:
        InputError: a file's name is not a plain one, or a file is too long.
    """
    files = {NOTE: anchored.note, **anchored.receipt.files}
    for name, content in files.items():
        if _FILE_NAME.fullmatch(name) is None or len(content) > FILE_SIZE_BYTES_MAX:
            raise InputError(
                "receipt's file cannot be kept",
                target=anchored.receipt.target,
                name=name[:80],
                size_bytes=len(content),
                size_bytes_max=FILE_SIZE_BYTES_MAX,
            )
    return {name: Artifact(_media_type(name), content) for name, content in files.items()}


def read_entry(entry: bytes, artifact: Callable[[str], bytes]) -> Anchored:
    """The receipt that an entry records.

    Args:
        artifact: an artifact's bytes by the SHA-256 in hex; what it gives is checked.

    Raises:
        InputError: not the entry of a receipt.
        IntegrityError: a file is not the one that the entry names.
    """
    fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX)
    if not isinstance(fields, dict) or fields.get("type") != "anchor_receipt":
        raise InputError("entry is not an anchor's receipt")
    body, named = _require_body(fields.get("body")), fields.get("artifacts")
    if not isinstance(named, dict):
        raise InputError("receipt comes without files", expected=NOTE)
    files = {name: _read_file(name, digests, artifact) for name, digests in named.items()}
    if NOTE not in files:
        raise InputError("receipt comes without its note", expected=NOTE, got=sorted(files))
    note = files.pop(NOTE)
    return Anchored(_read_receipt(body, files), note, parse_instant(_text(body, "due_at")))


def read_files(files: Mapping[str, bytes]) -> Anchored:
    """The receipt that `chain.anchors.export` wrote as files; nothing of what it states is believed yet.

    Raises:
        InputError: a file is missing or not of its form.
    """
    if not {NOTE, RECEIPT} <= files.keys():
        raise InputError("receipt's files are not all there", expected=[NOTE, RECEIPT], got=sorted(files)[:20])
    if max(map(len, files.values())) > FILE_SIZE_BYTES_MAX:
        raise InputError("receipt's file is too long", size_bytes_max=FILE_SIZE_BYTES_MAX)
    body = _require_body(parse(files[RECEIPT], size_bytes_max=ENTRY_SIZE_BYTES_MAX))
    kept = {name: content for name, content in files.items() if name not in {NOTE, RECEIPT, STOCK_PROOF}}
    return Anchored(_read_receipt(body, kept), files[NOTE], parse_instant(_text(body, "due_at")))


def _require_body(body: Json) -> Mapping[str, Json]:
    if not isinstance(body, dict) or body.keys() != _BODY or body["v"] != 1:
        raise InputError("receipt has not the fields it must have", expected=sorted(_BODY))
    return body


def _read_receipt(body: Mapping[str, Json], files: Mapping[str, bytes]) -> AnchorReceipt:
    digest, kind, facts = _text(body, "note_sha256"), _text(body, "kind"), body["facts"]
    if _HEX.fullmatch(digest) is None or kind not in set(AnchorKind) or not isinstance(facts, dict):
        raise InputError("receipt's digest, kind or facts are not valid", got=f"{digest[:80]}, {kind[:40]}")
    return AnchorReceipt(
        kind=AnchorKind(kind),
        target=_text(body, "target"),
        note_sha256=digest,
        stated_at=None if body["stated_at"] is None else parse_instant(_text(body, "stated_at")),
        is_final=body["is_final"] is True,
        facts=facts,
        files=files,
    )


def _read_file(name: str, digests: Json, artifact: Callable[[str], bytes]) -> bytes:
    digest = digests.get("sha256") if isinstance(digests, dict) else None
    if not isinstance(digest, str) or _HEX.fullmatch(digest) is None:
        raise InputError("receipt names a file without its digest", name=name)
    content = artifact(digest)
    got = hashlib.sha256(content).hexdigest()
    if got != digest or len(content) > FILE_SIZE_BYTES_MAX:
        raise IntegrityError("receipt's file is not the one that it names", name=name, expected=digest, got=got)
    return content


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise InputError("receipt's field is not text", field=name)
    return value


def _media_type(name: str) -> str:
    return next((kind for end, kind in _MEDIA_TYPES.items() if name.endswith(end)), "application/octet-stream")
