"""Carrying out the end of a year's log, so that a stop at any step is made good by doing it again.

The order is: the event in the tenant's newest log; the mark in the log's state, from which on it is no log any more;
private files, published files; and the journal of years of which no log is left. What to end is decided in
`chain.retention`. A mark is never removed: it is what keeps the log from rising again out of the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from chain.batch import EntryBatch
from chain.canonical import encode
from chain.ended import MARK
from chain.layout import find_origin
from chain.legal_hold import Hold
from chain.retention import RETENTION_YEARS, Expiry, Kept, KeptReason, Shard, expire, forgettable_year, judge
from chain.shard import ShardLog, ShardPlace
from chain.storage.contract import BlobStore
from chain.storage.files import FileStore
from chain.strict_json import parse
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.evidence import LogName
from domain.tenancy import PLATFORM, TenantId

MARK_SIZE_BYTES_MAX = 1_000_000


def verdicts(
    writer: EvidenceWriter,
    tenant: TenantId,
    holds: Mapping[str, Hold],
    *,
    now: datetime,
    retention_years: int = RETENTION_YEARS,
) -> list[Expiry | Kept]:
    """Decide about each of a tenant's logs, oldest first; none goes before an older one.

    The platform's own go when no tenant has one as old: they prove when the tenants' existed.
    """
    found: list[Expiry | Kept] = []
    newest_first = writer.shards(tenant)
    needed = min(_years_of_tenants(writer), default=None) if tenant == PLATFORM else None
    for shard in reversed(newest_first):
        verdict = judge(_as_shard(shard, newest_first[0]), holds, now=now, retention_years=retention_years)
        if isinstance(verdict, Expiry):
            until = datetime.fromisoformat(str(verdict.event.body["retained_until"]))
            if found and isinstance(found[-1], Kept):
                verdict = Kept(verdict.shard, KeptReason.FOLLOWS, until)
            elif needed is not None and shard.year >= needed:
                verdict = Kept(verdict.shard, KeptReason.PROVES, until)
        found.append(verdict)
    return found


def end_log(writer: EvidenceWriter, expiry: Expiry) -> None:
    """Record the end of a log and know it no more. Its files are deleted by `delete_files`."""
    shard = expiry.shard
    if writer.receipt(shard.tenant, expiry.event.request_id) is None:
        if shard.tenant == PLATFORM:
            writer.platform_append([expiry.event])
        else:
            writer.append(EntryBatch.encode([expiry.event]))
    notes = {"checkpoint": expiry.final_notes.sha256, "checkpoint_sha3": expiry.final_notes.sha3_256}
    writer.end(shard.tenant, _name_of(shard), encode({"origin": shard.origin, **notes}))


def delete_files(place: ShardPlace) -> int:
    """Delete what is still there of a log that has ended, published files first; the writer may go on beside it.

    Returns:
        Number of files deleted.

    Raises:
        ConflictError: in the published folder are not the files of that log.
    """
    state = FileStore(place.state, mode=0o600)
    count = expire(_final_notes(state), place.published)
    names = [item.name for item in state.listing() if item.name != MARK]
    state.delete_all(names)
    state.tidy()
    return count + len(names)


def forget_years(writer: EvidenceWriter, *, now: datetime) -> int:
    """Delete the journal of years of which no log is left; returns in how many pieces it was."""
    if not writer.ended:
        return 0
    present = [shard.year for tenant in writer.tenants() for shard in writer.shards(tenant)]
    year = forgettable_year(present, newest=now.year)
    return writer.forget(year) if year is not None else 0


def _final_notes(state: BlobStore) -> Twin[str]:
    content = state.get(MARK).content
    fields = cast("dict[str, str]", parse(content, size_bytes_max=MARK_SIZE_BYTES_MAX))
    return Twin(fields["checkpoint"], fields["checkpoint_sha3"])


def _name_of(shard: Shard) -> LogName:
    named = find_origin(shard.origin)
    assert named is not None, "the writer's logs have names of this form"
    return named.name


def _as_shard(shard: ShardLog, newest: ShardLog) -> Shard:
    notes: Twin[str] | None = None
    if shard is not newest:
        head = shard.head()
        notes = Twin(head.checkpoint, head.checkpoint_sha3)
    return Shard(shard.tenant, shard.year, shard.origin, notes)


def _years_of_tenants(writer: EvidenceWriter) -> list[int]:
    return [shard.year for tenant in writer.tenants() if tenant != PLATFORM for shard in writer.shards(tenant)]
