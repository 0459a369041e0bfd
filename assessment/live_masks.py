"""Which resources assigned policies are judged on, one resource at a time, as resources and their containers change.

The same rule as `assessment.applying`, which answers it for a whole snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from assessment.applying import Places, own_place
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, resource_key
from policy.effective import Effective
from policy.scope import ScopeTree, traits_of
from policy.tree import Truth


class Masks:
    """Where each assigned policy is judged.

    Args:
        assigned: the policies that are; all others are judged everywhere.
    """

    def __init__(self, assigned: Mapping[PolicyId, Effective]) -> None:
        self._assigned = assigned
        self._containers: dict[str, ConfigurationItem] = {}
        self._tree: ScopeTree | None = None
        self._bare: dict[str, ConfigurationItem] = {}

    def moves_all(self, item: ConfigurationItem) -> bool:
        """Whether a resource says what contains others, so that its change can move any of them."""
        return bool(self._assigned) and _contains(item)

    def put(self, item: ConfigurationItem) -> None:
        """A resource's new state."""
        if not self._assigned:
            return
        key = resource_key(item.uid)
        self._bare[key] = replace(item, properties={}, tags={})
        if _contains(item):
            self._containers[key] = item
            self._tree = None

    def remove(self, key: str) -> None:
        """A resource is gone."""
        self._bare.pop(key, None)
        if self._containers.pop(key, None) is not None:
            self._tree = None

    def over(self, key: str, policy_id: PolicyId, verdict: Verdict) -> Verdict | None:
        """A verdict as it counts; None where the policy is not judged on the resource."""
        assigned = self._assigned.get(policy_id)
        if assigned is None:
            return verdict
        truth = int(self._place(key).mask(assigned)[0])
        if truth == Truth.FALSE:
            return None
        return Verdict.UNKNOWN if truth == Truth.UNKNOWN else verdict

    def _place(self, key: str) -> Places:
        if self._tree is None:
            self._tree = ScopeTree.of(self._containers.values())
        item, one = self._bare[key], np.zeros(1, np.int32)
        chain = self._tree.chain(item.provider, item.scope, own_place(item))
        return Places([key], [chain], one, [traits_of(item)], one, self._tree)


def _contains(item: ConfigurationItem) -> bool:
    tree = ScopeTree.of([item])
    return bool(tree.parents or tree.known)
