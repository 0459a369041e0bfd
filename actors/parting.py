"""Whether a tenant's graph is held whole by its shard or in parts by several, and how it comes from one to the other.

The plan of the parts is a small file beside the tenant's store, written by the tenant's one writer. It is kept from one
owner to the next as long as it fits; nothing is lost with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from actors.part_face import PartFace
from actors.parted_graph import EDGES_BATCH, PartedGraph
from actors.shards.part_messages import Term
from actors.shards.part_places import PartPlaces
from chain.durable import replace_file
from domain.errors import ConflictError, UnavailableError
from domain.resource import Relationship, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.hydrate import RELATIONSHIPS, Hydrated, are_current, hydrate
from graph.live import Delta, Documents, LiveGraph, unmet
from graph.partition import Need, Plan, plan_parts
from graph.reading import KINDS, STRENGTHS
from graph.saved import discard
from graph.stores.contract import GraphStore, Readout

PLAN_FILE: Final = "parts.json"
BACK_SHARE: Final = 0.8
"""A graph in parts is held whole again where it takes no more than this share of what it may."""
GROWN_SHARE: Final = 1.1
"""A whole graph is parted where it takes more than this share: what is expected of it is not exact."""


@dataclass(frozen=True, slots=True, eq=False)
class InParts:
    """A graph that is held in parts.

    Args:
        delta: what the store's relationships lack.
    """

    live: PartedGraph
    delta: Delta


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What parts are read from."""

    store: Callable[[], GraphStore]
    as_of: datetime
    documents: Documents


class Parting:
    """One tenant's. Not for several threads at once.

    Args:
        file: where the plan is kept.
        whole_bytes: what the graph may take on one shard.
        gathered_bytes: what may be put together of parts for one question.
        epoch: that the store was claimed with.
    """

    def __init__(
        self,
        tenant: TenantId,
        places: PartPlaces[PartFace],
        file: Path,
        *,
        whole_bytes: int,
        gathered_bytes: int,
        epoch: Callable[[], int],
    ) -> None:
        self._tenant, self._places, self._file = tenant, places, file
        self._whole_bytes, self._gathered_bytes, self._epoch = whole_bytes, gathered_bytes, epoch
        self._turn = 0

    @property
    def has_plan(self) -> bool:
        """Whether the graph was held in parts when it was read last."""
        return self._file.exists()

    def is_misplaced(self, live: LiveGraph | PartedGraph) -> bool:
        """Whether it is whole though too large for one shard, or in parts on other shards than the roster names."""
        if isinstance(live, PartedGraph):
            return live.shards != self._places.holders(self._tenant, live.plan.parts)
        return live.size_bytes > GROWN_SHARE * self._whole_bytes and self._has_others

    def read(
        self, store: Callable[[], GraphStore], folder: Path | None, *, as_of: datetime, documents: Documents
    ) -> Hydrated | InParts:
        """A store's graph, in memory here or in parts.

        Args:
            folder: where the whole graph is saved.

        Raises:
            UnavailableError: a shard has no memory for a part, or does not answer.
        """
        plan, source = self._kept(), _Source(store, as_of, documents)
        if plan is None and folder is not None and folder.is_dir():
            found = hydrate(store(), folder, as_of=as_of, documents=documents)
            return self._as_it_fits(found, source)
        readout = store().read_out()
        need = Need.of(readout.resources, readout.edges.num_rows)
        if self._has_others and need.whole_bytes > self._bound(plan):
            return self._parted(source, readout, plan, need)
        if plan is not None:
            self._put_together(store(), folder)
        found = hydrate(store(), folder, as_of=as_of, documents=documents, readout=readout)
        return self._as_it_fits(found, source)

    def _as_it_fits(self, found: Hydrated, source: _Source) -> Hydrated | InParts:
        """A graph that was read whole; in parts where it came out larger than was expected."""
        if not self.is_misplaced(found.live):
            return found
        need = _need_of(found.live)
        del found
        return self._parted(source, source.store().read_out(), None, need)

    @property
    def _has_others(self) -> bool:
        return len(set(self._places.holders(self._tenant, 2))) > 1

    def _bound(self, plan: Plan | None) -> int:
        return self._whole_bytes if plan is None else int(BACK_SHARE * self._whole_bytes)

    def _parted(self, source: _Source, readout: Readout, kept: Plan | None, need: Need) -> InParts:
        plan, loads = self._planned(readout, kept, need)
        share = need.rest_bytes / max(sum(loads), 1)
        self._turn += 1
        graph = PartedGraph(
            self._tenant,
            plan,
            Term(self._epoch(), self._turn),
            self._places,
            read_out=lambda: source.store().read_out(),
            documents=source.documents,
            as_of=source.as_of,
            part_bytes=[need.names_bytes + int(share * load) for load in loads],
            gathered_bytes=self._gathered_bytes,
            unproven=source.store().unproven(),
        )
        with ExitStack() as undo:
            undo.callback(graph.close)
            graph.read(readout)
            is_in_step = kept is not None and are_current(source.store())
            delta = Delta(readout.version) if is_in_step else _missing(graph, readout)
            undo.pop_all()
        return InParts(graph, delta)

    def _planned(self, readout: Readout, kept: Plan | None, need: Need) -> tuple[Plan, list[int]]:
        """The plan that is kept, where it fits and parts the graph evenly, else a new one; resources of each part."""
        parts = max(2, need.parts(self._whole_bytes))
        scopes = readout.resources.column("scope").value_counts()
        sizes = Counter(dict(zip(scopes.field("values").to_pylist(), scopes.field("counts").to_pylist(), strict=True)))
        if kept is not None and parts <= kept.parts <= 2 * parts and kept.is_even(sizes):
            return kept, kept.loads(sizes)
        plan = plan_parts(sizes, parts)
        self._keep(plan)
        return plan, plan.loads(sizes)

    def _kept(self) -> Plan | None:
        try:
            return Plan.decoded(self._file.read_bytes(), where=str(self._file))
        except FileNotFoundError:
            return None

    def _keep(self, plan: Plan) -> None:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, plan.encoded(), mode=0o600)
        except OSError as error:
            raise UnavailableError(
                "the plan of a graph's parts cannot be written",
                path=str(self._file),
                reason=error.strerror,
                todo="Check the folder that store_dir names",
            ) from None

    def _put_together(self, store: GraphStore, folder: Path | None) -> None:
        """Have the whole graph worked out from its documents: parts do not break circles of containment."""
        if folder is not None:
            discard(folder)
        store.apply((), stream=RELATIONSHIPS, position="")
        self._file.unlink()


