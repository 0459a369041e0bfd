"""Custody of the logs' keys, as the one writer carries it out: listing, rotation, the end of an overlap, the freeze.

Every step may be repeated after its answer was lost; what the entries or the marker say already is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import orjson

from actors.open_writer import OpenWriter
from chain.keys.ceremony import add_pair, end_overlap
from chain.keys.freeze import FreezeOrder, freeze
from chain.keys.history import KeyHistory
from chain.keys.key_event import REPORT_USE, Occasion
from chain.keys.key_list import is_key_of
from chain.keys.log_key_places import LogKeyPlaces
from chain.keys.ring import KeyStatus
from chain.keys.tenant_log import TenantLog
from chain.layout import KEYS_FILE
from chain.note import VerifierKey, parse_verifier_key
from chain.shard import ShardLog
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.clock import format_instant
from domain.errors import InputError, NotFound
from domain.tenancy import PLATFORM, TenantId


class CustodyStep(StrEnum):
    """What is done."""

    ROTATE = "rotate"
    END_OVERLAP = "end_overlap"
    WITHDRAW = "withdraw"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class CustodyOrder:
    """What is done, when, why and by whom.

    Args:
        by: a role or a pseudonym; entries hold no names of persons.
        is_confirmed: of a freeze, which cannot be undone.
        trusts_keys: of a freeze: the keys are good, so they sign where the log ended; otherwise they count for nothing.
        can_write: of a freeze: the log can still take its last entry and sign it.
    """

    step: CustodyStep
    at: datetime
    reason: str
    by: str
    is_confirmed: bool = False
    trusts_keys: bool = False
    can_write: bool = True


@dataclass(frozen=True, slots=True)
class LogKeyRow:
    """A key of one tree of a log.

    Args:
        first_size, last_size: smallest and largest tree that it may sign; no last one while it signs.
    """

    origin: str
    log: str
    key: str
    status: str
    first_size: int
    last_size: int | None = None
    frozen_at: str | None = None


class LogCustody:
    """Custody of keys, as part of the evidence actor."""

    _opened: OpenWriter

    def log_keys(self, tenant: TenantId) -> list[LogKeyRow]:
        """The keys of the tenant's logs and what each is to its log."""
        with self._opened.held() as writer:
            return list_keys(writer, tenant)

    def keep_keys(self, tenant: TenantId, order: CustodyOrder) -> list[LogKeyRow]:
        """Rotate the keys of the tenant's newest log, end an overlap, or freeze the log and begin its successor."""
        with self._opened.held() as writer:
            return carry_out(writer, self._opened.log_keys, tenant, order)

    def report_keys(self) -> list[str]:
        """Digests of the keys that sign report packs, oldest first, as the platform log has them."""
        with self._opened.held() as writer:
            return report_keys(writer)


def list_keys(writer: EvidenceWriter, tenant: TenantId) -> list[LogKeyRow]:
    """The keys of a tenant's logs, newest log first; in each the keys in the order in which they came."""
    return [row for shard in writer.shards(tenant) for row in _rows(shard)]


def report_keys(writer: EvidenceWriter) -> list[str]:
    """SHA-256 of every key that signed report packs, oldest first, by the platform log."""
    found = []
    for shard in reversed(writer.shards(PLATFORM)):
        for index in shard.log.key_entries:
            body = orjson.loads(shard.entry(index))["body"]
            if body.get("use") == REPORT_USE:
                found.append(str(body["key_sha256"]))
    return found


def carry_out(writer: EvidenceWriter, places: LogKeyPlaces, tenant: TenantId, order: CustodyOrder) -> list[LogKeyRow]:
    """Take one step, publish, and list the keys as they are then.

    Raises:
        InputError: a freeze that is not confirmed, or a reason or role that is not valid.
        ConflictError: an overlap cannot end yet, or there is none.
        IntegrityError: a key that must sign is not held.
    """
    if order.step is CustodyStep.FREEZE:
        _freeze(writer, tenant, order)
    else:
        writer.current(tenant)
        log = TenantLog(writer, tenant)
        keys, occasion = places.of(log.origin), Occasion(order.at, order.reason, order.by)
        if order.step is CustodyStep.ROTATE:
            add_pair(log, keys, occasion)
        else:
            end_overlap(log, keys, occasion, keep_former=order.step is CustodyStep.WITHDRAW)
    writer.publish(tenant)
    return list_keys(writer, tenant)


def _freeze(writer: EvidenceWriter, tenant: TenantId, order: CustodyOrder) -> None:
    """Freeze the newest log; publishing then begins its successor."""
    if not order.is_confirmed:
        raise InputError(
            "a frozen log stays frozen for ever",
            tenant=tenant,
            todo="Confirm it, once you have read the chapter Emergency of docs/keys.md",
        )
    if order.can_write:
        writer.current(tenant)
    shard, log = writer.shard(tenant), TenantLog(writer, tenant)
    distrusted = () if order.trusts_keys else tuple(_known_keys(shard))
    freeze(log, log.state_directory, tenant, FreezeOrder(order.at, order.reason, order.by, distrusted, order.can_write))


def _rows(shard: ShardLog) -> Iterator[LogKeyRow]:
    marker = shard.frozen
    frozen_at = None if marker is None else format_instant(marker.order.at)
    history = shard.key_history()
    for tree in (history.sha256, history.sha3_256):
        if tree.ring is None:
            for key in _published_keys(shard, tree):
                yield LogKeyRow(shard.origin, str(shard.name), key.text, KeyStatus.ACTIVE, 0, None, frozen_at)
            continue
        for span in tree.spans:
            status = tree.ring.statuses[span.key].value
            row = LogKeyRow(shard.origin, str(shard.name), span.key.text, status, span.first_size, span.last_size)
            yield replace(row, frozen_at=frozen_at)


def _known_keys(shard: ShardLog) -> list[VerifierKey]:
    history = shard.key_history()
    trees = (history.sha256, history.sha3_256)
    return [key for tree in trees for key in tree.keys or _published_keys(shard, tree)]


def _published_keys(shard: ShardLog, tree: KeyHistory) -> list[VerifierKey]:
    """The first key of a tree that never had another one: as it was published, since the key itself may be lost."""
    try:
        lines = shard.place.published.get(KEYS_FILE).content.decode("utf-8").splitlines()
    except NotFound:
        lines = []
    names = Twin(tree.origin, tree.origin)
    return [parse_verifier_key(line) for line in lines if is_key_of(line, names)]
