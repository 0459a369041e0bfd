"""Callers' evidence on its way to the writer: entries are written and hashed here, beside the caller.

A caller who names no time means "now" the first time and that same time ever after. Nobody asks for a former time in
advance: the entry is sent with the present, and only where the writer knows the request with another content are the
former times fetched and the entries sent once more with them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from chain.batch import EntryBatch, Placements
from chain.entry_form import EntryForm
from chain.tree_hash import BOTH, Twin
from domain.clock import format_instant
from domain.errors import ConflictError
from domain.tenancy import TenantId
from serve.api.submission import Submission
from serve.privacy import Protection


class Recorder(Protocol):
    """What of a platform is needed to record."""

    async def record(self, batch: EntryBatch) -> Placements: ...

    def recorded_at(self, tenant: TenantId, request_ids: Sequence[str]) -> list[datetime | None]: ...


async def record(
    recorder: Recorder,
    protection: Protection,
    tenant: TenantId,
    submissions: Sequence[Submission],
    now: datetime,
) -> tuple[EntryBatch, Placements]:
    """Record evidence; on return it is durable. Returns what was recorded, and where it stands.

    Raises:
        InputError: an e-mail address stands where no person is declared.
        ConflictError: an id is already recorded with another content.
        UnavailableError: the queue is full, or the writer did not answer in time; nothing is recorded twice.
    """
    if protection.needed(submissions):
        submissions = await run_in_threadpool(protection.protected, tenant, submissions)
    batch = batch_of(tenant, submissions, now)
    try:
        return batch, await recorder.record(batch)
    except ConflictError:
        untimed = [submission.request_id for submission in submissions if submission.at is None]
        known = await run_in_threadpool(recorder.recorded_at, tenant, untimed) if untimed else []
        former = {name: format_instant(at) for name, at in zip(untimed, known, strict=True) if at is not None}
        if not former:
            raise
    batch = batch_of(tenant, submissions, now, former)
    return batch, await recorder.record(batch)


def batch_of(
    tenant: TenantId, submissions: Sequence[Submission], now: datetime, former: Mapping[str, str] | None = None
) -> EntryBatch:
    """Evidence as entries.

    Args:
        former: times of requests that were recorded before; the others that name no time get the present.
    """
    form, present, known = EntryForm(tenant), format_instant(now), former or {}
    _, request_ids, kinds, bodies, stated = zip(*submissions, strict=True)
    times = [at or known.get(name, present) for name, at in zip(request_ids, stated, strict=True)]
    if len(set(kinds)) == 1:
        entries = form.write_all(kinds[0], request_ids=request_ids, times=times, bodies=bodies)
    else:
        columns = zip(kinds, request_ids, times, bodies, strict=True)
        entries = [form.write(kind, request_id=name, at=at, body=body) for kind, name, at, body in columns]
    return EntryBatch(
        tenants=(tenant,),
        owners=array("I", bytes(4 * len(entries))),
        request_ids=request_ids,
        lengths=array("H", map(len, entries)),
        content=b"".join(entries),
        leaves=Twin(b"".join(BOTH.sha256.leaves(entries)), b"".join(BOTH.sha3_256.leaves(entries))),
    )
