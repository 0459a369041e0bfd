"""From what a merge decided to the pieces that write it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from domain.clock import format_instant
from domain.resource import ConfigurationItem, Relationship, resource_key
from domain.tenancy import TenantId
from graph.snapshot import account_of
from graph.stores.coverage import CollectionRecord
from graph.stores.instants import us_from_instant
from graph.stores.known import Known
from graph.stores.merge import MergePlan, NewVersion, Repeat, fingerprint
from graph.stores.neo4j_ledger import NO_STATE, Entry, encoded, joined, part_count
from graph.stores.neo4j_rows import Properties, item_properties, known_seen, node_id, seen_properties
from graph.stores.neo4j_steps import Piece, pieces
from graph.stores.neo4j_write import Standing

Numbered = tuple[int, NewVersion | Repeat]


@dataclass(slots=True)
class _Rows:
    """Rows for the statements, by kind label where they have one."""

    accounts: dict[str, str] = field(default_factory=dict)
    create: dict[str, list[Properties]] = field(default_factory=dict)
    replace: dict[str, list[Properties]] = field(default_factory=dict)
    restate: list[Properties] = field(default_factory=list)
    retire: list[Properties] = field(default_factory=list)
    bury: list[Properties] = field(default_factory=list)
    states: list[Properties] = field(default_factory=list)


class MergeDraft:
    """The pieces of one merge.

    Args:
        known: the latest versions that were planned with.
        collections: names of the collections that hold a key from now on.
        item_of: the item of a stored version, by key and number.
    """

    def __init__(
        self,
        tenant: TenantId,
        merge: MergePlan,
        standing: Standing,
        *,
        known: Mapping[str, Known],
        collections: Callable[[str], Collection[str]],
        item_of: Callable[[str, int], ConfigurationItem],
    ) -> None:
        self._tenant = tenant
        self._known = known
        self._collections = collections
        self._item_of = item_of
        self._rows = _Rows()
        self._write = standing.writes + 1
        self.latest: dict[str, Entry] = {}
        self.number = standing.number + len(merge.added)
        by_key: dict[str, list[Numbered]] = {}
        for number, version in enumerate(merge.added, standing.number + 1):
            by_key.setdefault(version.key, []).append((number, version))
        for key, versions in by_key.items():
            self._place(key, versions)

    def pieces(self) -> Iterable[Piece]:
        """In an order in which each finds what it needs."""
        rows = self._rows
        accounts = [{"id": id_, "tenant": self._tenant, "name": name} for id_, name in sorted(rows.accounts.items())]
        yield from pieces("accounts", accounts)
        for label, found in sorted(rows.create.items()):
            yield from pieces("create", found, label)
        for label, found in sorted(rows.replace.items()):
            yield from pieces("replace", found, label)
        yield from pieces("restate", rows.restate)
        yield from pieces("retire", rows.retire)
        yield from pieces("bury", rows.bury)
        yield from pieces("states", rows.states)

    def _place(self, key: str, versions: Sequence[Numbered]) -> None:
        """Sort the new versions of one entity into states that are past and the one that is the latest."""
        known = self._known.get(key)
        if known is not None and known.version is None:
            known = None
        number, latest = max(versions, key=lambda each: (each[1].valid_from, each[0]))
        is_latest = known is None or latest.valid_from >= known.valid_from
        for other_number, other in versions:
            if other_number != number or not is_latest:
                self._rows.states.append(self._state(key, self._with_item(other), other_number))
        if is_latest:
            since = min(each.valid_from for _, each in versions)
            self._take(key, latest, number, known=known, since=since)

    def _take(
        self, key: str, version: NewVersion | Repeat, number: int, *, known: Known | None, since: datetime
    ) -> None:
        if isinstance(version, Repeat) and known is not None and version.version == known.version:
            self._repeat(key, version, number, known)
            return
        version = self._with_item(version)
        now = self._now(key, version, number)
        item, row = version.item, self._row(key, known)
        row.update(now=now, since=us_from_instant(since) // 1_000)
        self.latest[key] = _entry(version, number, joined(now["collections"]))
        if version.is_retired:
            (self._rows.bury if known is None else self._rows.retire).append(row)
            return
        row["account"] = node_id(self._tenant, account_of(item.scope))
        self._rows.accounts[row["account"]] = now["account"]
        target = self._rows.create if known is None else self._rows.replace
        target.setdefault(now["label"], []).append(row)

    def _repeat(self, key: str, version: Repeat, number: int, known: Known) -> None:
        """The state stays, and is gone or begins again."""
        seen_at = version.seen_at or version.valid_from
        names = sorted(self._collections(key))
        now = {
            **known_seen(known),
            "number": number,
            "valid_from": us_from_instant(version.valid_from),
            "seen_at": us_from_instant(seen_at),
            "lastupdated": us_from_instant(seen_at) // 1_000,
            "retired": version.is_retired,
            "told": version.is_told,
            "written": self._write,
            "noted": self._write,
            "collections": names,
        }
        row = {**self._row(key, known), "now": now}
        is_leaving = version.is_retired and not known.is_retired
        (self._rows.retire if is_leaving else self._rows.restate).append(row)
        past = replace(known, version=number, valid_from=version.valid_from, seen_at=seen_at)
        past = replace(past, is_retired=version.is_retired, is_told=version.is_told)
        self.latest[key] = entry_from(past, joined(names))

    def _row(self, key: str, known: Known | None) -> Properties:
        row: Properties = {"id": node_id(self._tenant, key)}
        if known is not None:
            row["state"] = node_id(self._tenant, f"{known.version}")
            row["seen"] = known_seen(known)
        return row

    def _now(self, key: str, version: NewVersion, number: int) -> Properties:
        seen_at = us_from_instant(version.seen_at or version.valid_from)
        return {
            **item_properties(version.item),
            "fingerprint": version.fingerprint,
            "number": number,
            "valid_from": us_from_instant(version.valid_from),
            "seen_at": seen_at,
            "lastupdated": seen_at // 1_000,
            "retired": version.is_retired,
            "told": version.is_told,
            "written": self._write,
            "noted": self._write,
            "collections": sorted(self._collections(key)),
        }

    def _state(self, key: str, version: NewVersion, number: int) -> Properties:
        row = self._now(key, version, number)
        return {**row, "id": node_id(self._tenant, f"{number}"), "entity": node_id(self._tenant, key)}

    def _with_item(self, version: NewVersion | Repeat) -> NewVersion:
        if isinstance(version, NewVersion):
            return version
        item = self._item_of(version.key, version.version)
        return NewVersion(
            version.key,
            item,
            fingerprint(item),
            version.valid_from,
            is_retired=version.is_retired,
            is_told=version.is_told,
            seen_at=version.seen_at,
        )


def entry_from(known: Known, collections: str, edges: bytes = b"") -> Entry:
    """A ledger's entry of what is known."""
    captured_at, file, line = known.seen
    return Entry(
        NO_STATE if known.version is None else known.version,
        bytes.fromhex(known.fingerprint),
        us_from_instant(known.valid_from),
        us_from_instant(known.seen_at),
        None if captured_at is None else us_from_instant(captured_at),
        file,
        line,
        known.is_retired,
        known.is_told,
        collections,
        edges,
    )


