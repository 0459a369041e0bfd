"""The one writer of a store's evidence logs.

A plain class: a process uses it directly, an actor wraps it. Not for several threads at once; the actor's mailbox, or
whoever holds the writer, puts calls in order. An acknowledged entry is in the journal and synced; publishing makes it
visible to others under signed checkpoints.

Each tenant has one log a calendar year of the writer's clock, and the platform has one of its own, whose entries are
commitments to the tenants' checkpoints. All are recorded in one journal, so a batch of any tenants costs one sync.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import orjson

from chain.batch import EntryBatch, Placements
from chain.checkpoint import require_origin
from chain.checkpoint_commitment import CheckpointOpening
from chain.ended import ended_logs, keep_mark
from chain.entry import CHECKPOINT_REQUEST_PREFIX, encode_opening, encode_tenant_checkpoint
from chain.envelope import NO_ARTIFACTS, read_envelope
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.journal import JournalStore
from chain.keys.freeze import require_open
from chain.keys.successor import carried_entries, succession_entry
from chain.layout import LogOrigin, find_origin
from chain.merkle import Growth
from chain.shard import LogHead, OpenSigners, ShardLog, ShardPlace
from chain.storage.contract import BlobStore
from chain.tree_hash import Twin
from domain.clock import Clock, SystemClock
from domain.errors import ConflictError, IntegrityError, NotFound
from domain.evidence import EvidenceEvent, LogName, Receipt
from domain.tenancy import PLATFORM, TenantId

LOGS: Final = "logs"

_NAMED: Final = b',"request_id":"'

FolderOf = Callable[[TenantId], Path | BlobStore]


@dataclass(slots=True)
class _Plan:
    """What one append adds to one tenant's log.

    Args:
        size: the log's size before.
        formers: frozen logs of the year, and those of the year before, where a repeated request may be.
        tail: how an entry of the tenant goes on behind its request id.
        places: of the new entries, in the batch.
        fresh: indexes of the new entries by request, where they were taken one by one.
        artifacts: contents that new entries name, by SHA-256.
        hashed: SHA-256 and size of each of the batch's sets of artifacts, by identity.
    """

    shard: ShardLog
    size: int
    formers: Sequence[ShardLog]
    tail: bytes
    entries: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    fresh: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    hashed: dict[int, set[tuple[str, int]]] = field(default_factory=dict)


class EvidenceWriter:
    """Appends to, and publishes, every log of a store.

    Args:
        directory: journal, keys, lock and epoch; its owner's alone.
        folder_of: where a tenant's logs are published, a directory or a store, one folder a log below; asked for
            `PLATFORM` too.
        origin_prefix: first part of every log's name.
        signers: gives the keys of an origin; default is key files below the directory, made at first use.
        clock: decides the year, and when blocks were sealed.
        journal: another one than the files below the directory.
    """

    def __init__(
        self,
        directory: Path,
        folder_of: FolderOf,
        *,
        origin_prefix: str,
        signers: OpenSigners | None = None,
        clock: Clock | None = None,
        journal: JournalStore | None = None,
    ) -> None:
        self._directory = directory
        self._folder_of = folder_of
        self._prefix = require_origin(origin_prefix)
        self._signers = signers
        self._clock = clock or SystemClock()
        self._journal = journal or FileJournal(directory)
        self._logs: dict[TenantId, dict[LogName, ShardLog]] = {}
        self._ended = ended_logs(directory / LOGS)
        self._is_swept = False
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._replay()
            on_failure.pop_all()

    def __enter__(self) -> EvidenceWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another writer in. Nothing is lost by not calling it."""
        self._journal.close()

    def append(self, batch: EntryBatch) -> Placements:
        """Record entries of any tenants in one frame with one sync; on return they are durable.

        A request id that its tenant has recorded this year or the year before keeps its first place.

        Raises:
            ConflictError: a request id came back with another content, or another writer has taken over.
            IntegrityError: an entry is not what its sender hashed.
            NotFound: the platform's own log cannot be named here.
            UnavailableError: the disk is full or failed.
            In each case nothing of the batch is recorded.
        """
        if PLATFORM in batch.tenants:
            raise NotFound("no such tenant's log here", tenant=PLATFORM)
        return self._append(batch)

    def platform_append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record what concerns the platform as a whole: anchor receipts and gaps, its keys. Raises as `append`."""
        strangers = [event.tenant for event in events if event.tenant != PLATFORM]
        if strangers:
            raise NotFound("not the platform's event", tenant=strangers[0], expected=PLATFORM)
        batch = EntryBatch.encode(events)
        return self._append(batch).receipts(batch)

    def publish(self, tenant: TenantId, at: datetime | None = None) -> LogHead:
        """Seal what is new in a block, sign both checkpoints, write the folder, commit to it in the platform log.

        Args:
            at: the block's time; None asks the clock. With the time of its events a log's roots are repeatable.

        Raises:
            IntegrityError: the log does not extend what was last signed.
        """
        self._journal.require_held()
        return self._publish(self._current(tenant), at)

    def publish_platform(self) -> LogHead:
        """Publish the platform log, over the newest checkpoint of every tenant.

        Closes the former year of tenants that recorded nothing since.
        """
        self._journal.require_held()
        for tenant in self.tenants():
            if tenant == PLATFORM:
                continue
            shard = self._current(tenant)
            if not self._is_swept:  # one that died between signing and committing left a checkpoint behind
                self._commit(shard)
        self._is_swept = True
        return self._publish(self._current(PLATFORM), None)

    def opening(self, tenant: TenantId, *, log: LogName | None = None, note: str | None = None) -> CheckpointOpening:
        """What shows that a tenant's checkpoint is in the platform log; for that tenant alone.

        Args:
            log: by default the newest.
            note: one of the log's own checkpoints, without cosignatures; by default its newest.

        Raises:
            NotFound: no such checkpoint was published.
        """
        shard = self.shard(tenant, log)
        note = note or shard.own_note()
        nonce, commitment = shard.commitment(note) if note else (b"", "")
        for platform in self.shards(PLATFORM):
            receipt = platform.receipt(CHECKPOINT_REQUEST_PREFIX + commitment)
            if note and receipt:
                return CheckpointOpening(note, nonce.hex(), commitment, receipt.origin, receipt.id)
        raise NotFound("no such checkpoint in the platform log", origin=shard.origin, todo="Publish the log first")

    def shard(self, tenant: TenantId, log: LogName | int | None = None) -> ShardLog:
        """One of a tenant's logs, by default its newest one.

        Args:
            log: a year alone is the first log of it.

        Raises:
            NotFound: the tenant has no such log.
        """
        shards = self._shards_of(tenant)
        if log is None:
            return shards[max(shards)] if shards else self._open(tenant, LogName(self._clock.now().year))
        name = LogName(log) if isinstance(log, int) else log
        if name not in shards:
            raise NotFound("no evidence of that year", tenant=tenant, log=str(name), expected=[*map(str, shards)])
        return shards[name]

    def shards(self, tenant: TenantId) -> list[ShardLog]:
        """A tenant's logs, newest first."""
        shards = self._shards_of(tenant)
        return [shards[name] for name in sorted(shards, reverse=True)]

    def current(self, tenant: TenantId) -> ShardLog:
        """The log that the tenant's next entries go to, begun where it is a new year's or a frozen one's successor."""
        self._journal.require_held()
        return self._current(tenant)

    def tenants(self) -> list[TenantId]:
        """Everybody who has a log with something in it, recorded or only signed; the platform too."""
        names = {TenantId(path.name) for path in (self._directory / LOGS).glob("*")}
        return sorted(name for name in {*self._logs, *names} if not self.shard(name).is_blank)

    def place(self, tenant: TenantId, name: LogName) -> ShardPlace:
        """Where one of a tenant's logs is kept, or was."""
        logs = self._folder_of(tenant)
        folder = logs / str(name) if isinstance(logs, Path) else logs.below(f"{name}/")
        return ShardPlace(self._state_of(tenant) / str(name), folder)

    @property
    def ended(self) -> Sequence[tuple[TenantId, LogName]]:
        """The logs that have ended, in order."""
        return sorted(self._ended)

    def end(self, tenant: TenantId, name: LogName, mark: bytes) -> None:
        """Know a log no more: durable on return, also where the journal still holds its entries.

        Args:
            mark: what is left of it to be known (`chain.expiry`).
        """
        self._journal.require_held()
        keep_mark(self.place(tenant, name).state, mark)
        self._ended.add((tenant, name))
        self._logs.get(tenant, {}).pop(name, None)

    def forget(self, year: int) -> int:
        """Delete what the journal holds of that year and earlier ones, whose logs have all ended; may be repeated."""
        return len(self._journal.forget(year))

    @property
    def is_stopped(self) -> bool:
        """Whether a failed write ended this writer, so that the store must be opened again."""
        return self._journal.is_stopped

    def receipt(self, tenant: TenantId, request_id: str) -> Receipt | None:
        """What an earlier append answered, in whatever year; ``None`` where the request was never recorded."""
        return next((found for shard in self.shards(tenant) if (found := shard.receipt(request_id))), None)

    def _replay(self) -> None:
        for runs in self._journal.replay():
            for run in runs:
                shard = self._of_origin(run.origin)
                if shard is not None:
                    shard.replay(run.entries)

    def _of_origin(self, origin: str) -> ShardLog | None:
        """The log of that name; ``None`` where it has ended and only the journal still holds it."""
        found = find_origin(origin)
        if found is None or found.prefix != self._prefix:
            raise ConflictError(
                "journal has logs of another name",
                path=str(self._directory),
                expected=f"{self._prefix}/TENANT/YEAR",
                got=origin,
                todo="Set the origin prefix that this store was written with",
            )
        tenant = TenantId(found.tenant)
        if (tenant, found.name) in self._ended:
            return None
        return self._logs.setdefault(tenant, {}).get(found.name) or self._open(tenant, found.name)

    def _open(self, tenant: TenantId, name: LogName) -> ShardLog:
        origin, place = str(LogOrigin(self._prefix, tenant, name)), self.place(tenant, name)
        shard = ShardLog(origin, tenant, name, journal=self._journal, place=place, signers=self._signers)
        self._logs.setdefault(tenant, {})[name] = shard
        return shard

    def _begin(self, tenant: TenantId, name: LogName) -> ShardLog:
        shard = self._open(tenant, name)
        shard.open()
        return shard

    def _state_of(self, tenant: TenantId) -> Path:
        return self._directory / LOGS / tenant

    def _shards_of(self, tenant: TenantId) -> dict[LogName, ShardLog]:
        """A tenant's logs; one that was signed but has no entry is found by its state."""
        shards = self._logs.setdefault(tenant, {})
        if not shards:
            for path in self._state_of(tenant).glob("*/signed"):
                name = LogName.find(path.parent.name)
                assert name is not None, "a log's state has the log's name"
                if (tenant, name) not in self._ended:
                    self._open(tenant, name)
        return shards

    def _current(self, tenant: TenantId) -> ShardLog:
        """The log that is written to, opened; one that follows another begins by naming how that one ended."""
        shard = self.shard(tenant)
        shard.open()
        while (name := self._follower(shard)) is not None:
            shard = self._follow(shard, name)
        return shard

    def _follower(self, shard: ShardLog) -> LogName | None:
        """The log that comes after one: a frozen log's successor, or the new year's."""
        if shard.frozen is not None:
            return shard.name.successor
        year = self._clock.now().year
        # a clock that was set back does not open a closed year again, and a log that is being frozen ends first
        return LogName(year) if year > shard.name.year and shard.marker is None else None

    def _follow(self, former: ShardLog, name: LogName) -> ShardLog:
        if former.is_blank:
            del self._logs[former.tenant][former.name]
            return self._begin(former.tenant, name)
        if former.frozen is None:
            self._publish(former, None)
        shard, at = self._begin(former.tenant, name), self._clock.now()
        with ExitStack() as on_failure:
            on_failure.callback(self._logs[former.tenant].pop, name)
            if former.frozen is None:
                first = [encode_opening(former.ending(), tenant=former.tenant, year=name.year, at=at)]
            else:
                first = [succession_entry(former, shard, former.frozen, at=at), *carried_entries(former, shard)]
            self._record(shard, *first)
            on_failure.pop_all()
        return shard

    def _publish(self, shard: ShardLog, at: datetime | None) -> LogHead:
        block = shard.block(at or self._clock.now())
        if block is not None:
            self._record(shard, block)
        head = shard.publish()
        self._commit(shard)
        return head

    def _commit(self, shard: ShardLog) -> None:
        """Enter a tenant's newest checkpoint into the platform log, once."""
        note = shard.own_note()
        if shard.tenant == PLATFORM or note is None:
            return
        _, commitment = shard.commitment(note)
        if self.receipt(PLATFORM, CHECKPOINT_REQUEST_PREFIX + commitment) is None:
            self._record(self._current(PLATFORM), encode_tenant_checkpoint(commitment, at=self._clock.now()))

    def _record(self, shard: ShardLog, *entries: bytes) -> None:
        """Make the log's own entries durable, together."""
        self._journal.append([Run(shard.origin, entries)], year=self._clock.now().year)
        shard.replay(entries)

    def _append(self, batch: EntryBatch) -> Placements:
        self._journal.require_held()
        plans = [self._plan(tenant) for tenant in batch.tenants]
        for number, plan in enumerate(plans):
            require_open(plan.shard.place.state, _names_of(batch, number))
        placements = self._admit(batch, plans)
        for plan in plans:
            for sha256, content in sorted(plan.artifacts.items()):
                plan.shard.keep_artifact(sha256, content)
        runs = [Run(plan.shard.origin, plan.entries) for plan in plans if plan.entries]
        if runs:
            columns = [_columns(batch, plan) for plan in plans]
            growths: list[Twin[Growth]] = []

            def grow() -> None:
                growths.extend(plan.shard.log.growth(leaves) for plan, (_, leaves) in zip(plans, columns, strict=True))

            self._journal.append(runs, year=self._clock.now().year, meanwhile=grow)
            for plan, (request_ids, _), growth in zip(plans, columns, growths, strict=True):
                plan.shard.take(request_ids, growth)
        return placements

    def _plan(self, tenant: TenantId) -> _Plan:
        shard = self._current(tenant)
        recent = [other for other in self.shards(tenant) if other.name.year >= shard.name.year - 1]
        formers = [other for other in recent if other is not shard]
        return _Plan(shard, shard.size, formers, b',"tenant":"%b","type":"' % tenant.encode("ascii"))

    def _admit(self, batch: EntryBatch, plans: Sequence[_Plan]) -> Placements:
        """Find the entries that are not recorded yet; decide everything before anything is written."""
        entries = _checked(batch, plans)
        if len(plans) == 1 and len(set(batch.request_ids)) == len(batch) and not _suspects(plans[0], batch.request_ids):
            _take_all(plans[0], batch, entries)
            log = (plans[0].shard.origin, plans[0].shard.name)
            return Placements((log,), batch.owners, array("Q", range(plans[0].size, plans[0].size + len(batch))))
        logs = [(plan.shard.origin, plan.shard.name) for plan in plans]
        owners, indexes = array("I", batch.owners), array("Q", bytes(8 * len(batch)))
        for place, (owner, request_id, entry) in enumerate(zip(batch.owners, batch.request_ids, entries, strict=True)):
            known = _known(plans[owner], request_id)
            if known is None:
                indexes[place] = _take(plans[owner], batch, place, entry)
                continue
            shard, indexes[place], content = known
            if content != entry:
                raise ConflictError(
                    "request id is already recorded with another content",
                    request_id=request_id,
                    todo="Give a new event a new request id",
                )
            if shard is not plans[owner].shard:
                owners[place] = _number(logs, shard)
        return Placements(tuple(logs), owners, indexes)


