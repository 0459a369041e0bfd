"""A live tenant's change history in the form in which recorded histories are read, so that features are computed alike.

A resource's stack is the deployment that made it, where a tag says so, otherwise its scope. Its file is the part of
the stack in its region; its source is its type; its peers have its type and name elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import polars as pl

from domain.errors import InputError
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, ResourceId, resource_key
from training.history import Action, Frames, Timeline, timeline

STACK_TAGS = (
    "aws:cloudformation:stack-name", "pulumi:stack", "goog-dm", "goog-terraform-workspace", "terraform-workspace",
    "hidden-link:stack", "stack",
)  # fmt: skip
"""Tags in which deployment tools say what they deployed, most certain first."""

_EVENT: dict[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"), "uid": pl.String(), "type": pl.String(), "is_scored": pl.Boolean(),
    "stack": pl.String(), "folder": pl.String(), "file": pl.String(), "source": pl.String(), "peer": pl.String(),
    "action": pl.UInt8(), "changed": pl.Int64(), "author": pl.String(), "is_bot": pl.Boolean(), "batch": pl.String(),
    "batch_size": pl.Int64(),
}  # fmt: skip
_EDGE: dict[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"),
    "source": pl.String(),
    "target": pl.String(),
    "added": pl.Boolean(),
}
_FINDING: dict[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"),
    "uid": pl.String(),
    "check": pl.String(),
    "opened": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One resource's change of state, as the shard applied it.

    Args:
        before, after: states on either side; None where the resource was not there.
        targets: what the new state refers to, by id; empty where it is gone.
        principal: who changed it, in a form that names nobody; empty where unknown.
        is_automated: the principal is a pipeline or a service.
        batch: names the changes that were made together.
    """

    at: datetime
    before: ConfigurationItem | None
    after: ConfigurationItem | None
    targets: frozenset[ResourceId] = frozenset()
    principal: str = ""
    is_automated: bool = False
    batch: str = ""

    @property
    def item(self) -> ConfigurationItem:
        """The latest state there is.

        Raises:
            InputError: neither state is given.
        """
        item = self.after or self.before
        if item is None:
            raise InputError("a change of nothing", at=self.at.isoformat(), todo="Give the state before or after")
        return item


@dataclass(frozen=True, slots=True)
class Found:
    """A violation that opened or closed. `at` is when the state that was judged began, not when it was judged."""

    at: datetime
    resource_id: ResourceId
    policy_id: PolicyId
    is_open: bool


def live_timeline(
    tenant: str,
    cloud: str,
    changes: Sequence[Changed],
    findings: Iterable[Found],
    *,
    end: datetime,
    declared: Mapping[str, str] = MappingProxyType({}),
) -> Timeline:
    """The history of a live tenant.

    Args:
        changes: in any order.
        end: until when every change and finding is known.
        declared: what declarations call a live type, by its name in lower case: recorded histories are declarations.
    """
    ordered = sorted(changes, key=lambda one: one.at)
    return timeline(tenant, cloud, Frames(_events(ordered, declared), _edges(ordered), _findings(findings)), end=end)


def changed_attributes(before: ConfigurationItem | None, after: ConfigurationItem | None) -> int:
    """How many attributes differ, one level deep, tags each by itself; of a new resource, how many it has."""
    one, other = _attributes(before), _attributes(after)
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def stack_of(item: ConfigurationItem) -> str:
    """What a resource was deployed with."""
    return next((f"{item.scope}#{item.tags[tag]}" for tag in STACK_TAGS if item.tags.get(tag)), item.scope)


def _events(changes: Sequence[Changed], declared: Mapping[str, str]) -> pl.DataFrame:
    sizes = Counter(one.batch or f"#{at}" for at, one in enumerate(changes))
    rows = [_event(one, one.batch or f"#{at}", sizes, declared) for at, one in enumerate(changes)]
    return pl.DataFrame(rows, schema=_EVENT, orient="row")


def _event(one: Changed, batch: str, sizes: Mapping[str, int], declared: Mapping[str, str]) -> tuple[object, ...]:
    item, stack = one.item, stack_of(one.item)
    kind = f"resource:{declared.get(item.type.lower(), item.type.lower())}"
    action = Action.CREATE if one.before is None else Action.DELETE if one.after is None else Action.UPDATE
    return (
        one.at, resource_key(item.uid), kind, True, stack, item.scope.rpartition("/")[0], f"{stack}/{item.region}",
        kind, f"{kind}.{item.name}", int(action), changed_attributes(one.before, one.after), one.principal,
        one.is_automated, batch, sizes[batch],
    )  # fmt: skip


def _edges(changes: Sequence[Changed]) -> pl.DataFrame:
    return pl.DataFrame(list(_edge_rows(changes)), schema=_EDGE, orient="row")


def _edge_rows(changes: Sequence[Changed]) -> Iterator[tuple[datetime, str, str, bool]]:
    known: dict[str, frozenset[str]] = {}
    for one in changes:
        uid = resource_key(one.item.uid)
        now = frozenset(resource_key(target) for target in one.targets) if one.after else frozenset()
        before = known.get(uid, frozenset())
        yield from ((one.at, uid, target, True) for target in sorted(now - before))
        yield from ((one.at, uid, target, False) for target in sorted(before - now))
        known[uid] = now


def _findings(findings: Iterable[Found]) -> pl.DataFrame:
    rows = [(one.at, resource_key(one.resource_id), one.policy_id, one.is_open) for one in findings]
    return pl.DataFrame(rows, schema=_FINDING, orient="row")


def _attributes(item: ConfigurationItem | None) -> dict[str, object]:
    if item is None:
        return {}
    return {**item.properties, **{f"tags.{name}": value for name, value in item.tags.items()}}
