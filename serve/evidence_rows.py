"""Evidence and logs as JSON rows: what HTTP callers get and commands print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeAlias

from actors.evidence_pages import EvidenceRow
from actors.evidence_reader import LogStatus
from actors.log_custody import LogKeyRow
from actors.messages import EvidenceView
from domain.evidence import EvidenceEvent, Receipt

Row: TypeAlias = "dict[str, Any]"


def head_row(found: LogStatus) -> Row:
    """A year's log: what is recorded, and what of it is published under which checkpoints."""
    published = found.head
    files = f"/api/v2/log/{found.origin}"
    return {
        "origin": found.origin,
        "log": str(found.name),
        "year": found.name.year,
        "recorded": found.recorded,
        "blocks": found.blocks,
        "size": 0 if published is None else published.size,
        "root_sha256": None if published is None else published.root_sha256,
        "root_sha3_256": None if published is None else published.root_sha3_256,
        "checkpoint": None if published is None else published.checkpoint,
        "checkpoint_sha3": None if published is None else published.checkpoint_sha3,
        "links": {} if published is None else {"checkpoint": f"{files}/checkpoint", "keys": f"{files}/verifier_keys"},
    }


def evidence_row(found: EvidenceRow) -> Row:
    """One line of a list of evidence."""
    return {
        "evidence_id": str(found.id),
        "type": found.type,
        "at": found.at,
        "id": found.callers_id,
        "subject": found.subject,
        "result": found.result,
    }


def entry_row(found: EvidenceView) -> Row:
    """One entry as recorded, with its hashes in both trees."""
    return {
        "evidence_id": str(found.id),
        "index": found.id.index,
        "entry": dict(found.entry),
        "leaf_sha256": found.leaf_sha256,
        "leaf_sha3_256": found.leaf_sha3_256,
    }


def key_row(found: LogKeyRow) -> Row:
    """A key of a log, and what it is to it."""
    return asdict(found)


def erasure_row(done: EvidenceEvent, recorded: Receipt) -> Row:
    """An erasure, and the entry that records it."""
    return {
        "evidence_id": str(recorded.id),
        "pseudonym": done.body["pseudonym"],
        "commitments": done.body["commitments"],
        "erased_at": done.body["erased_at"],
    }
