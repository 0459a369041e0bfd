"""How relationships of some sources change, as the pieces that write it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import Final

import numpy as np

from domain.resource import Relationship, RelationshipKind, resource_keys
from domain.tenancy import TenantId
from graph.stores.edge_codes import CodedEdges, coded_edges
from graph.stores.neo4j_rows import node_id
from graph.stores.neo4j_steps import Piece, parts, pieces

_KINDS: Final = tuple(RelationshipKind)


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
        new: list[Relationship] = []
        for key, found in self.given.items():
            had = self.former.get(key)
            new += [each for each in found if each not in had] if had else found
        yield from linked(coded_edges(new), tenant, is_there=is_there, write=write)

    def _cut(self) -> Iterable[str]:
        for key, had in self.former.items():
            kept = set(self.given[key])
            for each, ids in had.items():
                if each not in kept:
                    yield from ids


def linked(coded: CodedEdges, tenant: TenantId, *, is_there: Callable[[str], bool], write: int) -> Iterable[Piece]:
    """The write that adds relationships of which none is there; see `EdgeChanges.pieces`."""
    keys = resource_keys(coded.ends)
    absent = [
        {"id": node_id(tenant, key), "tenant": tenant, "uid": spelt, "noted": write}
        for key, spelt in dict(zip(keys, coded.ends, strict=True)).items()
        if not is_there(key)
    ]
    yield from pieces("absent", absent)
    yield from _links(coded, keys, [node_id(tenant, key) for key in keys])


def _links(coded: CodedEdges, keys: Sequence[str], ids: Sequence[str]) -> Iterable[Piece]:
    """Relationships by kind, each as three numbers beside what they stand for."""
    is_key = np.fromiter(map(eq, coded.ends, keys), np.bool_, len(keys))
    spelt = np.where(is_key, -1, np.arange(len(keys)))
    kinds = np.array([_KINDS.index(kind) for kind, _, _ in coded.meanings], np.int64)
    size = len(keys) + 1
    assert size * size * max(len(kinds), 1) < 2**63, "a graph of this size fits no machine"
    for place, kind in enumerate(_KINDS):
        for part in parts(np.flatnonzero(kinds[coded.means] == place)):
            sources, targets = coded.sources[part], coded.targets[part]
            ends, numbers = np.unique(np.concatenate([sources, targets]), return_inverse=True)
            packed = (coded.means[part] * size + spelt[sources] + 1) * size + spelt[targets] + 1
            said, meant = np.unique(packed, return_inverse=True)
            common = {
                "ids": [ids[end] for end in ends.tolist()],
                "said": [
                    _said(coded, each // size // size, each // size % size - 1, each % size - 1)
                    for each in said.tolist()
                ],
            }
            rows = np.column_stack([numbers[: len(part)], numbers[len(part) :], meant]).tolist()
            yield Piece("link", kind.name, rows, common)


def _said(coded: CodedEdges, meaning: int, source: int, target: int) -> list[str | None]:
    """What a relationship says: path, strength, and how its ends are spelt where that is not so."""
    _, strength, path = coded.meanings[meaning]
    return [path, strength.value, *(None if end < 0 else coded.ends[end] for end in (source, target))]


def marks(tenant: TenantId, digests: Mapping[str, str | None], write: int) -> Iterable[Piece]:
    """Let nodes say which relationships they have, where the ledger's base does not."""
    rows = [
        {"id": node_id(tenant, key), "now": {"edges": digest, "linked": write, "noted": write}}
        for key, digest in digests.items()
    ]
    yield from pieces("touch", rows)
