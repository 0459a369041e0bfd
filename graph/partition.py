"""A graph too large for one process, in parts: each reads the documents of its own scopes, and knows every resource.

What a part claims of edges between its resources and those of others is kept there: so the edges of the whole graph are
the claims of all parts, the hardest of each. Every part is told of every change; what is not its own it takes as a
change of a name alone. Answers of parts put together are those of the whole graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from zlib import crc32

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import InputError, IntegrityError, UnavailableError
from domain.resource import Relationship
from graph.live import Owns
from graph.reading import STRENGTHS
from graph.snapshot import account_of

PARTS_MAX: Final = 256
SCHEMA: Final = 1
_EVEN: Final = 1.2
_UNEVEN: Final = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """Which part reads which scopes.

    Args:
        parts: how many there are.
        homes: the part of each account and scope that was there when the plan was made, folded; what comes later is
            placed by a number of its account, the same in every process.
    """

    parts: int
    homes: Mapping[str, int]

    def part_of(self, scope: str) -> int:
        """The part that reads the documents of a scope."""
        folded = scope.lower()
        account = account_of(folded)
        home = self.homes.get(folded, self.homes.get(account))
        return crc32(account.encode("utf-8", "surrogatepass")) % self.parts if home is None else home

    def owns(self, part: int) -> Owns:
        """What one part reads."""
        return partial(_is_home, self, part)

    def homes_of(self, resources: pa.Table) -> NDArray[np.int64]:
        """By row of a table of resources, the part that reads its document."""
        column = resources.column("scope").unify_dictionaries().combine_chunks()
        if not len(resources):
            return np.empty(0, np.int64)
        homes = np.array([self.part_of(scope) for scope in column.dictionary.to_pylist()], np.int64)
        return homes[np.asarray(column.indices, dtype=np.int64)]

    def loads(self, sizes: Mapping[str, int]) -> list[int]:
        """Resources that each part reads, of scopes with these sizes."""
        found = [0] * self.parts
        for scope, size in sizes.items():
            found[self.part_of(scope)] += size
        return found

    def is_even(self, sizes: Mapping[str, int]) -> bool:
        """Whether no part reads much more than its share."""
        return max(self.loads(sizes)) <= _UNEVEN * sum(sizes.values()) / self.parts

    def encoded(self) -> bytes:
        """The plan as it is kept: canonical JSON with its schema's version."""
        document = {"v": SCHEMA, "parts": self.parts, "homes": dict(self.homes)}
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)

    @staticmethod
    def decoded(content: bytes, *, where: str) -> Plan:
        """Read what `encoded` wrote.

        Raises:
            IntegrityError: it is something else.
        """
        try:
            document = orjson.loads(content)
            homes = {str(scope): int(home) for scope, home in document["homes"].items()}
            plan, version = Plan(int(document["parts"]), homes), document["v"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(where, repr(error)[:120]) from None
        if version != SCHEMA or not 1 <= plan.parts <= PARTS_MAX or not set(homes.values()) <= set(range(plan.parts)):
            raise _damaged(where, f"version {version}, {plan.parts} parts")
        return plan


def _damaged(where: str, got: str) -> IntegrityError:
    return IntegrityError(
        "the plan of a graph's parts is damaged",
        where=where,
        got=got,
        todo="Remove the file: the plan is made anew, and no data is in it",
    )


def _is_home(plan: Plan, part: int, scope: str) -> bool:
    return plan.part_of(scope) == part


@dataclass(frozen=True, slots=True)
class Need:
    """What a graph takes in memory, about.

    Args:
        names_bytes: its resources without their edges, which every part holds.
        rest_bytes: its edges, and what changes are worked out from, which the parts share.
    """

    names_bytes: int
    rest_bytes: int

    @staticmethod
    def of(resources: pa.Table, edges: int) -> Need:
        """Of a graph that a store reads out."""
        return Need(resources.nbytes + _NAME_BYTES * resources.num_rows, _EDGE_BYTES * edges)

    @property
    def whole_bytes(self) -> int:
        """The graph in one piece."""
        return self.names_bytes + self.rest_bytes

    def parts(self, budget_bytes: int) -> int:
        """In how many parts it is held so that each fits.

        Raises:
            UnavailableError: not even the names fit, or they leave so little that there would be too many parts.
        """
        if self.whole_bytes <= budget_bytes:
            return 1
        room_bytes = budget_bytes - self.names_bytes
        if room_bytes * PARTS_MAX < self.rest_bytes:
            raise UnavailableError(
                "a graph is too large even in parts",
                names_bytes=self.names_bytes,
                rest_bytes=self.rest_bytes,
                budget_bytes=budget_bytes,
                retry_after_s=60,
                todo="Raise shard_memory_mib, or graph_whole_mib",
            )
        return max(2, -(-self.rest_bytes // room_bytes))


_NAME_BYTES = 32
"""What a resource takes beside its columns: where its texts and its edges start. Measured, synthetic estate."""
_EDGE_BYTES = 70
"""What an edge takes with its claims and what its document was looked up by. Measured, as above."""


def plan_parts(sizes: Mapping[str, int], parts: int) -> Plan:
    """Place scopes, those of an account together unless that would leave the parts uneven.

    Args:
        sizes: how many resources each scope has.

    Raises:
        InputError: no parts, or too many.
    """
    if not 1 <= parts <= PARTS_MAX:
        raise InputError("a graph has at least one part", parts=parts, parts_max=PARTS_MAX, todo="Ask for fewer parts")
    loads = [0] * parts
    homes: dict[str, int] = {}
    for name, size in sorted(_units(sizes, parts).items(), key=lambda unit: (-unit[1], unit[0])):
        home = loads.index(min(loads))
        loads[home] += size
        homes[name] = home
    return Plan(parts, homes)


def _units(sizes: Mapping[str, int], parts: int) -> dict[str, int]:
    """Accounts, and the scopes of those that are too large for one part."""
    accounts: dict[str, dict[str, int]] = {}
    for scope, size in sizes.items():
        inside = accounts.setdefault(account_of(scope), {})
        inside[scope.lower()] = inside.get(scope.lower(), 0) + size
    share = _EVEN * sum(sizes.values()) / parts
    units: dict[str, int] = {}
    for account, inside in accounts.items():
        total = sum(inside.values())
        units |= {account: total} if total <= share else inside
    return units


def hardest(found: Iterable[Relationship]) -> tuple[Relationship, ...]:
    """Each edge once, as the hardest claim of any part says."""
    best: dict[tuple[str, str, str], Relationship] = {}
    for each in found:
        key = (each.source, each.target, each.kind)
        if key not in best or _bearing(each) < _bearing(best[key]):
            best[key] = each
    return tuple(best[key] for key in sorted(best))


def _bearing(each: Relationship) -> tuple[int, str]:
    return STRENGTHS.index(each.strength), each.path