def _names_of(batch: EntryBatch, number: int) -> Iterator[str]:
    return (name for name, owner in zip(batch.request_ids, batch.owners, strict=True) if owner == number)


def _checked(batch: EntryBatch, plans: Sequence[_Plan]) -> list[bytes]:
    """The entries, once the SHA-256 leaf, request id and tenant of each are found to be its own.

    The sender hashes, so that the one writer does not have to; yet an entry under another entry's hash would make the
    whole log refutable, for ever, by its own proofs. SHA-256 has an instruction of its own and costs a third of
    SHA3-256: it is computed again here, before a receipt is given, and SHA3-256 when a block is sealed, before
    anything is signed.
    """
    content, sha256 = batch.content, hashlib.sha256
    entries = [content[start:stop] for start, stop in pairwise(accumulate(batch.lengths, initial=0))]
    leaves = [sha256(b"\0" + entry).digest() for entry in entries]
    if b"".join(leaves) != batch.leaves.sha256 or len(batch.leaves.sha3_256) != len(batch.leaves.sha256):
        wrong = [batch.request_ids[place] for place, leaf in enumerate(leaves) if leaf != batch.leaf(place).sha256]
        raise IntegrityError("an entry is not what its sender hashed", request_ids=wrong[:5])
    tails = [b'"' + plan.tail for plan in plans]
    for place, (owner, name, entry) in enumerate(zip(batch.owners, _spelled(batch.request_ids), entries, strict=True)):
        if not entry.startswith(_NAMED + name + tails[owner], entry.rfind(_NAMED)):
            raise IntegrityError(
                "an entry names another request or tenant than its sender",
                request_id=batch.request_ids[place],
                tenant=plans[owner].shard.tenant,
            )
    return entries


