"""The log that succeeds a frozen one: its first entry names where that one ended, and a reader checks the join.

The entry holds the frozen log's last checkpoints and a final note over them, signed by whichever keys are still good:
the frozen log's own, where one is, and the successor's. What a stolen key signs later does not fit the entry.

Uses the standard library and ``cryptography`` alone: the offline verifier reads with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain.checkpoint import Checkpoint, parse_checkpoint, require_origin
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.keys.signer import Signer
from chain.keys.statement import frozen_statement
from chain.note import Note, Signature, VerifierKey, open_note, parse_note, parse_verifier_key
from chain.strict_json import parse
from chain.tree_hash import Twin
from domain.errors import ConflictError, InputError, IntegrityError
from domain.evidence import EventType
from domain.value import Json

_NUMBERED: Final = re.compile(r"(?P<base>.+)/s(?P<number>[1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Succession:
    """Where one log ended and the next began.

    Args:
        distrusted: keys of the frozen log that may be in wrong hands.
    """

    origin: str
    successor: str
    checkpoints: Twin[Checkpoint]
    frozen_at: str
    reason: str
    distrusted: tuple[VerifierKey, ...]
    final_note: str


def successor_origin(origin: str) -> str:
    """Name of the log that succeeds a frozen one: ``…/s2``, then ``…/s3``."""
    numbered = _NUMBERED.fullmatch(origin)
    name = f"{origin}/s2" if numbered is None else f"{numbered['base']}/s{int(numbered['number']) + 1}"
    return require_origin(name)


def succession_request_id(origin: str) -> str:
    """Request id of the successor's first entry."""
    return f"log_succeeded/{origin}"


def succession_body(
    notes: Twin[str], good: Sequence[Signer], *, frozen_at: str, reason: str, by: str, distrusted: Sequence[VerifierKey]
) -> dict[str, Json]:
    """Body of the successor's first entry, of type ``log_frozen``.

    Args:
        notes: the frozen log's last checkpoints, as they were published.
        good: keys that are still trusted, the successor's among them.

    Raises:
        ConflictError: no key is good, or one is among the distrusted.
    """
    checkpoints = Twin(*(parse_checkpoint(parse_note(text).text) for text in (notes.sha256, notes.sha3_256)))
    origin = checkpoints.sha256.origin
    bad = [signer.key.text for signer in good if signer.key in distrusted]
    if bad or not good:
        raise ConflictError(
            "final note needs good keys alone", origin=origin, distrusted=bad, todo="Sign with the successor's keys"
        )
    successor = successor_origin(origin)
    text = frozen_statement(checkpoints.sha256, checkpoints.sha3_256, successor=successor, frozen_at=frozen_at)
    lines = (Signature(each.key.name, each.key.key_id, each.sign(text.encode())) for each in good)
    return {
        "origin": origin,
        "successor": successor,
        "checkpoint": notes.sha256,
        "checkpoint_sha3": notes.sha3_256,
        "frozen_at": frozen_at,
        "reason": reason,
        "by": by,
        "distrusted": [key.text for key in distrusted],
        "final_note": str(Note(text, tuple(lines))),
    }


def read_succession(entry: bytes) -> Succession | None:
    """What a successor's first entry says; ``None`` where the entry is about something else.

    Raises:
        InputError: a field is missing or malformed.
    """
    fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX)
    body = fields.get("body") if isinstance(fields, dict) and fields.get("type") == EventType.LOG_FROZEN else None
    if not isinstance(body, dict) or "final_note" not in body:
        return None
    notes = (_text(body, name) for name in ("checkpoint", "checkpoint_sha3"))
    first, second = (parse_checkpoint(parse_note(text).text) for text in notes)
    distrusted = body.get("distrusted")
    keys = [parse_verifier_key(str(key)) for key in distrusted] if isinstance(distrusted, list) else []
    return Succession(
        origin=_text(body, "origin"),
        successor=_text(body, "successor"),
        checkpoints=Twin(first, second),
        frozen_at=_text(body, "frozen_at"),
        reason=_text(body, "reason"),
        distrusted=tuple(keys),
        final_note=_text(body, "final_note"),
    )


def check_succession(
    frozen: Twin[Checkpoint], first_entry: bytes, successor: str, trusted: Sequence[VerifierKey]
) -> Succession:
    """Check that one verified log ends where another verified log says.

    Args:
        frozen: the frozen log's checkpoints, verified.
        first_entry: entry 0 of the successor, verified to be in it.
        successor: the successor's origin.
        trusted: the reader's keys of both logs, or those that the folders hold.

    Raises:
        InputError: the first entry is malformed.
        IntegrityError: the logs do not join, or no trusted key that is still good signed the final note.
    """
    said = read_succession(first_entry)
    if said is None:
        raise IntegrityError("log does not begin with the end of another", origin=successor)
    expected = (said.origin, said.successor, said.checkpoints)
    got = (frozen.sha256.origin, successor, frozen)
    if expected != got or successor != successor_origin(said.origin):
        raise IntegrityError(
            "logs do not join",
            expected=_shown(said.origin, said.successor, said.checkpoints.sha256),
            got=_shown(frozen.sha256.origin, successor, frozen.sha256),
            todo="If the frozen log is longer, it was written to after the freeze: trust nothing beyond the join",
        )
    good = [key for key in dict.fromkeys(trusted) if key not in said.distrusted]
    text = frozen_statement(frozen.sha256, frozen.sha3_256, successor=successor, frozen_at=said.frozen_at)
    if open_note(said.final_note, good).text != text:
        raise IntegrityError("final note says something else than its entry", origin=said.origin)
    return said


def _shown(origin: str, successor: str, checkpoint: Checkpoint) -> str:
    return f"{origin} of {checkpoint.size} entries, root {checkpoint.root.hex()}, then {successor}"


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError("entry about a frozen log lacks a field", field=f"body.{name}")
    return value
