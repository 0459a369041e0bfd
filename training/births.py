"""T1: will the next resource of this type in this stack be born violating?

A ledger goes through all tenants' changes in order of time. Before a change is entered, the ledger is asked about
what the change creates: only what was entered before can answer. Nothing is used that is unknown before the resource
exists: neither its text, nor who writes it, nor what is written with it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, repeat

import numpy as np
from numpy.typing import NDArray

from training.history import DAY_US, Action, Past

Key = tuple[str, ...]
HALF_LIFE_DAYS = 60.0
MEMORY = 0.3
"""Weight of the newest outcome in the mean of a key's latest outcomes."""
PSEUDO_COUNT = 2.0
LEVELS = ("all", "type", "tenant", "tenant_type", "folder_type", "stack", "stack_type")
PER_LEVEL = ("rate", "recent_rate", "latest", "births", "violating", "days_since")
NAMES = (*(f"{level}.{what}" for level in LEVELS for what in PER_LEVEL), "stack.size", "stack.days", "is_module")


@dataclass(slots=True)
class Tally:
    """What was born under one key, and what of it lives."""

    births: float = 0.0
    born: float = 0.0
    recent_births: float = 0.0
    recent_born: float = 0.0
    latest: float = -1.0
    at_us: int = 0
    live: int = 0
    violating: int = 0

    def enter(self, at_us: int, *, is_born: bool) -> None:
        """Count a birth."""
        fade = 2.0 ** (-(at_us - self.at_us) / DAY_US / HALF_LIFE_DAYS) if self.births else 0.0
        self.births += 1
        self.born += is_born
        self.recent_births = self.recent_births * fade + 1
        self.recent_born = self.recent_born * fade + is_born
        self.latest = float(is_born) if self.latest < 0 else (1 - MEMORY) * self.latest + MEMORY * is_born
        self.at_us = at_us


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is or will be."""

    tenant: str
    type: str
    stack: str
    folder: str

    def levels(self) -> tuple[Key, ...]:
        """The keys under which it counts, one for each of `LEVELS`, wider ones first."""
        tenant, kind = self.tenant, self.type
        return (
            (), ("type", kind), (tenant,), (tenant, "type", kind), (tenant, "folder", self.folder, kind),
            (tenant, "stack", self.stack), (tenant, "stack", self.stack, kind),
        )  # fmt: skip


@dataclass(slots=True)
class Ledger:
    """Everything entered so far."""

    tallies: dict[Key, Tally] = field(default_factory=dict)
    begun: dict[Key, int] = field(default_factory=dict)
    _open: dict[tuple[str, int], set[int]] = field(default_factory=dict)

    def knows(self, type_name: str) -> bool:
        """Whether anything of this type was ever born violating."""
        tally = self.tallies.get(("type", type_name))
        return tally is not None and tally.born > 0

    def ask(self, place: Place, at_us: int) -> list[float]:
        """The features of the next resource at a place, in order of `NAMES`."""
        row: list[float] = []
        rate = recent = latest = 0.3
        for key in place.levels():
            tally = self.tallies.get(key) or Tally()
            rate = (tally.born + PSEUDO_COUNT * rate) / (tally.births + PSEUDO_COUNT)
            fade = 2.0 ** (-(at_us - tally.at_us) / DAY_US / HALF_LIFE_DAYS) if tally.births else 0.0
            recent = (tally.recent_born * fade + PSEUDO_COUNT * recent) / (tally.recent_births * fade + PSEUDO_COUNT)
            latest = tally.latest if tally.latest >= 0 else latest
            violating = (tally.violating + PSEUDO_COUNT * rate) / (tally.live + PSEUDO_COUNT)
            idle = (at_us - tally.at_us) / DAY_US if tally.births else 3650.0
            row += [rate, recent, latest, np.log1p(tally.births), violating, np.log1p(idle)]
        stack = self.tallies.get(place.levels()[5]) or Tally()
        begun = self.begun.get(place.levels()[5], at_us)
        return [*row, np.log1p(stack.live), np.log1p((at_us - begun) / DAY_US), float(place.type.startswith("module"))]

    def _tallies(self, place: Place) -> Iterator[Tally]:
        return (self.tallies.setdefault(key, Tally()) for key in place.levels())

    def enter(self, change: Change) -> None:
        """Enter what one change did: births, deaths, and violations that opened and closed."""
        for place, _, is_born in change.births:
            self.begun.setdefault(place.levels()[5], change.at_us)
            for tally in self._tallies(place):
                tally.enter(change.at_us, is_born=is_born)
                tally.live += 1
        for place, node in change.deaths:
            had = self._open.pop((place.tenant, node), None)
            for tally in self._tallies(place):
                tally.live -= 1
                tally.violating -= bool(had)
        for place, node, check, opened in change.findings:
            self._find(place, node, check, opened=opened)

    def _find(self, place: Place, node: int, check: int, *, opened: bool) -> None:
        found = self._open.setdefault((place.tenant, node), set())
        before = bool(found)
        (found.add if opened else found.discard)(check)
        if bool(found) != before:
            for tally in self._tallies(place):
                tally.violating += 1 if found else -1


@dataclass(frozen=True, slots=True)
class Change:
    """What happened in one tenant at one instant. Each birth: place, node, whether a violation opened with it."""

    at_us: int
    tenant: str
    births: tuple[tuple[Place, int, bool], ...]
    deaths: tuple[tuple[Place, int], ...]
    findings: tuple[tuple[Place, int, int, bool], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Births:
    """A row for each scored creation of a type that was known to violate.

    Args:
        unknown, unknown_born: creations of types that nobody had seen violating, and how many of them did.

    Shapes:
        values: float32 (n, len(NAMES)). labels: bool (n,). at: int64 (n,), ascending. tenant: int16 (n,).
    """

    values: NDArray[np.float32]
    labels: NDArray[np.bool_]
    at: NDArray[np.int64]
    tenant: NDArray[np.int16]
    unknown: int
    unknown_born: int


def births(pasts: Sequence[Past]) -> Births:
    """Ask about every creation in the tenants' pasts, each before it is entered."""
    ledger, numbers = Ledger(), {past.tenant: at for at, past in enumerate(pasts)}
    rows: list[list[float]] = []
    facts: list[tuple[bool, int, int]] = []
    unknown = unknown_born = 0
    for change in heapq.merge(*(changes(past) for past in pasts), key=lambda one: (one.at_us, one.tenant)):
        for place, _, is_born in change.births:
            if not ledger.knows(place.type):
                unknown, unknown_born = unknown + 1, unknown_born + is_born
                continue
            rows.append(ledger.ask(place, change.at_us))
            facts.append((is_born, change.at_us, numbers[change.tenant]))
        ledger.enter(change)
    values = np.array(rows, np.float32).reshape(-1, len(NAMES))
    labels, at, tenant = (np.array([one[k] for one in facts]) for k in range(3))
    return Births(values, labels.astype(np.bool_), at.astype(np.int64), tenant.astype(np.int16), unknown, unknown_born)


