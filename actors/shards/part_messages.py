"""What the owner of a tenant and the shards that hold parts of its graph tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import ConfigurationItem, Relationship, ResourceId
from domain.tenancy import TenantId
from graph.partition import Plan
from graph.view import Edge, GraphView


@dataclass(frozen=True, slots=True)
class PartName:
    """One part of one tenant's graph."""

    tenant: TenantId
    number: int

    def __str__(self) -> str:
        return f"{self.tenant}/{self.number}"


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """Who may have a part read and changed: the owner with the latest epoch, in its latest turn.

    Args:
        epoch: that the tenant's store was claimed with.
        turn: how often that owner has had the parts read.
    """

    epoch: int
    turn: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Which state of a part is meant.

    Args:
        step: how many changes it has taken since its owner had the parts read; the same in all parts.
    """

    term: Term
    step: int


@dataclass(frozen=True, slots=True)
class PartOpening:
    """What a part begins with; documents follow.

    Args:
        resources: every resource of the tenant, without documents, in order of `resource_key`.
        size_bytes: what the part is expected to take.
    """

    plan: Plan
    resources: pa.Table
    as_of: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A resource in a new state. To a part that does not read it, without its document."""

    uid: ResourceId
    after: ConfigurationItem | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PartStep:
    """Changes that a part takes as one step.

    Args:
        asked: whose documents were looked for because the part had asked for them; what is not among `documents` is
            not there.
    """

    changes: Sequence[Moved]
    asked: frozenset[ResourceId] = frozenset()
    documents: Sequence[ConfigurationItem] = ()


@dataclass(frozen=True, slots=True)
class PartChanged:
    """What a step did to a part.

    Args:
        wanted: whose documents are needed first; the step was not taken where there are any.
        sources: resources whose own edges, or what of them leads nowhere, this part has otherwise than before.
    """

    wanted: tuple[ResourceId, ...] = ()
    sources: frozenset[ResourceId] = frozenset()
    resources: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PartEdges:
    """What a part knows of the edges of some sources.

    Args:
        unmet: what leads nowhere, with the text as target.
    """

    edges: tuple[Relationship, ...] = ()
    unmet: tuple[Relationship, ...] = ()


@dataclass(frozen=True, slots=True)
class Tie:
    """An edge as it is seen from one of its ends.

    Args:
        resource_id: the other end, and its type.
    """

    resource_id: ResourceId
    type: str
    kind: str
    strength: str
    path: str


def tie_of(view: GraphView, edge: Edge, other: int) -> Tie:
    """An edge of a graph, seen from the end that is not `other`."""
    return Tie(view.uid(other), view.type(other), edge.kind.value, edge.strength.value, edge.path)


@dataclass(frozen=True, slots=True)
class Ties:
    """What a resource is connected to, some of it where it is much.

    Args:
        uid: as the resource spells it.
    """

    uid: ResourceId
    depends_on: tuple[Tie, ...]
    needed_by: tuple[Tie, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PartCounts:
    """A part in numbers.

    Args:
        inside: edges between its own resources.
        across: a number for each edge to or from a resource of another part, the same in all parts.
    """

    inside: int
    across: NDArray[np.uint64]
    dangling: int


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What a drawing asks every part.

    Args:
        nodes: by number of the resource, the node that it is drawn in; below zero where it is not drawn.
        circles: by number, the circle of containment that it lies on, else below zero; None where there is none.
        edges_max: how many edges that other parts may know too may come back, one by one.
    """

    nodes: NDArray[np.int32]
    circles: NDArray[np.int32] | None
    edges_max: int
