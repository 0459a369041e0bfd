"""Freezing a log for ever, when its keys or its machine can no longer be trusted.

A marker in the log's private state refuses every append from then on; it is never removed. Where the log can still
write, its last entry says so; where it cannot, its successor's first entry says it alone (`chain.keys.succession`).

    closing   nothing is let in but the freeze's own entry
    frozen    nothing is; the marker holds the checkpoints that stand for ever
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from chain.canonical import encode
from chain.durable import replace_file
from chain.keys.succession import successor_origin
from chain.note import VerifierKey, parse_verifier_key
from chain.privacy.personal_values import require_impersonal
from chain.strict_json import parse
from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError, InputError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

MARKER: Final = "frozen"
_MARKER_SIZE_BYTES_MAX: Final = 1_000_000


class Stage(StrEnum):
    """How far a freeze has come."""

    CLOSING = "closing"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class FreezeOrder:
    """Why a log ends.

    Args:
        by: role or pseudonym of who decided.
        distrusted: keys that may be in wrong hands; a final note that they sign counts for nothing.
        can_write: whether the log may still take its last entry and publish it.
    """

    at: datetime
    reason: str
    by: str
    distrusted: tuple[VerifierKey, ...] = ()
    can_write: bool = True

    def as_json(self) -> dict[str, Json]:
        return {
            "frozen_at": format_instant(self.at),
            "reason": self.reason,
            "by": self.by,
            "distrusted": [key.text for key in self.distrusted],
        }


@dataclass(frozen=True, slots=True)
class Marker:
    """What the private state says of a frozen log."""

    stage: Stage
    origin: str
    order: FreezeOrder
    checkpoint: str = ""
    checkpoint_sha3: str = ""


class Head(Protocol):
    """A log's published state."""

    @property
    def checkpoint(self) -> str:
        """Note of the SHA-256 tree."""

    @property
    def checkpoint_sha3(self) -> str:
        """Note of the SHA3-256 tree."""


class FreezableLog(Protocol):
    """As much of a log's writer as a freeze needs."""

    @property
    def origin(self) -> str:
        """Name of the log."""

    def head(self) -> Head:
        """The newest published checkpoints; raises `NotFound` where there are none."""

    def append(self, events: Sequence[EvidenceEvent]) -> object:
        """Record events durably and once; asks `require_open` first."""

    def publish(self) -> Head:
        """Sign and publish everything that is recorded."""


def require_open(state_directory: Path, request_ids: Iterable[str] = ()) -> None:
    """Refuse to append to a frozen log. Asked before every append.

    Args:
        request_ids: of what is to be appended, read where the log closes: the freeze's own entry is let in.

    Raises:
        ConflictError: the log is frozen.
    """
    marker = read_marker(state_directory)
    if marker is None or (marker.stage is Stage.CLOSING and list(request_ids) == [closing_request_id(marker.origin)]):
        return
    raise ConflictError(
        "evidence log is frozen for ever",
        origin=marker.origin,
        reason=marker.order.reason,
        frozen_at=format_instant(marker.order.at),
        todo=f"Record in its successor {successor_origin(marker.origin)}",
    )


def freeze(log: FreezableLog, state_directory: Path, tenant: TenantId, order: FreezeOrder) -> Marker:
    """Freeze a log; safe to repeat after a crash, and then by the first order.

    Raises:
        InputError: the order has no reason or role, or names a person.
        NotFound: nothing was ever published, so there is nothing to freeze.
    """
    marker = read_marker(state_directory)
    if marker is None:
        _require_order(order)
        log.head()
        marker = Marker(Stage.CLOSING, log.origin, order)
        _write(state_directory, marker)
    if marker.stage is Stage.CLOSING:
        marker = _close(log, tenant, marker)
        _write(state_directory, marker)
    return marker


def closing_request_id(origin: str) -> str:
    """Request id of a log's last entry."""
    return f"{EventType.LOG_FROZEN}/{origin}"


def read_marker(state_directory: Path) -> Marker | None:
    """What the private state says; ``None`` where the log is open."""
    path = state_directory / MARKER
    if not path.exists():
        return None
    fields = parse(path.read_bytes(), size_bytes_max=_MARKER_SIZE_BYTES_MAX)
    assert isinstance(fields, dict), "a marker is an object"
    distrusted = fields["distrusted"]
    assert isinstance(distrusted, list), "keys are a list"
    order = FreezeOrder(
        at=parse_instant(str(fields["frozen_at"])),
        reason=str(fields["reason"]),
        by=str(fields["by"]),
        distrusted=tuple(parse_verifier_key(str(key)) for key in distrusted),
        can_write=fields["can_write"] is True,
    )
    texts = (str(fields[name]) for name in ("origin", "checkpoint", "checkpoint_sha3"))
    origin, checkpoint, checkpoint_sha3 = texts
    return Marker(Stage(str(fields["stage"])), origin, order, checkpoint, checkpoint_sha3)


def _close(log: FreezableLog, tenant: TenantId, marker: Marker) -> Marker:
    order, head = marker.order, log.head()
    if order.can_write:
        body: dict[str, Json] = {
            "origin": marker.origin,
            "successor": successor_origin(marker.origin),
            **order.as_json(),
        }
        event = EvidenceEvent(tenant, closing_request_id(marker.origin), EventType.LOG_FROZEN, order.at, body)
        log.append([event])
        head = log.publish()
    return Marker(Stage.FROZEN, marker.origin, order, head.checkpoint, head.checkpoint_sha3)


def _require_order(order: FreezeOrder) -> None:
    for text in (order.reason, order.by):
        if not 0 < len(text) <= 300:
            raise InputError("order to freeze a log has no reason or no role, or a longer one", length_max=300)
        require_impersonal(text, where="order")


def _write(state_directory: Path, marker: Marker) -> None:
    fields: dict[str, Json] = {
        "stage": marker.stage.value,
        "origin": marker.origin,
        "checkpoint": marker.checkpoint,
        "checkpoint_sha3": marker.checkpoint_sha3,
        "can_write": marker.order.can_write,
        **marker.order.as_json(),
    }
    replace_file(state_directory / MARKER, encode(fields), mode=0o600)