def _spelled(texts: Sequence[str]) -> list[bytes]:
    """Each text as JSON without its quotes; all at once where nothing is escaped."""
    together = orjson.dumps(texts)
    if b"\\" in together or not texts:
        return [orjson.dumps(text)[1:-1] for text in texts]
    return together[2:-2].split(b'","')


def _suspects(plan: _Plan, request_ids: Sequence[str]) -> bool:
    """Whether any of these requests may be recorded already."""
    return any(shard.log.requests.holds_any(request_ids) for shard in (plan.shard, *plan.formers))


def _take_all(plan: _Plan, batch: EntryBatch, entries: list[bytes]) -> None:
    """Take a batch that is new as a whole, as it came."""
    plan.entries, plan.places = entries, list(range(len(batch)))
    for place, entry in enumerate(entries):
        if not entry.startswith(NO_ARTIFACTS):
            plan.artifacts |= _require_artifacts(plan, batch, place, entry)


def _take(plan: _Plan, batch: EntryBatch, place: int, entry: bytes) -> int:
    """Take one entry; returns its index."""
    if not entry.startswith(NO_ARTIFACTS):
        plan.artifacts |= _require_artifacts(plan, batch, place, entry)
    index = plan.size + len(plan.entries)
    plan.fresh[batch.request_ids[place]] = index
    plan.entries.append(entry)
    plan.places.append(place)
    return index


