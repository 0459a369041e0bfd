"""What auditIfNotExists and deployIfNotExists look for beside a resource, and where a related resource may be.

A resource for which the rule's ``if`` is true violates when no related resource satisfies `Existence.condition`.
In that condition a path names the related resource; behind `OUTER` it names the triggering one. A related
resource lies below the triggering one (a child, or an extension on it), and otherwise in its resource group or
its subscription. Both sides name the places by ids, so that a look-up is an equality join: `anchors_of` where a
resource is found, `Existence.anchors` where a triggering resource looks.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/effect-audit-if-not-exists
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graph.path import fold
from policy.tree import OUTER, Condition, Expression, asks_time, reads_in, reads_of, uses_time

_PROVIDERS: Final = "/providers/"
_CONTAINER_SEGMENTS: Final = {2: "subscriptions", 4: "resourcegroups"}
_ANY: Final = frozenset({"?", "*"})


@dataclass(frozen=True, slots=True, eq=False)
class Existence:
    """A look-up of related resources and what one of them must satisfy.

    Args:
        type: folded type of the related resource.
        scope: ``resourcegroup`` or ``subscription``: where to look when `type` is no child of the triggering type.
        name: the name it must have, over the triggering resource; None for any.
        resource_group: another resource group to look in, over the triggering resource; None for its own.
        condition: what it must satisfy, over the related resource; None where being there is enough.
        key: text that is equal where two mean the same.
    """

    type: str
    scope: str
    name: Expression | None
    resource_group: Expression | None
    condition: Condition | None
    key: str

    @property
    def paths(self) -> frozenset[str]:
        """Columns of the related resource."""
        return frozenset(path for path in self._reads() if not path.startswith(OUTER)) | {"@id", "@name", "@fullname"}

    @property
    def outer_paths(self) -> frozenset[str]:
        """Columns of the triggering resource."""
        given = [expression for expression in (self.name, self.resource_group) if expression is not None]
        inside = {path.removeprefix(OUTER) for path in self._reads() if path.startswith(OUTER)}
        return frozenset(path for expression in given for path in reads_in(expression)) | inside | {"@id", "@type"}

    @property
    def is_time_dependent(self) -> bool:
        """Whether the answer can differ from one day to the next."""
        given = [expression for expression in (self.name, self.resource_group) if expression is not None]
        return any(map(asks_time, given)) or (self.condition is not None and uses_time(self.condition))

    def _reads(self) -> frozenset[str]:
        return reads_of(self.condition) if self.condition is not None else frozenset()

    def anchors(self, uid: str, kind: str, group: str | None) -> tuple[str, ...]:
        """Where a triggering resource looks: any of these among a resource's `anchors_of` is a match.

        Args:
            group: the value of `resource_group`, where there is one.
        """
        own = fold(uid).rstrip("/")
        subscription, wanted = containers_of(own)
        if self.type.startswith(f"{fold(kind)}/"):
            wanted = ""
        elif self.scope == "subscription":
            wanted = subscription
        elif group and subscription:
            wanted = f"{subscription}/resourcegroups/{fold(group)}"
        return tuple(dict.fromkeys(filter(None, (own, wanted))))


def containers_of(folded_id: str) -> tuple[str, str]:
    """The ids of the subscription and the resource group that an id names; empty where it names none."""
    parts = folded_id.split("/")
    found = ["", ""]
    for at, (size, word) in enumerate(_CONTAINER_SEGMENTS.items()):
        if len(parts) <= size or parts[size - 1] != word:
            break
        found[at] = "/".join(parts[: size + 1])
    return found[0], found[1]


@lru_cache(maxsize=65_536)
def anchors_of(uid: str) -> tuple[str, ...]:
    """The ids under which a resource is found: its parents, then what it extends or the groups that hold it."""
    return tuple(_anchors(fold(uid).rstrip("/")))


def _anchors(folded_id: str) -> Iterator[str]:
    host, mark, rest = folded_id.rpartition(_PROVIDERS)
    if not mark:
        yield from (found for found in containers_of(folded_id) if found and found != folded_id)
        return
    names = rest.split("/")
    for size in range(len(names) - 2, 2, -2):
        yield host + _PROVIDERS + "/".join(names[:size])
    yield host
    if _PROVIDERS not in host and host != containers_of(host)[0]:
        yield containers_of(host)[0]


def is_named(name: str, full_name: str) -> bool:
    """Whether a full name ends in the wanted one; ``?`` and ``*`` stand for any one part."""
    wanted, given = fold(name).split("/"), fold(full_name).split("/")
    if len(wanted) > len(given):
        return False
    return all(one in _ANY or one == other for one, other in zip(wanted, given[-len(wanted) :], strict=True))
