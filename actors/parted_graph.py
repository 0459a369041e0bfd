"""A tenant's graph in parts, as its one writer has it: every part is told of every change, answers are put together.

The parts follow their owner step by step, and answer only for the step that the owner is at; so what is put together is
one state of the graph. A part that is not held as it should be, because its shard ended or needed the room, is read
again from the store before a question is answered. Not for several threads at once.

What the whole graph would show differs in one thing: edges on a circle of containment stand as they are claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import numpy as np

from actors.gathering import Gathering
from actors.handles import Handle
from actors.part_face import PartFace
from actors.shards.held_part import STEP_MAX, place_of
from actors.shards.part_messages import Mark, Moved, PartChanged, PartName, PartOpening, PartStep, Term, Tie, Ties
from actors.shards.part_places import PartPlaces
from domain.errors import UnavailableError
from domain.resource import ConfigurationItem, Relationship, ResourceId, Strength, resource_key
from domain.tenancy import TenantId
from graph.gathering import EDGE_BYTES
from graph.live import Changed, Delta, Documents, in_batches
from graph.partition import Plan, hardest
from graph.reading import STRENGTHS
from graph.readout import ReadOut

_Batches: TypeAlias = "dict[int, list[tuple[int, ConfigurationItem]]]"

R = TypeVar("R")
P = ParamSpec("P")

READ_BATCH: Final = 2_000
EDGES_BATCH: Final = 5_000
"""Sources whose edges are asked for at once."""
ATTEMPTS: Final = 3
THREADS: Final = 8
READ_DEADLINE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """A graph in parts, in numbers: resources, edges, and references that lead nowhere."""

    resources: int
    relationships: int
    dangling: int


@dataclass(slots=True)
class _Held:
    """A part as its owner knows it."""

    name: PartName
    shard: str
    handle: Handle[PartFace]
    size_bytes: int = 0


class PartedGraph:
    """Follows changes in the way of a `LiveGraph`, once `read` has had the parts read.

    Args:
        term: of this owner, in this turn.
        read_out: the store's graph as it is now, which is just what the parts show or are to show.
        documents: where documents are found by id, while the store is used by whoever calls.
        part_bytes: what each part is expected to take.
        gathered_bytes: what may be put together of them for one question.
    """

    def __init__(
        self,
        tenant: TenantId,
        plan: Plan,
        term: Term,
        places: PartPlaces[PartFace],
        *,
        read_out: Callable[[], ReadOut],
        documents: Documents,
        as_of: datetime,
        part_bytes: Sequence[int],
        gathered_bytes: int,
        unproven: frozenset[str] = frozenset(),
    ) -> None:
        self.tenant = tenant
        self.plan = plan
        self._mark = Mark(term, 0)
        self._places = places
        self._read_out = read_out
        self._documents = documents
        self._as_of = as_of
        self._part_bytes = part_bytes
        self._asking = ThreadPoolExecutor(min(plan.parts, THREADS), "parts")
        self._parts: dict[int, _Held] = {}
        self.store_version = 0
        self.resources = 0
        self.gathering = Gathering(self, tenant, as_of, edges_max=gathered_bytes // EDGE_BYTES, unproven=unproven)

    @property
    def size_bytes(self) -> int:
        """What the owner keeps itself; the parts count where they are held."""
        return 100 * len(self.plan.homes) + self.gathering.size_bytes

    @property
    def shards(self) -> tuple[str, ...]:
        """The shard that each part is held by, in order."""
        return tuple(held.shard for _, held in sorted(self._parts.items()))

    def read(self, readout: ReadOut) -> None:
        """Have every part read.

        Raises:
            UnavailableError: a shard does not answer, or has no memory for a part.
        """
        self._read(range(self.plan.parts), readout)
        self.store_version = readout.version

    def mark_unproven(self, accounts: frozenset[str]) -> None:
        """Parts do not tell of it: whoever asks is told by the store, or by what is put together of them."""
        self.gathering.mark_unproven(accounts)

    def apply(self, changes: Sequence[Changed], *, store_version: int | None = None) -> Delta:
        """Have all parts follow changes; of several of one resource the last counts.

        Raises:
            ConflictError: another shard owns the tenant.
            UnavailableError: a part could not follow; all are to be read again then.
        """
        latest = {resource_key(each.uid): Moved(each.uid, each.after, each.at) for each in changes}
        sources: set[ResourceId] = set()
        for some in in_batches(list(latest.values()), STEP_MAX):
            sources |= self._step(some)
        self.gathering.follow(changes)
        if store_version is not None:
            self.store_version = store_version
        return Delta(self.store_version, frozenset(sources), tuple(self.edges_of(sources)))

    def edges_of(self, sources: Collection[ResourceId]) -> list[Relationship]:
        """All edges of some sources, and what of them leads nowhere with the text as target."""
        found: list[Relationship] = []
        for some in in_batches(sorted(sources), EDGES_BATCH):
            answers = self.ask(PartFace.part_edges, some)
            found += hardest(edge for answer in answers for edge in answer.edges)
            found += (each for answer in answers for each in answer.unmet)
        return found

    def ties(self, uid: str, *, limit: int) -> Ties:
        """What a resource is connected to, the first by id where it is more than the limit.

        Raises:
            NotFound: there is no such resource.
        """
        answers = self.ask(PartFace.part_ties, uid, limit)
        return Ties(
            answers[0].uid,
            _joined((each.depends_on for each in answers), limit),
            _joined((each.needed_by for each in answers), limit),
        )

    def numbers(self) -> Numbers:
        """How large it is; an edge that two parts claim counts once."""
        answers = self.ask(PartFace.part_counts)
        across = np.unique(np.concatenate([each.across for each in answers]))
        inside = sum(each.inside for each in answers)
        return Numbers(self.resources, inside + len(across), sum(each.dangling for each in answers))

    def where(self) -> list[dict[str, Any]]:
        """Where each part is held, and what it takes there."""
        return [
            {"part": number, "shard": held.shard, "size_bytes": held.size_bytes}
            for number, held in sorted(self._parts.items())
        ]

    def close(self, *, is_waited_for: bool = False) -> None:
        """Have the parts let go of. That need not be waited for: what comes late is of a term that is over."""
        for held in {held.shard: held for held in self._parts.values()}.values():
            self._asking.submit(held.handle.call, PartFace.drop_parts, self.tenant, self._mark.term)
        self._asking.shutdown(wait=is_waited_for)

    def _step(self, changes: Sequence[Moved]) -> set[ResourceId]:
        """Have every part take a step; the sources of edges that are others now."""
        mark = self._mark
        answers = self._of_each(
            self._parts, lambda held: held.handle.call(PartFace.change_part, held.name, mark, self._for(held, changes))
        )
        steps = {
            number: self._with_documents(self._parts[number], changes, answer.wanted)
            for number, answer in answers.items()
            if answer.wanted
        }
        answers |= self._of_each(
            steps, lambda held: held.handle.call(PartFace.change_part, held.name, mark, steps[held.name.number])
        )
        self._mark = replace(mark, step=mark.step + 1)
        self._took(answers)
        return {uid for answer in answers.values() for uid in answer.sources}

    def _for(self, held: _Held, changes: Sequence[Moved]) -> PartStep:
        """A step as one part needs it: of what is not its own it takes the name alone."""
        owns = self.plan.owns(held.name.number)
        return PartStep([each if each.after is None or owns(each.after.scope) else _named(each) for each in changes])

    def _with_documents(self, held: _Held, changes: Sequence[Moved], wanted: Sequence[ResourceId]) -> PartStep:
        return replace(self._for(held, changes), asked=frozenset(wanted), documents=tuple(self._documents(wanted)))

    def ask(
        self, method: Callable[Concatenate[PartFace, PartName, Mark, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> list[R]:
        """Ask every part about the state that the owner is at; parts that are lost are read again first."""
        return self.ask_some(list(self._parts), method, *args, **kwargs)

    def ask_some(
        self,
        asked: list[int],
        method: Callable[Concatenate[PartFace, PartName, Mark, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[R]:
        """Ask some parts, as `ask` does."""
        answers = dict[int, R]()
        for attempt in range(1, ATTEMPTS + 1):
            lost: dict[int, UnavailableError] = {}
            answers |= self._of_each(
                asked, lambda held: held.handle.call(method, held.name, self._mark, *args, **kwargs), lost
            )
            if not lost:
                break
            if attempt == ATTEMPTS:
                raise next(iter(lost.values()))
            asked = list(lost)
            self._read(asked, self._read_out())
        return [answers[number] for number in sorted(answers)]

    def _read(self, numbers: Collection[int], readout: ReadOut) -> None:
        """Have parts read, each by the shard that it is placed on now."""
        mark, resources = self._mark, readout.resources
        shards = self._places.holders(self.tenant, self.plan.parts)
        for number in numbers:
            handle = self._places.handle(shards[number]).within(READ_DEADLINE_S)
            self._parts[number] = _Held(PartName(self.tenant, number), shards[number], handle)
        opening = PartOpening(self.plan, resources, self._as_of, 0)
        self._of_each(
            numbers,
            lambda held: held.handle.call(
                PartFace.begin_part,
                held.name,
                mark,
                replace(opening, size_bytes=self._part_bytes[held.name.number]),
            ),
        )
        sent: Counter[int] = Counter()
        for batches in self._batches(numbers, readout):
            self._send(batches, sent)
            sent.update(batches.keys())
        answers = self._of_each(
            numbers, lambda held: held.handle.call(PartFace.finish_part, held.name, mark.term, sent[held.name.number])
        )
        self._took(answers)

    def _send(self, batches: _Batches, sent: Counter[int]) -> None:
        term = self._mark.term
        self._of_each(
            batches,
            lambda held: held.handle.call(
                PartFace.read_part, held.name, term, sent[held.name.number], batches[held.name.number]
            ),
        )

    def _batches(self, numbers: Collection[int], readout: ReadOut) -> Iterator[_Batches]:
        """The documents that some parts read, with their rows, a few at a time."""
        homes, uids = self.plan.homes_of(readout.resources), readout.resources.column("uid")
        rows = np.flatnonzero(np.isin(homes, list(numbers)))
        for some in in_batches(rows.tolist(), READ_BATCH):
            found = {resource_key(uid): row for row, uid in zip(some, uids.take(some).to_pylist(), strict=True)}
            batches: _Batches = {}
            for item in self._documents(list(found)):
                row = found[resource_key(item.uid)]
                batches.setdefault(int(homes[row]), []).append((row, item))
            yield batches

    def _of_each(
        self,
        numbers: Iterable[int],
        ask: Callable[[_Held], R],
        lost: dict[int, UnavailableError] | None = None,
    ) -> dict[int, R]:
        """Ask several parts at once; all have answered, or failed, when this returns or raises.

        Args:
            lost: takes up the failures of parts that do not answer, where those are not the end of it.
        """
        asked = {number: self._asking.submit(ask, self._parts[number]) for number in numbers}
        answers: dict[int, R] = {}
        failures: list[BaseException] = []
        for number, answer in asked.items():
            error = answer.exception()
            if error is None:
                answers[number] = answer.result()
            elif isinstance(error, UnavailableError):
                self._places.forget(self._parts[number].shard)
                if lost is None:
                    failures.append(error)
                else:
                    lost[number] = error
            else:
                failures.insert(0, error)
        if failures:
            raise failures[0]
        return answers

    def _took(self, answers: Mapping[int, PartChanged]) -> None:
        for number, answer in answers.items():
            self._parts[number].size_bytes = answer.size_bytes
        counts = {answer.resources for answer in answers.values()}
        assert len(counts) <= 1, f"parts do not hold the same resources: {counts}"
        self.resources = counts.pop() if counts else self.resources


def _named(each: Moved) -> Moved:
    assert each.after is not None
    return replace(each, after=replace(each.after, properties={}, tags={}))


def _joined(found: Iterable[Sequence[Tie]], limit: int) -> tuple[Tie, ...]:
    """What parts know of one resource's edges, each edge once as its hardest claim says."""
    best: dict[tuple[str, str], Tie] = {}
    for tie in (tie for ties in found for tie in ties):
        place = place_of(tie)
        if place not in best or _bearing(tie) < _bearing(best[place]):
            best[place] = tie
    return tuple(best[place] for place in sorted(best)[:limit])


def _bearing(tie: Tie) -> tuple[int, str]:
    return STRENGTHS.index(Strength(tie.strength)), tie.path