def _known(plan: _Plan, request_id: str) -> tuple[ShardLog, int, bytes] | None:
    """Log, index and bytes of an entry that this batch or an earlier one has of the request."""
    index = plan.fresh.get(request_id)
    if index is not None:
        return plan.shard, index, plan.entries[index - plan.size]
    for shard in (plan.shard, *plan.formers):
        found = shard.find(request_id)
        if found:
            return shard, *found
    return None


def _number(logs: list[tuple[str, LogName]], shard: ShardLog) -> int:
    """Place of a log among those that an answer names."""
    name = (shard.origin, shard.name)
    if name not in logs:
        logs.append(name)
    return logs.index(name)


def _columns(batch: EntryBatch, plan: _Plan) -> tuple[Sequence[str], Twin[bytes]]:
    """Request ids and joined leaf hashes of the new entries; of a batch that is new as a whole, as they came."""
    if len(plan.places) == len(batch):
        return batch.request_ids, batch.leaves
    found = [batch.leaf(place) for place in plan.places]
    leaves = Twin(b"".join([leaf.sha256 for leaf in found]), b"".join([leaf.sha3_256 for leaf in found]))
    return [batch.request_ids[place] for place in plan.places], leaves


def _require_artifacts(plan: _Plan, batch: EntryBatch, place: int, entry: bytes) -> Mapping[str, bytes]:
    """An entry comes with what it names: a log with an entry whose artifact is nowhere could never be published.

    Many entries may name one artifact, such as a page of drifts; it is hashed once.
    """
    given = batch.artifacts.get(place, {})
    expected = {(reference.sha256, reference.size_bytes) for reference in read_envelope(entry).artifacts}
    got = plan.hashed.get(id(given))
    if got is None:
        got = {(hashlib.sha256(content).hexdigest(), len(content)) for content in given.values()}
        plan.hashed[id(given)] = got
    if expected != got or given.keys() != {sha256 for sha256, _ in got}:
        raise IntegrityError(
            "artifacts are not what their entry names",
            request_id=batch.request_ids[place],
            expected=sorted(expected),
            got=sorted(got),
        )
    return given
