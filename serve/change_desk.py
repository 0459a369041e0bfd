"""Changes as callers send and see them, as JSON rows: the stream here, or over HTTP with `serve.remote_changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, Self

from connectors.stream.codec import decode
from connectors.stream.contract import Delivered
from connectors.stream.intake import Refusal, take_in
from connectors.stream.opening import Streams
from connectors.stream.parked import ParkedMessage
from domain.change import ChangeBatch
from domain.clock import Clock, format_instant
from domain.errors import ConflictError, InputError, NotFound
from domain.tenancy import TenantId

Row = Mapping[str, Any]

LINES_MAX: Final = 20_000
LISTED_MAX: Final = 500
SHOWN_BYTES_MAX: Final = 2_000


class ChangesFace(Protocol):
    """What commands ask of the change stream, here or over HTTP."""

    def publish(self, tenant: TenantId, lines: bytes) -> Row:
        """Publish NDJSON lines; the same lines again publish nothing new.

        Raises:
            InputError: too many lines.
            UnavailableError: the stream cannot be reached or is full; publishing again is safe.
        """

    def waiting(self, tenant: TenantId, *, after: str = "", limit: int = 100) -> Row:
        """What the stream holds, and its batches behind a position."""

    def parked(self, tenant: TenantId) -> Row:
        """Messages that were put aside, with the reason, oldest first."""

    def retry(self, tenant: TenantId, parked_ids: Sequence[str] | None = None) -> Row:
        """Publish what was put aside once more, all of it or some; what fails again stays.

        Raises:
            NotFound: an id that names nothing.
        """

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> Row:
        """Forget what was put aside."""

    def close(self) -> None:
        """Let go of connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class ChangeDesk:
    """Publishing and looking at changes. Safe for several threads."""

    def __init__(self, streams: Streams, clock: Clock) -> None:
        self._streams = streams
        self._changes = streams.changes
        self._clock = clock

    def publish(self, tenant: TenantId, lines: bytes) -> Row:
        """Publish NDJSON lines; the answer names each batch's position and each line that was put aside."""
        split = lines.split(b"\n")
        if len(split) > LINES_MAX:
            expected = f"at most {LINES_MAX}"
            raise InputError("too many lines", got=len(split), expected=expected, todo="Send them in parts")
        found = take_in(split, tenant=tenant, now=self._clock.now())
        batches, refused = [], [self._refuse(tenant, each) for each in found.refusals]
        for batch in found.batches:
            try:
                batches.append({**_batch_row(batch), "position": self._changes.publish(batch)})
            except (ConflictError, InputError) as error:
                refused.append(self._refuse_batch(batch, error))
        return {
            "batches": batches,
            "events": sum(each["events"] for each in batches),
            "refused": refused,
            "silent": found.silent,
        }

    def waiting(self, tenant: TenantId, *, after: str = "", limit: int = 100) -> Row:
        """What the stream holds, and its batches behind a position."""
        extent = self._changes.extent(tenant)
        begin = max(after, extent.lost)
        found = self._changes.read(tenant, begin, limit=min(limit, LISTED_MAX))
        return {
            "last": extent.last,
            "length": extent.length,
            "items": [_delivered_row(each) for each in found],
            "next_cursor": found[-1].position if len(found) == min(limit, LISTED_MAX) else None,
        }

    def parked(self, tenant: TenantId) -> Row:
        """Messages that were put aside, with the reason, oldest first."""
        parking = self._changes.parked(tenant)
        return {"items": [_parked_row(each) for each in parking.messages], "dropped": parking.dropped}

    def retry(self, tenant: TenantId, parked_ids: Sequence[str] | None = None) -> Row:
        """Publish what was put aside once more; what fails again stays where it is."""
        kept = {message.id: message for message in self._changes.parked(tenant).messages}
        unknown = sorted(set(parked_ids or ()) - kept.keys())
        if unknown:
            raise NotFound("no such parked message", id=unknown[0], todo="Run: pcg changes parked")
        chosen = kept if parked_ids is None else dict.fromkeys(parked_ids)
        rows = [self._retried(tenant, kept[each]) for each in chosen]
        self._changes.discard(tenant, [row["id"] for row in rows if row["reason"] is None])
        return {"items": rows}

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> Row:
        """Forget what was put aside."""
        return {"discarded": self._changes.discard(tenant, parked_ids)}

    def close(self) -> None:
        """Let go of connections."""
        self._streams.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse(self, tenant: TenantId, refusal: Refusal) -> Row:
        parked_id = self._changes.refuse(tenant, refusal.payload, source=refusal.source, reason=refusal.reason)
        return {"line": refusal.line, "id": parked_id, "source": refusal.source, "reason": refusal.reason}

    def _refuse_batch(self, batch: ChangeBatch, error: ConflictError | InputError) -> Row:
        """A batch that the stream does not take is the publisher's to correct: it is told, and not kept."""
        return {"batch_id": batch.batch_id, "id": None, "source": batch.source, "reason": str(error)}

    def _retried(self, tenant: TenantId, message: ParkedMessage) -> Row:
        try:
            batches = self._batches(tenant, message)
            positions = [self._changes.publish(batch) for batch in batches]
        except (InputError, ConflictError) as error:
            return {"id": message.id, "positions": [], "reason": str(error)}
        return {"id": message.id, "positions": positions, "reason": None}

    def _batches(self, tenant: TenantId, message: ParkedMessage) -> tuple[ChangeBatch, ...]:
        if message.is_batch:
            batch = decode(message.payload)
            return (replace(batch, batch_id=f"{batch.batch_id}~{message.id}"),)
        found = take_in([message.payload], tenant=tenant, now=self._clock.now())
        if found.refusals:
            raise InputError(found.refusals[0].reason)
        return found.batches


def _batch_row(batch: ChangeBatch) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "source": batch.source,
        "published_at": format_instant(batch.published_at),
        "events": len(batch.events),
    }


def _delivered_row(delivered: Delivered) -> Row:
    try:
        return {"position": delivered.position, **_batch_row(delivered.batch), "problem": None}
    except InputError as error:
        return {"position": delivered.position, "problem": str(error)}


def _parked_row(message: ParkedMessage) -> Row:
    return {
        "id": message.id,
        "source": message.source,
        "reason": message.reason,
        "parked_at": format_instant(message.parked_at),
        "is_batch": message.is_batch,
        "size_bytes": len(message.payload),
        "begins": message.payload[:SHOWN_BYTES_MAX].decode("utf-8", "replace"),
    }
