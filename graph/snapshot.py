"""One tenant's graph at one instant, immutable: resources as columns, edges both ways, tables per type.

Rows are in order of `resource_key`. Everything large is a numpy or Arrow buffer, so that an object store shares a
snapshot without copying it. Decided elsewhere: what an edge is (`graph.references`), what it carries in a failure
(`graph.blast_radius`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import NotFound
from domain.resource import Provider, Relationship, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.columns import Column, Table
from graph.references import KINDS, STRENGTHS, Dangling

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Directed edges in compressed rows, by source and by target.

    Shapes:
        starts: int32 (n + 1,); edges of source s are numbers starts[s] to starts[s + 1].
        targets: int32 (e,). kinds, strengths: uint8 (e,), indexes into `KINDS` and `STRENGTHS`.
        starts_in: int32 (n + 1,) and sources_in, numbers_in: int32 (e,): the same edges by target, each with
            its source and its number.
        paths: where each was found.
    """

    starts: Rows
    targets: Rows
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    starts_in: Rows
    sources_in: Rows
    numbers_in: Rows
    paths: Column

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def sources(self) -> Rows:
        """The source of each edge, by number."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))


EVERYWHERE: Final = frozenset({"*"})
"""`Snapshot.unproven` of a part of what was read."""


@lru_cache(maxsize=65_536)
def account_of(scope: str) -> str:
    """The subscription, account or other top level of a scope, folded: its first two segments."""
    return "/".join(scope.lower().split("/")[:3])


@dataclass(slots=True)
class _Memory:
    """What a snapshot works out once; left behind when it travels."""

    uids: tuple[ResourceId, ...] | None = None
    rows: dict[str, int] | None = None
    scopes: tuple[Rows, tuple[str, ...]] | None = None

    def __reduce__(self) -> tuple[type[_Memory], tuple[()]]:
        return (_Memory, ())


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A tenant's resources and how they connect.

    Args:
        resources: columns uid, name, digest (text) and type, scope, region, provider (dictionary), synthetic.
        tables: columns per type (lower-case), for the paths that were asked for.
        rows_by_type: rows of the resources of each type, in the order of its table's rows.
        dangling: references to something that is not here.
        cycles: resources that contain each other in a circle; the edges of a circle are kept as references.
        digest: SHA-256, hexadecimal, of the tenant, the instant, the items and the edges.
        nested: by type, child resources that stand only inside their parents' documents; nothing judges them.
        listed: by child type, rows of the parents whose documents list all such children.
        unproven: accounts, as `account_of` writes them, in which something could not be read; ``*`` where that holds
            of all. There, that a resource is not here does not prove that there is none.
    """

    tenant: TenantId
    as_of: datetime
    resources: pa.Table
    edges: Edges
    tables: Mapping[str, Table]
    rows_by_type: Mapping[str, Rows]
    dangling: tuple[Dangling, ...]
    cycles: tuple[tuple[ResourceId, ...], ...]
    digest: str
    nested: Mapping[str, Table] = field(default_factory=dict)
    listed: Mapping[str, Rows] = field(default_factory=dict)
    unproven: frozenset[str] = frozenset()
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def __len__(self) -> int:
        return int(self.resources.num_rows)

    @property
    def uids(self) -> tuple[ResourceId, ...]:
        """Ids by row."""
        if self._memory.uids is None:
            self._memory.uids = tuple(self.resources.column("uid").to_pylist())
        return self._memory.uids

    @property
    def types(self) -> tuple[str, ...]:
        """The provider's type names by row."""
        return tuple(self.resources.column("type").to_pylist())

    @property
    def scopes(self) -> tuple[Rows, tuple[str, ...]]:
        """A number for each row's scope, and the distinct scopes by number."""
        if self._memory.scopes is None:
            column = self.resources.column("scope").combine_chunks()
            names = tuple(str(name) for name in column.dictionary.to_pylist())
            self._memory.scopes = (np.asarray(column.indices, dtype=np.int32), names)
        return self._memory.scopes

    def provider_of(self, row: int) -> Provider:
        """Who manages a resource."""
        return Provider(self.resources.column("provider")[row].as_py())

    def find(self, uid: str) -> int | None:
        """The row of a resource, or None where it is not here."""
        if self._memory.rows is None:
            self._memory.rows = {resource_key(known): row for row, known in enumerate(self.uids)}
        return self._memory.rows.get(resource_key(uid))

    def index_of(self, uid: str) -> int:
        """The row of a resource.

        Raises:
            NotFound: it is not in this snapshot.
        """
        row = self.find(uid)
        if row is None:
            raise NotFound("no such resource", uid=uid, todo="Check the id against the resources of this snapshot")
        return row

    def relationship(self, number: int) -> Relationship:
        """One edge as an object."""
        source = int(np.searchsorted(self.edges.starts, number, side="right")) - 1
        return Relationship(
            source=self.uids[source],
            target=self.uids[int(self.edges.targets[number])],
            kind=KINDS[int(self.edges.kinds[number])],
            strength=STRENGTHS[int(self.edges.strengths[number])],
            path=str(self.edges.paths.value(number)),
        )

    def relationships(self) -> Iterator[Relationship]:
        """Every edge, in order of source, target and kind."""
        return (self.relationship(number) for number in range(len(self.edges)))
