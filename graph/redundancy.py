"""Redundancy: of which resources several are alternatives, and how many of them must be left. Rules as data.

Two tables. `NEEDS`: a resource whose edges of one kind are redundant (a pool and its targets) works while enough of
them are left; without a row, one is enough. `MEMBERS`: a group that works while enough of its members do, read from
the members' own edges to it: an instance that belongs to a scaling group, a pod that belongs to a replica set.

Source: the providers' documents on health of target groups, scaling groups, database clusters and quorums; the
choice of one or of a majority is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.resource import RelationshipKind

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Need:
    """How many of n alternatives must be left: a number, or the smallest whole number above a share of n.

    Args:
        above: share of n that must be exceeded; 0.5 is a majority.
    """

    count: int = 1
    above: float | None = None

    def losses(self, sizes: Rows) -> Rows:
        """How many losses are too many, by number of alternatives."""
        least = np.full_like(sizes, self.count)
        if self.above is not None:
            least = np.floor(self.above * sizes + 1e-9).astype(np.int32) + 1
        return (sizes - np.clip(least, 1, np.maximum(sizes, 1)) + 1).astype(np.int32)


ONE = Need()
MAJORITY = Need(above=0.5)
_WORDS = {"one": ONE, "two": Need(2), "majority": MAJORITY}

_NEEDS = """
aws::elasticloadbalancingv2::targetgroup | routes_to | one
aws::elasticloadbalancing::loadbalancer | routes_to | one
microsoft.network/loadbalancers | routes_to | one
microsoft.network/applicationgateways | routes_to | one
compute.googleapis.com/backendservice | routes_to | one
compute.googleapis.com/targethttpsproxy | secret_use | one
"""

_MEMBERS = """
aws::autoscaling::autoscalinggroup | contains | aws::ec2::instance | one
aws::rds::dbcluster | contains | aws::rds::dbinstance | one
aws::eks::cluster | contains | aws::eks::nodegroup | one
microsoft.compute/virtualmachinescalesets | member_of | microsoft.compute/virtualmachines | one
microsoft.compute/virtualmachinescalesets | contains | microsoft.compute/virtualmachinescalesets/virtualmachines | one
microsoft.compute/availabilitysets | member_of | microsoft.compute/virtualmachines | one
microsoft.containerservice/managedclusters | contains | microsoft.containerservice/managedclusters/agentpools | one
compute.googleapis.com/instancegroup | member_of | compute.googleapis.com/instance | one
container.googleapis.com/cluster | contains | container.googleapis.com/nodepool | one
apps/v1/replicaset | contains | v1/pod | one
apps/v1/deployment | contains | apps/v1/replicaset | one
apps/v1/statefulset | contains | v1/pod | majority
"""


@dataclass(frozen=True, slots=True)
class MemberRule:
    """Resources of `member` type with an edge of `kind` to one of `owner` type are its members."""

    owner: str
    kind: RelationshipKind
    member: str
    need: Need


def _cells(table: str) -> Iterable[list[str]]:
    return ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())


NEEDS: Mapping[tuple[str, RelationshipKind], Need] = {
    (owner, RelationshipKind(kind)): _WORDS[need] for owner, kind, need in _cells(_NEEDS)
}
MEMBERS: tuple[MemberRule, ...] = tuple(
    MemberRule(owner, RelationshipKind(kind), member, _WORDS[need]) for owner, kind, member, need in _cells(_MEMBERS)
)


@dataclass(frozen=True, slots=True)
class Redundancy:
    """The rules in force, by lower-case type names; `Redundancy()` are ours."""

    needs: Mapping[tuple[str, RelationshipKind], Need] = field(default_factory=lambda: NEEDS)
    members: tuple[MemberRule, ...] = MEMBERS
