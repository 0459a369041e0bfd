"""What operators do with the logs, as JSON rows: anchors, legal holds, the end of years, and asking witnesses.

Over handles here; `serve.remote_logs` has the same face over HTTP.
"""

from __future__ import annotations

from typing import Any, Protocol

from actors.anchor_history import anchor_history
from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from actors.messages import AnchorRecord, AnchorTargetView, Ending, ExpiryReport, UpkeepState
from actors.upkeep import LogUpkeep
from actors.witnessing import ChainLog
from chain.cosignature import parse_cosigner_key
from chain.legal_hold import Hold
from chain.proof import ConsistencyProof
from chain.shard import LogHead
from chain.tree_hash import Twin
from chain.witness.publishing import WitnessedLog
from domain.clock import format_instant
from domain.evidence import EntryId
from domain.tenancy import TenantId

Row = dict[str, Any]

ANCHORS_MAX = 100
WRITER_DEADLINE_S = 900.0


class LogsFace(Protocol):
    """The operators' side of a platform, here or reached over HTTP."""

    def anchors(self, tenant: TenantId, *, before: str | None = None, limit: int = ANCHORS_MAX) -> Row:
        """How every target stands, what fails now, and a page of receipts and gaps, newest first."""

    def anchor(self, tenant: TenantId) -> Row:
        """Publish the platform log and ask every target now."""

    def holds(self, tenant: TenantId) -> list[Row]:
        """The tenant's legal holds in force."""

    def place_hold(self, tenant: TenantId, hold_id: str, *, year: int, by: str, reason: str) -> Row:
        """Keep a year's log beyond its retention; the row names the entry."""

    def lift_hold(self, tenant: TenantId, hold_id: str, *, by: str, reason: str) -> Row:
        """End a hold; the row names the entry."""

    def expire(self, tenant: TenantId, *, is_dry_run: bool) -> Row:
        """End the logs of all tenants whose retention is over, or say which would go."""

    def witnessed_log(self, tenant: TenantId) -> WitnessedLog:
        """The tenant's newest log, to be cosigned."""


class LogOperations:
    """The operators' side of a platform whose actors are reached through handles."""

    def __init__(self, chain: Handle[EvidenceChain], upkeep: Handle[LogUpkeep]) -> None:
        self._chain = chain.within(WRITER_DEADLINE_S)
        self._upkeep = upkeep.within(WRITER_DEADLINE_S)

    def upkeep(self, *, deadline_s: float = 5.0) -> UpkeepState:
        """How the work on the logs stands."""
        return self._upkeep.within(deadline_s).call(LogUpkeep.state)

    def anchors(self, tenant: TenantId, *, before: str | None = None, limit: int = ANCHORS_MAX) -> Row:
        """How every target stands, what fails now, and a page of receipts and gaps; the same for every tenant."""
        del tenant
        state = self.upkeep()
        page = anchor_history(self._chain, before=None if before is None else EntryId.parse(before), limit=limit)
        return {
            "targets": [_target_row(target) for target in state.targets],
            "items": [_record_row(record) for record in page.items],
            "next_cursor": None if page.next_cursor is None else str(page.next_cursor),
        }

    def anchor(self, tenant: TenantId) -> Row:
        """Publish the platform log and ask every target now."""
        del tenant
        done = self._upkeep.call(LogUpkeep.anchor)
        return {
            "size": done.size,
            "receipts": [
                {"target": target, "kind": kind, "is_final": is_final} for target, kind, is_final in done.receipts
            ],
            "gaps": [
                {"target": target, "from": format_instant(begins), "to": format_instant(ends), "reason": reason}
                for target, begins, ends, reason in done.gaps
            ],
            "failures": dict(done.failures),
        }

    def holds(self, tenant: TenantId) -> list[Row]:
        """The tenant's legal holds in force."""
        return [_hold_row(hold) for _, hold in sorted(self._chain.call(EvidenceChain.holds, tenant).items())]

    def place_hold(self, tenant: TenantId, hold_id: str, *, year: int, by: str, reason: str) -> Row:
        """Keep a year's log beyond its retention."""
        receipt = self._chain.call(EvidenceChain.place_hold, tenant, hold_id, year=year, by=by, why=reason)
        return {"hold": hold_id, "evidence_id": str(receipt.id)}

    def lift_hold(self, tenant: TenantId, hold_id: str, *, by: str, reason: str) -> Row:
        """End a hold."""
        receipt = self._chain.call(EvidenceChain.lift_hold, tenant, hold_id, by=by, why=reason)
        return {"hold": hold_id, "evidence_id": str(receipt.id)}

    def expire(self, tenant: TenantId, *, is_dry_run: bool) -> Row:
        """End the logs of all tenants whose retention is over, or say which would go."""
        del tenant
        return _expiry_row(self._upkeep.call(LogUpkeep.expire, is_dry_run=is_dry_run), is_dry_run=is_dry_run)

    def witnessed_log(self, tenant: TenantId) -> ChainLog:
        """The tenant's newest log, to be cosigned."""
        return ChainLog(self._chain, tenant, self._chain.call(EvidenceChain.newest_head, tenant).origin)

    def consistency(self, tenant: TenantId, origin: str, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove that a tenant's newest log of one size begins with that of the other."""
        return self._chain.call(EvidenceChain.consistency, tenant, origin, old_size, new_size)

    def cosign(self, tenant: TenantId, origin: str, cosigned: str, cosigners: list[str]) -> LogHead:
        """Keep and publish cosignatures; cosigners are keys in the text form of a policy file."""
        keys = [parse_cosigner_key(text) for text in cosigners]
        return self._chain.call(EvidenceChain.add_cosignatures, tenant, origin, cosigned, keys)


def _target_row(target: AnchorTargetView) -> Row:
    return {
        "name": target.name,
        "kind": target.kind,
        "circuit": target.circuit,
        "failures": target.failures,
        "reason": target.reason,
        "pending": target.pending,
        "settled_until": None if target.settled_until is None else format_instant(target.settled_until),
    }


def _record_row(record: AnchorRecord) -> Row:
    return {"evidence_id": str(record.id), "type": record.type, "at": record.at, "body": dict(record.body)}


def _hold_row(hold: Hold) -> Row:
    return {
        "hold": hold.id,
        "year": hold.year,
        "by": hold.by,
        "reason": hold.why,
        "recorded_in": hold.recorded_in,
    }


def _expiry_row(report: ExpiryReport, *, is_dry_run: bool) -> Row:
    return {
        "is_dry_run": is_dry_run,
        "logs": [_ending_row(ending) for ending in report.endings],
        "files_deleted": report.files,
        "journal_deleted": report.journal,
    }


def _ending_row(ending: Ending) -> Row:
    return {
        "tenant": str(ending.tenant),
        "year": ending.year,
        "origin": ending.origin,
        "is_over": ending.is_over,
        "reason": ending.reason,
        "until": format_instant(ending.until),
        "holds": list(ending.holds),
    }
