"""Anchors: outside parties that commit a checkpoint to a time we cannot move.

An anchor is given the SHA-256 digest of a signed checkpoint note and answers with a receipt. What a receipt proves, and
whether it can be checked offline, depends on the kind; checking is decided in ``chain.anchors``, asking in
``connectors.anchors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.value import Json


class AnchorKind(StrEnum):
    """What kind of party gave a receipt."""

    RFC3161 = "rfc3161"
    S3_OBJECT_LOCK = "s3_object_lock"
    AZURE_IMMUTABLE_BLOB = "azure_immutable_blob"
    OPENTIMESTAMPS = "opentimestamps"
    BITCOIN = "bitcoin"
    ETHEREUM = "ethereum"


@dataclass(frozen=True, slots=True)
class AnchorReceipt:
    """What a target answered.

    Args:
        target: the target's name in the settings.
        note_sha256: digest of the anchored note, in hex.
        stated_at: the time that the target states; None while it has stated none (an unconfirmed transaction).
        is_final: whether nothing more can be got from the target; else ask again with `AnchorTarget.complete`.
        facts: what a person needs to find it again: transaction, block, version id, lock mode, retain-until.
        files: what a verifier needs, by name: a time stamp token, a block header with its branch.
    """

    kind: AnchorKind
    target: str
    note_sha256: str
    stated_at: datetime | None
    is_final: bool
    facts: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


class AnchorTarget(Protocol):
    """One outside party. Every call can be repeated; a repeat may give a second, equally good receipt."""

    @property
    def name(self) -> str:
        """Name in the settings, unique among targets."""

    @property
    def kind(self) -> AnchorKind:
        """What kind of receipt it gives."""

    def anchor(self, note: bytes) -> AnchorReceipt:
        """Commit to a signed note.

        Raises:
            UnavailableError: no answer; try again later.
            IntegrityError: the answer does not commit to the note, or the target does not keep what it promised.
        """

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """Ask for what was not there yet; the same receipt where there is nothing more.

        Raises:
            UnavailableError: no answer; try again later.
            IntegrityError: the target no longer has what it gave a receipt for.
        """
