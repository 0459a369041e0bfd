"""The key of report packs in the platform log: entered when it is first used, so that a reader can compare it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from chain.keys.key_event import Occasion, report_key_added_body
from chain.keys.signer import RsaKey
from domain.errors import ConflictError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import PLATFORM

_REASON: Final = "first use"
_BY: Final = "role:platform"


class ReportKeyRecorder(Protocol):
    """What of a platform is needed to record a report key."""

    def report_keys(self) -> Sequence[str]: ...

    def record_platform(self, events: Sequence[EvidenceEvent]) -> object: ...


def record_report_key(recorder: ReportKeyRecorder, key: RsaKey, certificate: bytes, *, at: datetime) -> None:
    """Enter a key that the platform log does not have yet; it replaces the one that was entered last."""
    digest, known = hashlib.sha256(key.public_der).hexdigest(), recorder.report_keys()
    if digest in known:
        return
    body = report_key_added_body(key, certificate, Occasion(at, _REASON, _BY), replaces=known[-1] if known else "")
    event = EvidenceEvent(PLATFORM, f"{EventType.KEY_ADDED}/{digest}", EventType.KEY_ADDED, at, body)
    try:
        recorder.record_platform([event])
    except ConflictError:  # another process entered the same key meanwhile; its signature has another salt
        if digest not in recorder.report_keys():
            raise
