"""Verdicts that follow a live graph: after every change they are what a full run would say.

Only what a change can concern is judged again: the resource itself by all policies of its type, and those resources
whose existence conditions look where it is or was. Which resources an assigned policy is judged on is kept up as well,
and put over the verdicts when they are read. Days pass too: `at` judges again what depends on the date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assessment.incremental import Change
from assessment.inputs import AssessedPolicy
from assessment.live_blocks import Blocks, Piece, Spot, group_of, home_of
from assessment.live_masks import Masks
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, Provider, ResourceId, resource_key
from graph.live import Documents, in_batches
from graph.path import fold
from graph.snapshot import EVERYWHERE
from graph.view import GraphView
from policy.compile import Program
from policy.evaluate import UNCOLLECTED, Lookups, Related, evaluate
from policy.existence import Existence, anchors_of
from policy.incremental import ProgramIndex

DOCUMENTS_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Moved:
    """Verdicts that are others than before.

    Args:
        before, after: None where the policy does not judge the resource.
    """

    uid: str
    policy_id: PolicyId
    before: Verdict | None
    after: Verdict | None


class LiveVerdicts:
    """What every policy says of every resource of one tenant."""

    def __init__(self, policies: Sequence[AssessedPolicy], *, now: datetime, unproven: frozenset[str]) -> None:
        self._policies = {policy.policy_id: policy for policy in policies if policy.program is not None}
        programs = [policy.program for policy in policies if policy.program is not None]
        self._index = ProgramIndex.of(programs)
        self._now, self._unproven = now, unproven
        self._blocks = Blocks(self._index.paths, self._index.by_related)
        self._order: dict[tuple[str, Provider], tuple[Program, ...]] = {}
        self._verdicts: dict[str, bytes] = {}
        self._masks = Masks({p.policy_id: p.assigned for p in policies if p.assigned is not None})

    @classmethod
    def of(
        cls, view: GraphView, policies: Sequence[AssessedPolicy], documents: Documents, *, now: datetime
    ) -> LiveVerdicts:
        """Judge everything once, reading the documents of one type and account after the other."""
        found = cls(policies, now=now, unproven=view.overlay.unproven)
        places: dict[tuple[str, str], list[ResourceId]] = {}
        for row in view.rows().tolist():
            uid = view.uid(row)
            places.setdefault((fold(view.type(row)), home_of(uid)), []).append(uid)
        for _, uids in sorted(places.items()):
            items = [item for batch in in_batches(uids, DOCUMENTS_BATCH) for item in documents(batch)]
            found._take(items)
        for kind in found._blocks.kinds:
            found._judge_kind(kind, found._index_of(kind))
        return found

    def follow(self, changes: Sequence[Change], *, unproven: frozenset[str] | None = None) -> tuple[Moved, ...]:
        """Follow changes of resources, one for each; the verdicts that moved, in order of resource and policy."""
        kinds = set(self._index.by_related)
        read = {kind: self._accounts_read(kind) for kind in kinds}
        sides = [side for change in changes for side in change.sides]
        touched = {resource_key(side.uid) for side in sides}
        if any(map(self._masks.moves_all, sides)):
            touched |= set(self._blocks.keys)
        before = {key: self.verdicts_of(key) for key in touched}
        for change in changes:
            self._change(change)
        self._unproven = self._unproven if unproven is None else unproven
        for change in changes:
            if change.after is not None:
                self._judge_own(change.after)
        flipped = {kind: read[kind] ^ self._accounts_read(kind) for kind in kinds}
        others = self._concerned(changes, flipped)
        for key, _ in others:
            before.setdefault(key, self.verdicts_of(key))
        self._judge_others(others)
        return tuple(sorted(self._moved(before), key=lambda moved: (moved.uid, moved.policy_id)))

    def at(self, now: datetime) -> None:
        """Judge again what depends on the date."""
        self._now = now
        for kind in self._blocks.kinds:
            programs = [program for program in self._index_of(kind) if _asks_time(program)]
            if programs:
                self._judge_kind(kind, programs)

    def even_out(self, documents: Documents) -> None:
        """Make columns anew where much has changed since they were made; verdicts stay as they are."""
        for block in self._blocks.uneven():
            keys = block.all_keys()
            block.fill([item for batch in in_batches(keys, DOCUMENTS_BATCH) for item in documents(batch)])

    def verdicts_of(self, uid: str) -> Mapping[PolicyId, Verdict]:
        """What each policy that is judged on a resource says of it; empty where there is no such resource."""
        key = resource_key(uid)
        spot, codes = self._blocks.spot(key), self._verdicts.get(key)
        if spot is None or codes is None:
            return {}
        programs = self._index_of(spot.kind)
        named = {program.policy_id: Verdict(code) for program, code in zip(programs, codes, strict=True)}
        return {
            name: verdict for name, each in named.items() if (verdict := self._masks.over(key, name, each)) is not None
        }

    def counts(self) -> Mapping[PolicyId, Counter[Verdict]]:
        """How many resources have each verdict, by policy."""
        found: dict[PolicyId, Counter[Verdict]] = {}
        for key in self._blocks.keys:
            for name, verdict in self.verdicts_of(key).items():
                found.setdefault(name, Counter())[verdict] += 1
        return found

    def _take(self, items: Sequence[ConfigurationItem]) -> None:
        self._blocks.fill(items)
        for item in items:
            self._masks.put(item)

    def _change(self, change: Change) -> None:
        for side in (change.before, change.after):
            if side is not None:
                self._blocks.remove(resource_key(side.uid))
                self._verdicts.pop(resource_key(side.uid), None)
                self._masks.remove(resource_key(side.uid))
        if change.after is not None:
            self._blocks.put(change.after)
            self._masks.put(change.after)

    def _index_of(self, kind: str) -> tuple[Program, ...]:
        """The programs that judge a folded type, in the order of the codes that are kept."""
        provider = next(block.provider for _, block in self._blocks.of_kind(kind))
        if (kind, provider) not in self._order:
            self._order[kind, provider] = self._index.judging(kind, provider)
        return self._order[kind, provider]

    def _judge_kind(self, kind: str, programs: Sequence[Program]) -> None:
        lookups = Lookups()
        for home, block in self._blocks.of_kind(kind):
            for piece in block.pieces(block.paths):
                self._judge_piece(kind, home, piece, programs, lookups)

    def _judge_own(self, item: ConfigurationItem) -> None:
        key = resource_key(item.uid)
        spot = self._blocks.spot(key)
        assert spot is not None
        block = self._blocks.block(spot.kind, spot.home)
        assert block is not None
        for piece in block.pieces(block.paths, {key}):
            self._judge_piece(spot.kind, spot.home, piece, self._index_of(spot.kind), Lookups())

    def _judge_piece(self, kind: str, home: str, piece: Piece, programs: Sequence[Program], lookups: Lookups) -> None:
        order = {program.policy_id: at for at, program in enumerate(self._index_of(kind))}
        codes = [bytearray(self._verdicts.get(key, bytes(len(order)))) for key in piece.keys]
        for program in programs:
            related = self._related(program.existence, kind, home, piece.keys)
            verdicts = evaluate(program, piece.table, now=self._now, lookups=lookups, related=related)
            at = order[program.policy_id]
            for row, verdict in zip(codes, verdicts.tolist(), strict=True):
                row[at] = verdict
        self._verdicts.update({key: bytes(row) for key, row in zip(piece.keys, codes, strict=True)})

    def _related(self, existence: Existence | None, kind: str, home: str, keys: Sequence[str]) -> Related:
        if existence is None:
            return UNCOLLECTED
        tables = self._blocks.tables(existence.type, home, existence.paths)
        is_read = self._is_read(existence.type, kind, home, keys)
        return Related(tables, is_read) if tables or bool(is_read.any()) else UNCOLLECTED

    def _is_read(self, related: str, kind: str, home: str, keys: Sequence[str]) -> NDArray[np.bool_]:
        block, accounts = self._blocks.block(kind, home), self._accounts_read(related)
        assert block is not None
        found = [self._spot(key).account in accounts or block.lists(related, key) for key in keys]
        return np.array(found, dtype=bool)

    def _accounts_read(self, kind: str) -> frozenset[str]:
        """Accounts in which the absence of a type is proof."""
        return frozenset() if self._unproven >= EVERYWHERE else self._blocks.accounts(kind) - self._unproven

    def _spot(self, key: str) -> Spot:
        spot = self._blocks.spot(key)
        assert spot is not None, f"{key} stands in a block"
        return spot

    def _concerned(
        self, changes: Sequence[Change], flipped: Mapping[str, frozenset[str]]
    ) -> dict[tuple[str, PolicyId], Program]:
        """Pairs of a resource and a policy whose existence condition a change can have answered otherwise."""
        found: dict[tuple[str, PolicyId], Program] = {}
        for related, programs in self._index.by_related.items():
            sides = [side for change in changes for side in change.sides if _can_be(side, related)]
            if not sides and not flipped[related]:
                continue
            for program in programs:
                for key in self._looking(program, sides, flipped[related]):
                    found[key, program.policy_id] = program
        return found

    def _looking(self, program: Program, sides: Sequence[ConfigurationItem], flipped: frozenset[str]) -> Iterator[str]:
        """Resources that a program judges and that look where some others are or were."""
        existence = program.existence
        assert existence is not None
        own = [fold(side.uid).rstrip("/") for side in sides]
        places = {*own, *(place for side in sides for place in anchors_of(side.uid))}
        homes = {home_of(side.uid) for side in sides}
        groups = {group_of(side.uid) for side in sides}
        for kind in self._blocks.kinds if program.types is None else sorted(program.types & set(self._blocks.kinds)):
            is_child = existence.type.startswith(f"{kind}/")
            for home, block in self._blocks.of_kind(kind):
                if not program.applies_to(kind, block.provider):
                    continue
                yield from (key for key in places if key in block.positions or key in block.apart)
                if flipped:
                    yield from (key for key in block.all_keys() if self._spot(key).account in flipped)
                if is_child or home not in homes:
                    continue
                is_near = existence.scope == "resourcegroup" and existence.resource_group is None
                yield from block.in_groups(groups) if is_near else block.all_keys()

    def _judge_others(self, pairs: Mapping[tuple[str, PolicyId], Program]) -> None:
        by_block: dict[tuple[str, str, PolicyId], set[str]] = {}
        programs = {name: program for (_, name), program in pairs.items()}
        for key, name in pairs:
            spot = self._blocks.spot(key)
            if spot is not None:
                by_block.setdefault((spot.kind, spot.home, name), set()).add(key)
        for (kind, home, name), keys in by_block.items():
            block, program = self._blocks.block(kind, home), programs[name]
            assert block is not None
            for piece in block.pieces(program.paths, keys):
                self._judge_piece(kind, home, piece, [program], Lookups())

    def _moved(self, before: Mapping[str, Mapping[PolicyId, Verdict]]) -> Iterator[Moved]:
        for key, known in before.items():
            now = self.verdicts_of(key)
            for name in known.keys() | now.keys():
                if known.get(name) is not now.get(name):
                    yield Moved(key, name, known.get(name), now.get(name))


def _can_be(item: ConfigurationItem, related: str) -> bool:
    """Whether a resource can be what is looked for, or hold it inside its document."""
    kind = fold(item.type)
    return related == kind or related.rpartition("/")[0] == kind


def _asks_time(program: Program) -> bool:
    return program.is_time_dependent or (program.existence is not None and program.existence.is_time_dependent)
