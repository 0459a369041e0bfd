"""What a change stream says no to, in the same words whatever keeps it."""

from __future__ import annotations

from domain.change import ChangeBatch
from domain.errors import ConflictError, NotFound, UnavailableError
from domain.tenancy import TenantId


def other_content(batch: ChangeBatch) -> ConflictError:
    """The id of a batch is taken."""
    return ConflictError(
        "another batch has this id",
        batch=batch.batch_id,
        source=batch.source,
        todo="Give each batch an id of its own, or none: then its content names it",
    )


def too_far_behind(tenant: TenantId, length_max: int) -> UnavailableError:
    """A stream is full, because nobody reads it."""
    return UnavailableError(
        "the consumer of this tenant's changes is too far behind",
        tenant=tenant,
        length_max=length_max,
        retry_after_s=30,
        todo="Publish again later; see whether the platform runs",
    )


def no_such_batch(position: str) -> NotFound:
    """Nothing is held at a position."""
    return NotFound("no batch is held at this position", position=position, todo="It may have been trimmed")
