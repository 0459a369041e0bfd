"""A snapshot, asked in the way that a live graph is asked: by row, with nothing that differs from the base."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import NotFound
from domain.resource import ResourceId
from graph.patch import EdgePatch
from graph.snapshot import Snapshot


class Named(Protocol):
    """What is shown of a resource."""

    @property
    def uid(self) -> ResourceId: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def digest(self) -> str: ...


class AnyGraph(Protocol):
    """A snapshot, or a base and what differs from it."""

    @property
    def base(self) -> Snapshot: ...
    @property
    def patch(self) -> EdgePatch | None: ...
    @property
    def size(self) -> int:
        """How many row numbers there are."""

    @property
    def gone(self) -> frozenset[int]:
        """Rows without a resource."""

    @property
    def changed(self) -> Collection[int]:
        """Rows of resources that are new or not as in the base."""

    def find(self, uid: str) -> int | None:
        """The row of a resource, or None where it is not here."""

    def resource(self, row: int) -> Named:
        """One resource."""


SHOWN: Final = ("uid", "name", "type", "scope", "region", "digest")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a resource."""

    uid: ResourceId
    name: str
    type: str
    scope: str
    region: str
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class WholeGraph:
    """A snapshot alone."""

    base: Snapshot

    @property
    def patch(self) -> EdgePatch | None:
        """Nothing differs."""
        return None

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.base)

    @property
    def gone(self) -> frozenset[int]:
        """Every row has a resource."""
        return frozenset()

    @property
    def changed(self) -> Collection[int]:
        """Everything is as in the base."""
        return ()

    def find(self, uid: str) -> int | None:
        """The row of a resource, or None where it is not here."""
        return self.base.find(uid)

    def resource(self, row: int) -> Shown:
        """One resource."""
        columns = self.base.resources
        uid, *rest = (str(columns.column(each)[row].as_py()) for each in SHOWN)
        return Shown(ResourceId(uid), *rest)


def index_of(graph: AnyGraph, uid: str) -> int:
    """The row of a resource.

    Raises:
        NotFound: it is not here.
    """
    row = graph.find(uid)
    if row is None:
        raise NotFound("no such resource", uid=uid, todo="Check the id against the resources of the graph")
    return row
