"""How logs end, as part of the evidence actor: legal holds, and the deletion of whole years whose retention is over.

What may go is decided in `chain.retention`, the order of the steps in `chain.expiry`. Deleting files takes no lock, so
appends go on meanwhile; whatever was stopped half-way is finished by the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from actors.evidence_reader import EvidenceReader
from actors.messages import Ending, ExpiryReport
from actors.open_writer import OpenWriter
from chain.batch import EntryBatch
from chain.expiry import delete_files, end_log, forget_years, verdicts
from chain.legal_hold import Hold, lift_hold, place_hold
from chain.retention import RETENTION_YEARS, Expiry, Kept
from chain.writer import EvidenceWriter
from domain.clock import parse_instant
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId


class LogRetention:
    """Holds, and the end of logs."""

    _opened: OpenWriter
    _reader: EvidenceReader

    def holds(self, tenant: TenantId) -> Mapping[str, Hold]:
        """The tenant's holds in force, by id."""
        return self._reader.holds(tenant)

    def place_hold(self, tenant: TenantId, hold_id: str, *, year: int, by: str, why: str) -> Receipt:
        """Keep a year's log beyond its retention.

        Raises:
            InputError: the id, the year, or who or why is missing or out of bounds.
            ConflictError: a hold of that id was placed before, on whatever log.
            NotFound: the tenant has no log of that year.
        """
        with self._opened.held() as writer:
            writer.shard(tenant, year)
            holds, at = self._reader.holds(tenant), self._opened.clock.now()
            known, receipt = holds.get(hold_id), writer.receipt(tenant, f"hold/{hold_id}/placed")
            if receipt and known and (known.year, known.by, known.why) == (year, by, why):
                return receipt  # the answer to the first call was lost
            return _record(writer, place_hold(tenant, hold_id, year=year, by=by, why=why, at=at, holds=holds))

    def lift_hold(self, tenant: TenantId, hold_id: str, *, by: str, why: str) -> Receipt:
        """End a hold.

        Raises:
            ConflictError: no such hold is in force.
        """
        with self._opened.held() as writer:
            holds, at = self._reader.holds(tenant), self._opened.clock.now()
            return _record(writer, lift_hold(tenant, hold_id, by=by, why=why, at=at, holds=holds))

    def expire(self, *, retention_years: int = RETENTION_YEARS, is_dry_run: bool = False) -> ExpiryReport:
        """End every log whose time is over, of all tenants and then of the platform; say what was decided of each.

        Raises:
            ConflictError: where published files of an ended log should be, there are others.
            UnavailableError: something could not be deleted now; repeat.
        """
        if not is_dry_run:
            with self._opened.held() as writer:
                writer.publish_platform()  # opens the year of tenants that are silent, so that their former log is over
        with self._opened.held() as writer:
            tenants = sorted(writer.tenants(), key=lambda tenant: tenant == PLATFORM)
        endings = [ending for tenant in tenants for ending in self._decide(tenant, retention_years, is_dry_run)]
        if is_dry_run:
            return ExpiryReport(tuple(endings))
        files, journal = self.finish_endings()
        return ExpiryReport(tuple(endings), files, journal)

    def finish_endings(self) -> tuple[int, int]:
        """Delete what a stopped call left of logs that have ended: so many files, so many pieces of the journal."""
        files = self._delete()
        with self._opened.held() as writer:
            return files, forget_years(writer, now=self._opened.clock.now())

    def _decide(self, tenant: TenantId, retention_years: int, is_dry_run: bool) -> Sequence[Ending]:
        self._reader.holds(tenant)  # folds what is new between appends; under the lock below little is left
        with self._opened.held() as writer:
            holds, now = self._reader.holds(tenant), self._opened.clock.now()
            found = verdicts(writer, tenant, holds, now=now, retention_years=retention_years)
            for verdict in found:
                if isinstance(verdict, Expiry) and not is_dry_run:
                    end_log(writer, verdict)
        return [_ending(verdict) for verdict in found]

    def _delete(self) -> int:
        with self._opened.held() as writer:
            ended = [(tenant, name, writer.place(tenant, name)) for tenant, name in writer.ended]
        count = 0
        for tenant, name, place in ended:
            count += delete_files(place)
            self._reader.discard(tenant, name)
        return count


def _record(writer: EvidenceWriter, event: EvidenceEvent) -> Receipt:
    if event.tenant == PLATFORM:
        return writer.platform_append([event])[0]
    batch = EntryBatch.encode([event])
    return writer.append(batch).receipts(batch)[0]


def _ending(verdict: Expiry | Kept) -> Ending:
    shard = verdict.shard
    if isinstance(verdict, Kept):
        return Ending(shard.tenant, shard.year, shard.origin, False, verdict.reason.value, verdict.until, verdict.holds)
    until: datetime = parse_instant(str(verdict.event.body["retained_until"]))
    return Ending(shard.tenant, shard.year, shard.origin, True, "its retention is over", until)