def _entry(version: NewVersion, number: int, collections: str) -> Entry:
    seen = seen_properties(version.item.captured_at, version.item.origin.file, version.item.origin.line)
    return Entry(
        number,
        bytes.fromhex(version.fingerprint),
        us_from_instant(version.valid_from),
        us_from_instant(version.seen_at or version.valid_from),
        seen["captured_at"],
        seen["file"],
        seen["line"],
        version.is_retired,
        version.is_told,
        collections,
        b"",
    )


def collection_row(tenant: TenantId, record: CollectionRecord) -> Properties:
    """A collection's node."""
    row: Properties = {
        "id": node_id(tenant, record.name),
        "tenant": tenant,
        "name": record.name,
        "lastrun": us_from_instant(record.ran_at) // 1_000,
        "ran_at": format_instant(record.ran_at),
        "accounts": sorted(record.accounts),
        "unproven": sorted(record.unproven),
    }
    if record.proved_at is not None:
        row["lastupdated"] = us_from_instant(record.proved_at) // 1_000
        row["proved_at"] = format_instant(record.proved_at)
    return row


def ledger_pieces(
    tenant: TenantId, entries: Mapping[str, Entry], former: Mapping[int, bytes], standing: Standing
) -> tuple[list[Piece], int]:
    """The parts of the ledger that differ from the former ones, and how many parts there are."""
    parts = max(part_count(len(entries)), 1)
    rows = [
        {"id": node_id(tenant, f"{number}"), "tenant": tenant, "part": number, "body": body}
        for number, body in enumerate(encoded(entries, parts))
        if standing.parts != parts or former.get(number) != body
    ]
    made = list(pieces("ledger", rows))
    if parts < standing.parts:
        made += pieces("trim", [{"tenant": tenant, "parts": parts}])
    return made, parts


def by_source(relationships: Iterable[Relationship]) -> dict[str, list[Relationship]]:
    """Relationships by their source's key."""
    grouped: dict[str, list[Relationship]] = {}
    for each in relationships:
        grouped.setdefault(resource_key(each.source), []).append(each)
    return grouped


def edges_digest(relationships: Iterable[Relationship]) -> bytes:
    """Equal for equal sets of relationships of one source."""
    lines = sorted(
        "\x1f".join((each.source, each.target, each.kind, each.strength, each.path)) for each in relationships
    )
    return blake2b("\x1e".join(lines).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def relationship_pieces(
    tenant: TenantId,
    changed: Mapping[str, Sequence[Relationship]],
    *,
    digests: Mapping[str, bytes],
    entries: Mapping[str, Entry],
    write: int,
) -> Iterable[Piece]:
    """Replace the relationships of some sources.

    Args:
        changed: by source key; empty where there are none any more.
        digests: of those that are not empty.
        entries: what is known of the sources and targets.
    """
    linked = [key for key in changed if key in entries and entries[key].edges]
    yield from pieces("unlink", [node_id(tenant, key) for key in sorted(linked)])
    absent: dict[str, Properties] = {}
    by_kind: dict[str, list[Properties]] = {}
    for key, relationships in changed.items():
        for each in sorted(relationships, key=lambda r: (r.target, r.kind, r.path)):
            target = resource_key(each.target)
            for end, spelt in ((key, each.source), (target, each.target)):
                if end not in entries or entries[end].number == NO_STATE:
                    id_ = node_id(tenant, end)
                    absent[id_] = {"id": id_, "tenant": tenant, "uid": spelt, "noted": write}
            by_kind.setdefault(each.kind.name, []).append(
                {
                    "a": node_id(tenant, key),
                    "b": node_id(tenant, target),
                    "path": each.path,
                    "strength": each.strength.value,
                    "source": None if each.source == key else each.source,
                    "target": None if each.target == target else each.target,
                }
            )
    yield from pieces("absent", list(absent.values()))
    for kind, rows in sorted(by_kind.items()):
        yield from pieces("link", rows, kind)
    marks = [
        {"id": node_id(tenant, key), "now": {"edges": digests[key].hex() if key in digests else None, "noted": write}}
        for key in changed
    ]
    yield from pieces("touch", marks)