def changes(past: Past) -> Iterator[Change]:
    """A tenant's changes of scored nodes, instant by instant."""
    nodes, events, findings = past.nodes, past.events, past.findings
    places = [
        Place(past.tenant, nodes.type.names[kind], nodes.stack.names[stack], nodes.folder.names[folder])
        for kind, stack, folder in zip(
            nodes.type.codes.tolist(), nodes.stack.codes.tolist(), nodes.folder.codes.tolist(), strict=True
        )
    ]
    happened = zip(events.at.tolist(), events.node.tolist(), events.action.tolist(), repeat(-1))
    columns = (findings.at, findings.node, findings.opened, findings.check)
    found = zip(*(one.tolist() for one in columns), strict=True)
    scored = nodes.is_scored.tolist()
    for at, group in groupby(heapq.merge(happened, found, key=lambda one: one[0]), key=lambda one: one[0]):
        together = [one for one in group if scored[one[1]]]
        if together:
            yield _change(past.tenant, at, together, places)


def _change(tenant: str, at_us: int, rows: list[tuple[int, int, int, int]], places: Sequence[Place]) -> Change:
    findings = tuple((places[n], n, check, bool(opened)) for _, n, opened, check in rows if check >= 0)
    opened_on = {node for _, node, _, opened in findings if opened}
    made = dict.fromkeys(node for _, node, action, check in rows if check < 0 and action == Action.CREATE)
    gone = dict.fromkeys(node for _, node, action, check in rows if check < 0 and action == Action.DELETE)
    return Change(
        at_us, tenant, tuple((places[node], node, node in opened_on) for node in made),
        tuple((places[node], node) for node in gone if node not in made),
        tuple(one for one in findings if one[1] not in gone or one[1] in made),
    )  # fmt: skip
