"""Entries on their way to the writer: encoded and hashed by whoever has the event, carried as a few joined buffers.

A thousand entries as a thousand objects cost more to pickle than to record. A batch is therefore columns: the entries'
bytes one behind the other, their lengths, both leaf hashes, and the request ids; only artifacts, which are few, are
kept apart. `Placements` is what comes back: where each entry stands, without repeating what the sender has.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chain.entry import ArtifactDigest, digest_artifacts, encode_event
from chain.tree_hash import BOTH, HASH_SIZE_BYTES, Twin
from domain.evidence import EvidenceEvent, LogName, Receipt
from domain.tenancy import TenantId


@dataclass(frozen=True, slots=True)
class EncodedEntry:
    """An event as it will be recorded.

    Args:
        leaves: hash of the entry in each tree.
        artifacts: contents by their SHA-256, as the entry names them.
    """

    tenant: TenantId
    request_id: str
    content: bytes = field(repr=False)
    leaves: Twin[bytes]
    artifacts: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def encode(event: EvidenceEvent) -> EncodedEntry:
    """Write an event in its one spelling and hash it for both trees.

    Raises:
        InputError: the event cannot be an entry.
    """
    return _encoded(event, *_digested(event))


_Digested = tuple[Mapping[str, ArtifactDigest], Mapping[str, bytes]]
"""Digests of artifacts by name, and their contents by digest."""


def _digested(event: EvidenceEvent) -> _Digested:
    digests = digest_artifacts(event) if event.artifacts else {}
    return digests, {digests[name].sha256: artifact.content for name, artifact in event.artifacts.items()}


def _encoded(
    event: EvidenceEvent, digests: Mapping[str, ArtifactDigest], contents: Mapping[str, bytes]
) -> EncodedEntry:
    content = encode_event(event, digests)
    leaves = Twin(BOTH.sha256.leaf(content), BOTH.sha3_256.leaf(content))
    return EncodedEntry(event.tenant, event.request_id, content, leaves, contents)


@dataclass(frozen=True, slots=True)
class EntryBatch:
    """Encoded entries, possibly of several tenants, in their order.

    Args:
        tenants: each once; `owners` has the place of each entry's tenant in it.
        lengths: sizes of the entries in `content`, in bytes.
        leaves: hashes of all entries in each tree, one behind the other.
        artifacts: contents by SHA-256, of the entries that have any, by place in the batch.
    """

    tenants: tuple[TenantId, ...]
    owners: array[int]
    request_ids: tuple[str, ...]
    lengths: array[int]
    content: bytes = field(repr=False)
    leaves: Twin[bytes] = field(repr=False)
    artifacts: Mapping[int, Mapping[str, bytes]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.request_ids)

    def __iter__(self) -> Iterator[EncodedEntry]:
        at = 0
        for place, (owner, request_id, length) in enumerate(
            zip(self.owners, self.request_ids, self.lengths, strict=True)
        ):
            content, at = self.content[at : at + length], at + length
            artifacts = self.artifacts.get(place, {})
            yield EncodedEntry(self.tenants[owner], request_id, content, self.leaf(place), artifacts)

    @classmethod
    def of(cls, entries: Iterable[EncodedEntry]) -> EntryBatch:
        """Join entries."""
        whole = tuple(entries)
        places: dict[TenantId, int] = {}
        owners = array("I", [places.setdefault(entry.tenant, len(places)) for entry in whole])
        return cls(
            tenants=tuple(places),
            owners=owners,
            request_ids=tuple([entry.request_id for entry in whole]),
            lengths=array("H", [len(entry.content) for entry in whole]),
            content=b"".join([entry.content for entry in whole]),
            leaves=Twin(
                b"".join([entry.leaves.sha256 for entry in whole]), b"".join([entry.leaves.sha3_256 for entry in whole])
            ),
            artifacts={place: entry.artifacts for place, entry in enumerate(whole) if entry.artifacts},
        )

    @classmethod
    def encode(cls, events: Iterable[EvidenceEvent]) -> EntryBatch:
        """Encode and hash events; artifacts that several have as one object are hashed once.

        Raises:
            InputError: one of them cannot be an entry.
        """
        whole = tuple(events)
        known: dict[int, _Digested] = {}
        for event in whole:
            if id(event.artifacts) not in known:
                known[id(event.artifacts)] = _digested(event)
        return cls.of([_encoded(event, *known[id(event.artifacts)]) for event in whole])

    @classmethod
    def joined(cls, batches: Sequence[EntryBatch]) -> EntryBatch:
        """Put batches one behind the other without looking at their entries."""
        if len(batches) == 1:
            return batches[0]
        places: dict[TenantId, int] = {}
        owners, lengths = array("I"), array("H")
        request_ids: list[str] = []
        artifacts: dict[int, Mapping[str, bytes]] = {}
        for batch in batches:
            numbers = [places.setdefault(tenant, len(places)) for tenant in batch.tenants]
            artifacts |= {len(request_ids) + place: found for place, found in batch.artifacts.items()}
            owners.extend([numbers[owner] for owner in batch.owners])
            lengths.extend(batch.lengths)
            request_ids += batch.request_ids
        return cls(
            tuple(places),
            owners,
            tuple(request_ids),
            lengths,
            b"".join([batch.content for batch in batches]),
            Twin(
                b"".join([batch.leaves.sha256 for batch in batches]),
                b"".join([batch.leaves.sha3_256 for batch in batches]),
            ),
            artifacts,
        )

    def parts(self, entries_max: int) -> Iterator[EntryBatch]:
        """Cut into batches of at most so many entries; one that is small enough stays as it is."""
        if len(self) <= entries_max:
            yield self
            return
        end = 0
        for start in range(0, len(self), entries_max):
            stop = min(start + entries_max, len(self))
            begin, end = end, end + sum(self.lengths[start:stop])
            yield EntryBatch(
                self.tenants,
                self.owners[start:stop],
                self.request_ids[start:stop],
                self.lengths[start:stop],
                self.content[begin:end],
                Twin(_cut(self.leaves.sha256, start, stop), _cut(self.leaves.sha3_256, start, stop)),
                {place - start: found for place, found in self.artifacts.items() if start <= place < stop},
            )

    def leaf(self, place: int) -> Twin[bytes]:
        """Hashes of one entry in both trees."""
        return Twin(_cut(self.leaves.sha256, place, place + 1), _cut(self.leaves.sha3_256, place, place + 1))


@dataclass(frozen=True, slots=True)
class Placements:
    """Where the entries of a batch stand, in its order.

    Args:
        logs: origin and name of each log that any of them is in; `owners` has each entry's place in it.
        indexes: place of each entry in its log.
    """

    logs: tuple[tuple[str, LogName], ...]
    owners: array[int]
    indexes: array[int]

    def __len__(self) -> int:
        return len(self.indexes)

    @classmethod
    def joined(cls, parts: Sequence[Placements]) -> Placements:
        """Put placements one behind the other."""
        if len(parts) == 1:
            return parts[0]
        places: dict[tuple[str, LogName], int] = {}
        owners, indexes = array("I"), array("Q")
        for part in parts:
            numbers = [places.setdefault(log, len(places)) for log in part.logs]
            owners.extend([numbers[owner] for owner in part.owners])
            indexes.extend(part.indexes)
        return cls(tuple(places), owners, indexes)

    def part(self, start: int, stop: int) -> Placements:
        """The placements of some of the batch's entries."""
        return Placements(self.logs, self.owners[start:stop], self.indexes[start:stop])

    def receipts(self, batch: EntryBatch) -> list[Receipt]:
        """The receipts of a batch, of which these are the placements."""
        found = []
        first, second = batch.leaves.sha256.hex(), batch.leaves.sha3_256.hex()
        width, at = 2 * HASH_SIZE_BYTES, 0
        for request_id, owner, index in zip(batch.request_ids, self.owners, self.indexes, strict=True):
            origin, log = self.logs[owner]
            leaves = first[at : at + width], second[at : at + width]
            found.append(Receipt(request_id, origin, log.entry(index), *leaves))
            at += width
        return found


def _cut(joined: bytes, start: int, stop: int) -> bytes:
    return joined[start * HASH_SIZE_BYTES : stop * HASH_SIZE_BYTES]
