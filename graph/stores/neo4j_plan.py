"""From what a merge decided to the pieces that write it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from domain.clock import format_instant
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from graph.snapshot import account_of
from graph.stores.coverage import CollectionRecord
from graph.stores.instants import us_from_instant
from graph.stores.known import Known
from graph.stores.merge import MergePlan, NewVersion, Repeat, fingerprint
from graph.stores.neo4j_kept import BREAK, Sight, known_sight
from graph.stores.neo4j_ledger import State, encoded, joined, state_of
from graph.stores.neo4j_rows import ITEM, Properties, item_properties, item_values, node_id
from graph.stores.neo4j_schema import kind_label
from graph.stores.neo4j_steps import FOUND, Piece, pieces
from graph.stores.neo4j_write import Standing

Numbered = tuple[int, NewVersion | Repeat]
_ACCOUNT: Final = ITEM.index("account")


@dataclass(slots=True)
class _Rows:
    """Rows for the statements, by kind label where they have one."""

    accounts: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[list[Any]]] = field(default_factory=dict)
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
        self.latest: dict[str, State] = {}
        self.number = standing.number + len(merge.added)
        by_key: dict[str, list[Numbered]] = {}
        for number, version in enumerate(merge.added, standing.number + 1):
            by_key.setdefault(version.key, []).append((number, version))
        for key, versions in by_key.items():
            if is_first and len(versions) == 1 and not versions[0][1].is_retired:
                self._find(key, *versions[0])
            else:
                self._place(key, versions)

    def pieces(self) -> Iterable[Piece]:
        """In an order in which each finds what it needs."""
        rows = self._rows
        accounts = [{"id": id_, "tenant": self._tenant, "name": name} for id_, name in sorted(rows.accounts.items())]
        yield from pieces("accounts", accounts)
        for label, found in sorted(rows.found.items()):
            yield from map(_placed, pieces("found", found, label))
        for name, by_label in (("create", rows.create), ("replace", rows.replace)):
            for label, made in sorted(by_label.items()):
                yield from pieces(name, made, label)
        yield from pieces("restate", rows.restate)
        yield from pieces("retire", rows.retire)
        yield from pieces("bury", rows.bury)
        yield from pieces("states", rows.states)

    def _find(self, key: str, number: int, version: NewVersion | Repeat) -> None:
        """Take in the one state of something that is there, in a graph that has nothing yet: most of a first write."""
        version = self._with_item(version)
        item, sight, names = version.item, self._sight(version), sorted(self._collections(key))
        *values, kept = item_values(item)
        account = node_id(self._tenant, values[_ACCOUNT])
        self._rows.accounts[account] = values[_ACCOUNT]
        since, lastupdated = sight.valid_from // 1_000, sight.seen_at // 1_000
        place = (since, lastupdated, names, number, self._write, f"{kept}{BREAK}{sight.text}")
        found = self._rows.found.setdefault(kind_label(item.provider, item.type), [])
        found.append([account, node_id(self._tenant, key), *values, *place])
        self.latest[key] = state_of(sight, number, joined(names))

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
        sight = self._sight(version)
        again = sight.text
        now = self._now(key, version, number, sight, again)
        item, row = version.item, self._row(key, known)
        row.update(now=now, again=again, since=us_from_instant(since) // 1_000)
        self.latest[key] = state_of(sight, number, joined(now["collections"]))
        if version.is_retired:
            (self._rows.bury if known is None else self._rows.retire).append(row)
            return
        row["account"] = node_id(self._tenant, account_of(item.scope))
        self._rows.accounts[row["account"]] = now["account"]
        label = kind_label(item.provider, item.type)
        if self._is_first:
            state = {**now, "id": row["id"], "firstseen": row["since"]}
            self._rows.found.setdefault(label, []).append([row["account"], *map(state.__getitem__, FOUND)])
        else:
            target = self._rows.create if known is None else self._rows.replace
            target.setdefault(label, []).append({**row, "label": label})

    def _repeat(self, key: str, version: Repeat, number: int, known: Known) -> None:
        """The state stays, and is gone or begins again."""
        again = version.seen_at or version.valid_from
        sight = known_sight(known, self._write)._replace(
            valid_from=us_from_instant(version.valid_from),
            seen_at=us_from_instant(again),
            retired=version.is_retired,
            told=version.is_told,
        )
        now: Properties = {
            "number": number,
            "lastupdated": sight.seen_at // 1_000,
            "noted": self._write,
            "collections": sorted(self._collections(key)),
        }
        row = {**self._row(key, known), "now": now, "again": sight.text}
        is_leaving = version.is_retired and not known.is_retired
        (self._rows.retire if is_leaving else self._rows.restate).append(row)
        self.latest[key] = state_of(sight, number, joined(now["collections"]))

    def _row(self, key: str, known: Known | None) -> Properties:
        row: Properties = {"id": node_id(self._tenant, key)}
        if known is not None:
            former = known_sight(known)
            row["former"] = {
                "id": node_id(self._tenant, f"{known.version}"),
                "valid_from": former.valid_from,
                "retired": former.retired,
            }
            row["seen"] = former.text
        return row

    def _sight(self, version: NewVersion) -> Sight:
        since, item = us_from_instant(version.valid_from), version.item
        return Sight(
            version.fingerprint,
            since,
            since if version.seen_at is None else us_from_instant(version.seen_at),
            None if item.captured_at is None else us_from_instant(item.captured_at),
            item.origin.file,
            item.origin.line,
            version.is_retired,
            version.is_told,
            self._write,
        )

    def _now(self, key: str, version: NewVersion, number: int, sight: Sight, text: str) -> Properties:
        found = item_properties(version.item)
        found.update(
            kept=f"{found['kept']}{BREAK}{text}",
            number=number,
            lastupdated=sight.seen_at // 1_000,
            noted=self._write,
            collections=sorted(self._collections(key)),
        )
        return found

    def _state(self, key: str, version: NewVersion, number: int) -> Properties:
        sight = self._sight(version)
        return {
            **self._now(key, version, number, sight, sight.text),
            "id": node_id(self._tenant, f"{number}"),
            "entity": node_id(self._tenant, key),
            "valid_from": sight.valid_from,
            "retired": sight.retired,
        }

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


def _placed(piece: Piece) -> Piece:
    """Nodes of a first collection with their accounts by number, so that each account is looked for once."""
    accounts: dict[str, int] = {}
    rows = [[accounts.setdefault(row[0], len(accounts)), *row[1:]] for row in piece.rows]
    return replace(piece, rows=rows, common={"accounts": list(accounts)})


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