def in_parts(tenant: TenantId) -> ConflictError:
    """A question needs the whole graph."""
    return ConflictError(
        "the tenant's graph is held in parts, and this question is answered from a whole one",
        tenant=tenant,
        todo=(
            "Ask for resources, failures, dependencies, drawings, history, drift or scans, which are answered; or have "
            "the graph held whole: raise graph_whole_mib and shard_memory_mib"
        ),
    )


def _need_of(live: LiveGraph) -> Need:
    names_bytes = Need.of(live.base.snapshot.resources, 0).names_bytes
    return Need(names_bytes, max(0, live.size_bytes - names_bytes))


def _missing(graph: PartedGraph, readout: Readout) -> Delta:
    """The sources whose edges the store keeps otherwise than the parts say, with the edges that they have."""
    sources: set[ResourceId] = set()
    edges: list[Relationship] = []
    for uids, kept in _kept_edges(readout):
        stated = _by_source(graph.edges_of(uids))
        before = _by_source(kept)
        for uid in uids:
            key = resource_key(uid)
            if _marks(before.get(key, ())) != _marks(stated.get(key, ())):
                sources.add(uid)
                edges += stated.get(key, ())
    return Delta(readout.version, frozenset(sources), tuple(edges))


def _kept_edges(readout: Readout) -> Iterator[tuple[list[ResourceId], list[Relationship]]]:
    """Resources, some at a time, with the edges that the store keeps of them."""
    uids = readout.resources.column("uid").to_pylist()
    starts = np.asarray(readout.edges.column("source").combine_chunks(), dtype=np.int64)
    lost: dict[str, list[Relationship]] = {}
    for each in readout.dangling:
        lost.setdefault(resource_key(each.source), []).append(unmet(each))
    for first in range(0, len(uids), EDGES_BATCH):
        some = [ResourceId(uid) for uid in uids[first : first + EDGES_BATCH]]
        begin, end = np.searchsorted(starts, [first, first + len(some)]).tolist()
        rows = readout.edges.slice(begin, end - begin).to_pylist()
        kept = [
            Relationship(
                ResourceId(uids[row["source"]]),
                ResourceId(uids[row["target"]]),
                KINDS[row["kind"]],
                STRENGTHS[row["strength"]],
                row["path"],
            )
            for row in rows
        ]
        yield some, kept + [each for uid in some for each in lost.get(resource_key(uid), ())]


def _by_source(edges: list[Relationship]) -> dict[str, list[Relationship]]:
    found: dict[str, list[Relationship]] = {}
    for each in edges:
        found.setdefault(resource_key(each.source), []).append(each)
    return found


def _marks(edges: list[Relationship] | tuple[()]) -> set[tuple[str, ...]]:
    return {(resource_key(each.target), each.kind.value, each.strength.value, each.path) for each in edges}
