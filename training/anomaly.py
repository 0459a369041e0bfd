"""Configuration unlike its peers: which attributes of a resource stand out among those of the same type, scope or tag.

No model is fitted: an attribute counts where most peers agree on it and this resource does not. The answer names the
attribute, the usual value, and how many peers have it, so that a person can check it.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from domain.resource import ConfigurationItem
from domain.value import Json

PEERS_MIN = 10
AGREED_MIN = 0.8
ATTRIBUTES_SHOWN = 5
ABSENT = "(absent)"
DEPTH_MAX = 6
VALUE_CHARACTERS_MAX = 80
Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Configured:
    """A resource as attributes with texts for values."""

    uid: str
    type: str
    scope: str
    tags: Mapping[str, str]
    attributes: Mapping[str, str]

    def groups(self) -> tuple[Group, ...]:
        """Whose peer it is: of its type, of its type in its scope, and of its type with each of its tags."""
        tagged = ((self.type, "tag", name, value) for name, value in sorted(self.tags.items()))
        return ((self.type,), (self.type, "scope", self.scope), *tagged)


@dataclass(frozen=True, slots=True)
class StandingOut:
    """One attribute that differs from what peers agree on.

    Args:
        share: of the peers that have the usual value.
        bits: how surprising the value is among the peers, beyond the usual one.
    """

    attribute: str
    value: str
    usual: str
    share: float
    peers: int
    bits: float

    def __str__(self) -> str:
        return f"{self.attribute} is {self.value}; {100 * self.share:.0f} % of {self.peers} peers have {self.usual}"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """How far a resource stands out, and by what, most surprising first. `score` is in [0, 1) and only ranks."""

    uid: str
    group: Group
    score: float
    standing_out: tuple[StandingOut, ...]


class Peers:
    """What attributes the resources of each group have."""

    def __init__(self, resources: Iterable[Configured] = ()) -> None:
        self._sizes: Counter[Group] = Counter()
        self._values: dict[Group, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for one in resources:
            self.add(one)

    def add(self, resource: Configured) -> None:
        """Count a resource among its peers."""
        self._count(resource, 1)

    def remove(self, resource: Configured) -> None:
        """Count it no longer."""
        self._count(resource, -1)

    def agrees(self, resource: Configured, attribute: str) -> bool:
        """Whether it has what its type's peers agree on, among enough of them."""
        group = resource.groups()[0]
        peers = self._sizes[group] - 1
        others = self._values[group][attribute][resource.attributes.get(attribute, ABSENT)] - 1
        return peers >= PEERS_MIN and others / peers >= AGREED_MIN

    def judge(self, resource: Configured, *, is_counted: bool) -> Anomaly | None:
        """How a resource compares with its peers; None while no group has enough of them.

        Args:
            is_counted: it is among the peers itself and must not vouch for itself.
        """
        judged = [
            Anomaly(resource.uid, group, bits / (bits + 10), shown)
            for group in resource.groups()
            if self._sizes[group] - is_counted >= PEERS_MIN
            for bits, shown in [self._standing_out(resource, group, is_counted=is_counted)]
        ]
        return max(judged, key=lambda one: one.score, default=None)

    def _count(self, resource: Configured, by: int) -> None:
        for group in resource.groups():
            self._sizes[group] += by
            for name, value in resource.attributes.items():
                counts = self._values[group][name]
                counts[value] += by
                if not counts[value]:
                    del counts[value]

    def _standing_out(
        self, resource: Configured, group: Group, *, is_counted: bool
    ) -> tuple[float, tuple[StandingOut, ...]]:
        found = [
            one
            for name in self._values[group].keys() | resource.attributes.keys()
            if (one := self._compare(resource, group, name, is_counted=is_counted)) is not None
        ]
        shown = heapq.nlargest(ATTRIBUTES_SHOWN, _one_each(found), key=lambda one: (one.bits, one.attribute))
        return sum(one.bits for one in shown), tuple(shown)

    def _compare(self, resource: Configured, group: Group, name: str, *, is_counted: bool) -> StandingOut | None:
        own, peers = resource.attributes.get(name, ABSENT), self._sizes[group] - is_counted
        if len(self._values[group][name]) > (1 - AGREED_MIN) * peers + 2:
            return None  # so many values leave no room for agreement
        counts = self._values[group][name].copy()
        counts[ABSENT] = self._sizes[group] - sum(counts.values())
        counts[own] -= is_counted
        usual, agreed = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
        if usual == own or agreed / peers < AGREED_MIN:
            return None
        bits = float(np.log2((agreed + 0.5) / (counts[own] + 0.5)))
        return StandingOut(name, own, usual, agreed / peers, peers, bits)


def anomalies(resources: Iterable[Configured]) -> tuple[Anomaly, ...]:
    """Every resource that has peers and differs from them, most striking first."""
    every = list(resources)
    peers = Peers(every)
    judged = (peers.judge(one, is_counted=True) for one in every)
    found = [one for one in judged if one is not None and one.standing_out]
    return tuple(sorted(found, key=lambda one: (-one.score, one.uid)))


def configured(item: ConfigurationItem) -> Configured:
    """A live resource in the form that is compared. Identifiers differ everywhere and are never agreed on."""
    tags = {f"tags.{name}": value for name, value in item.tags.items()}
    return Configured(item.uid, item.type.lower(), item.scope, item.tags, {**dict(_flat(item.properties, ())), **tags})


def _flat(node: Json | Mapping[str, Json], trail: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Leaves by path; lists become their length and their scalars, in order of text."""
    if isinstance(node, Mapping) and len(trail) < DEPTH_MAX:
        for name, value in node.items():
            yield from _flat(value, (*trail, name))
    elif isinstance(node, list):
        scalars = sorted(str(one) for one in node if not isinstance(one, dict | list))
        yield ".".join(trail), f"{len(node)} of " + ", ".join(scalars)[:VALUE_CHARACTERS_MAX]
    else:
        yield ".".join(trail), str(node)[:VALUE_CHARACTERS_MAX]


def _one_each(found: Iterable[StandingOut]) -> Iterator[StandingOut]:
    """The most surprising attribute of each top-level one: the leaves of one block come and go together."""
    best: dict[str, StandingOut] = {}
    for one in found:
        head = ".".join(one.attribute.split(".")[:2])
        if head not in best or one.bits > best[head].bits:
            best[head] = one
    return iter(best.values())
