"""From what a merge decided to the pieces that write it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa

from domain.clock import format_instant
from domain.resource import ConfigurationItem, Relationship, RelationshipKind, Strength, resource_key
from domain.tenancy import TenantId
from graph.snapshot import account_of
from graph.stores.coverage import CollectionRecord
from graph.stores.instants import us_from_instant
from graph.stores.known import Known
from graph.stores.merge import MergePlan, NewVersion, Repeat, fingerprint
from graph.stores.neo4j_ledger import encoded, row_of
from graph.stores.neo4j_rows import Properties, item_properties, known_seen, node_id
from graph.stores.neo4j_steps import Piece, pieces
from graph.stores.neo4j_write import Standing

Numbered = tuple[int, NewVersion | Repeat]
Link = tuple[str, str, str, str, str | None, str | None]
"""A row of the statement `link`: both nodes' ids, path, strength, and how the ends are spelt where that is not so."""
_STRENGTHS: Final = {id(strength): strength.value for strength in Strength}
"""By identity: members of an enumeration are slow to hash, and their values slow to ask for."""
_NOTHING: Final[Mapping[Relationship, Sequence[str]]] = {}


@dataclass(slots=True)
class _Rows:
    """Rows for the statements, by kind label where they have one."""

    accounts: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[Properties]] = field(default_factory=dict)
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
        is_first: nothing was ever written for the tenant, so that no node has to be looked for.
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
        is_first: bool,
    ) -> None:
        self._tenant = tenant
        self._known = known
        self._collections = collections
        self._item_of = item_of
        self._rows = _Rows()
        self._write = standing.writes + 1
        self._is_first = is_first
        self.latest: dict[str, Properties] = {}
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
        for label, found in sorted(rows.found.items()):
            yield from pieces("found", found, label)
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
        self.latest[key] = row_of(now)
        if version.is_retired:
            (self._rows.bury if known is None else self._rows.retire).append(row)
            return
        row["account"] = node_id(self._tenant, account_of(item.scope))
        self._rows.accounts[row["account"]] = now["account"]
        if self._is_first:
            state = {**now, "id": row["id"], "firstseen": row["since"]}
            self._rows.found.setdefault(now["label"], []).append({"account": row["account"], "now": state})
        else:
            target = self._rows.create if known is None else self._rows.replace
            target.setdefault(now["label"], []).append(row)

    def _repeat(self, key: str, version: Repeat, number: int, known: Known) -> None:
        """The state stays, and is gone or begins again."""
        seen_at = version.seen_at or version.valid_from
        now = {
            **known_seen(known),
            "number": number,
            "fingerprint": known.fingerprint,
            "valid_from": us_from_instant(version.valid_from),
            "seen_at": us_from_instant(seen_at),
            "lastupdated": us_from_instant(seen_at) // 1_000,
            "retired": version.is_retired,
            "told": version.is_told,
            "written": self._write,
            "noted": self._write,
            "collections": sorted(self._collections(key)),
        }
        row = {**self._row(key, known), "now": now}
        is_leaving = version.is_retired and not known.is_retired
        (self._rows.retire if is_leaving else self._rows.restate).append(row)
        self.latest[key] = row_of(now)

    def _row(self, key: str, known: Known | None) -> Properties:
        row: Properties = {"id": node_id(self._tenant, key)}
        if known is not None:
            row["state"] = node_id(self._tenant, f"{known.version}")
            row["seen"] = known_seen(known)
        return row

    def _now(self, key: str, version: NewVersion, number: int) -> Properties:
        since = us_from_instant(version.valid_from)
        seen_at = since if version.seen_at is None else us_from_instant(version.seen_at)
        return {
            **item_properties(version.item),
            "fingerprint": version.fingerprint,
            "number": number,
            "valid_from": since,
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


def ledger_pieces(tenant: TenantId, kind: str, table: pa.Table) -> Iterable[Piece]:
    """The write that replaces one kind of the ledger."""
    parts = encoded(table)
    yield from pieces(
        "ledger",
        [
            {"id": node_id(tenant, f"{kind}/{part}"), "tenant": tenant, "kind": kind, "part": part, "body": body}
            for part, body in enumerate(parts)
        ],
    )
    yield from pieces("trim", [{"tenant": tenant, "kind": kind, "parts": len(parts)}])


@dataclass(frozen=True, slots=True, eq=False)
class EdgeChanges:
    """How the relationships of some sources change.

    Args:
        given: all of each source's from now on, by key.
        former: what each source has now, with the database's ids of it.
        unlinked: sources that lose all that they have, whatever it is.
    """

    given: Mapping[str, Sequence[Relationship]]
    former: Mapping[str, Mapping[Relationship, Sequence[str]]] = field(default_factory=dict)
    unlinked: Collection[str] = ()

    def pieces(self, tenant: TenantId, *, is_there: Callable[[str], bool], write: int) -> Iterable[Piece]:
        """The write that makes the difference.

        Args:
            is_there: whether an entity with a state has a key.
        """
        yield from pieces("unlink", [node_id(tenant, key) for key in sorted(self.unlinked)])
        yield from pieces("cut", self._cut())
        absent: dict[str, Properties] = {}
        by_kind: dict[int, list[Link]] = {id(kind): [] for kind in RelationshipKind}
        ends: dict[str, tuple[str, str]] = {}

        def end(spelt: str) -> tuple[str, str]:
            """An end's key and its node's id."""
            key = resource_key(spelt)
            ends[spelt] = found = (key, node_id(tenant, key))
            if not is_there(key):
                absent[found[1]] = {"id": found[1], "tenant": tenant, "uid": spelt, "noted": write}
            return found

        for key, relationships in self.given.items():
            had = self.former.get(key, _NOTHING)
            for each in relationships:
                if had and each in had:
                    continue
                source, a = ends.get(each.source) or end(each.source)
                target, b = ends.get(each.target) or end(each.target)
                spelt = (None if each.source == source else each.source, None if each.target == target else each.target)
                by_kind[id(each.kind)].append((a, b, each.path, _STRENGTHS[id(each.strength)], *spelt))
        yield from pieces("absent", list(absent.values()))
        for kind in RelationshipKind:
            yield from pieces("link", by_kind[id(kind)], kind.name)

    def _cut(self) -> Iterable[str]:
        for key, had in self.former.items():
            kept = set(self.given[key])
            for each, ids in had.items():
                if each not in kept:
                    yield from ids


def marks(tenant: TenantId, digests: Mapping[str, str | None], write: int) -> Iterable[Piece]:
    """Let nodes say which relationships they have, where the ledger's base does not."""
    rows = [
        {"id": node_id(tenant, key), "now": {"edges": digest, "linked": write, "noted": write}}
        for key, digest in digests.items()
    ]
    yield from pieces("touch", rows)
