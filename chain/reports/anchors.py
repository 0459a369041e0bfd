"""Anchors as files of a pack: the receipt, and the way from it to the tenant's own entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from chain.anchors.export import to_files
from chain.anchors.receipt import Anchored
from chain.checkpoint import Checkpoint, parse_checkpoint
from chain.checkpoint_commitment import CheckpointOpening
from chain.note import parse_note
from chain.pack import ANCHORS
from chain.pack_anchors import ENTRY, LINK, OPENING, PROOF, RECEIPT, encode_link, encode_opening
from chain.proof import ConsistencyProof, InclusionProof, format_proof
from chain.tree_hash import Twin
from domain.errors import InputError


class ProvingLog(Protocol):
    """A log that proves from itself; any of `chain.shard`."""

    def entry(self, index: int) -> bytes: ...
    def inclusion_proof(self, index: int, size: int | None = None) -> Twin[InclusionProof]: ...
    def consistency_proof(self, old_size: int, new_size: int | None = None) -> Twin[ConsistencyProof]: ...


@dataclass(frozen=True, slots=True)
class PlatformOpening:
    """How an anchored checkpoint of the platform log leads to a checkpoint of the tenant's log."""

    opening: CheckpointOpening
    platform: ProvingLog


@dataclass(frozen=True, slots=True)
class AnchorSource:
    """One receipt.

    Args:
        opening: None where the receipt is of the reported log's own checkpoint.
    """

    anchored: Anchored
    opening: PlatformOpening | None = None


def anchor_files(sources: Iterable[AnchorSource], logs: Mapping[str, tuple[ProvingLog, int]]) -> dict[str, bytes]:
    """Files of all receipts below ``anchors/``.

    Args:
        logs: the pack's logs by origin, each with the size of its checkpoint.

    Raises:
        InputError: a receipt is of no log of the pack, or of a checkpoint newer than the pack's.
    """
    files: dict[str, bytes] = {}
    for number, source in enumerate(sources):
        name = re.sub(r"[^A-Za-z0-9-]+", "-", source.anchored.receipt.target).strip("-")[:60]
        found = _files(source, logs)
        files |= {f"{ANCHORS}{number:02d}-{name}/{path}": content for path, content in found.items()}
    return files


def _files(source: AnchorSource, logs: Mapping[str, tuple[ProvingLog, int]]) -> dict[str, bytes]:
    files = {f"{RECEIPT}{name}": content for name, content in to_files(source.anchored).items()}
    note = source.anchored.note.decode("utf-8")
    if source.opening is not None:
        files |= _opening(source.opening, note)
        note = source.opening.opening.note
    anchored = _checkpoint(note)
    log, size = logs.get(anchored.origin, (None, 0))
    if log is None or anchored.size > size:
        raise InputError(
            "anchor is of no log of this pack, or of a newer checkpoint",
            origin=anchored.origin,
            size=anchored.size,
            expected=sorted(logs),
            todo="Give receipts of the reported logs, up to their checkpoints in the pack",
        )
    return {**files, LINK: encode_link(log.consistency_proof(anchored.size, size).sha256)}


def _opening(found: PlatformOpening, platform_note: str) -> dict[str, bytes]:
    index, size = found.opening.platform_id.index, _checkpoint(platform_note).size
    proof = found.platform.inclusion_proof(index, size).sha256
    return {
        OPENING: encode_opening(found.opening.note, found.opening.nonce),
        ENTRY: found.platform.entry(index),
        PROOF: format_proof(proof, platform_note).encode("utf-8"),
    }


def _checkpoint(note: str) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)
