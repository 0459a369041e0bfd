"""Which resources an assigned policy is judged on, as a mask over a snapshot.

In scope and not excluded, then selected. Where nobody read what contains an account, a project or a subscription, it
is unknown whether a resource lies in a scope above, and so is its state: unknown, never compliant.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assessment.evaluation import Outcome
from assessment.inputs import AssessedPolicy
from domain.finding import Verdict
from domain.resource import ConfigurationItem, Provider, resource_key
from policy.assignment import Assignment
from policy.effective import Effective
from policy.exemption import Exemption
from policy.exemption_document import ExemptionDocument, waivers
from policy.scope import Chain, Scope, ScopeTree, traits_of
from policy.selector import Traits
from policy.tree import Truth

Mask = NDArray[np.uint8]
"""`Truth` codes per resource."""

_AFTER_BELOW = "0"
"""The character after the slash: ids below a scope sort before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where each resource of a snapshot is, read once for all assignments.

    Shapes:
        chain_of, traits_of: int32 (n,), indexes into `chains` and `traits`.
    """

    keys: Sequence[str]
    chains: Sequence[Chain]
    chain_of: NDArray[np.int32]
    traits: Sequence[Traits]
    traits_of: NDArray[np.int32]
    tree: ScopeTree

    @staticmethod
    def of(items: Sequence[ConfigurationItem]) -> Places:
        """Read the places of resources, which are in the order of `resource_key`."""
        tree = ScopeTree.of(items)
        chains: dict[tuple[Provider, str, str], int] = {}
        traits: dict[Traits, int] = {}
        chain_of = np.zeros(len(items), dtype=np.int32)
        trait_of = np.zeros(len(items), dtype=np.int32)
        for row, item in enumerate(items):
            chain_of[row] = chains.setdefault((item.provider, item.scope, own_place(item)), len(chains))
            trait_of[row] = traits.setdefault(traits_of(item), len(traits))
        known = [tree.chain(provider, scope, own) for provider, scope, own in chains]
        return Places([resource_key(item.uid) for item in items], known, chain_of, list(traits), trait_of, tree)

    def mask(self, policy: Effective) -> Mask:
        """Which resources a policy is judged on."""
        selected = np.array([policy.selects(traits) for traits in self.traits], dtype=bool)
        found = self.in_scope(policy.assignment)
        found[~selected[self.traits_of]] = Truth.FALSE
        return found

    def in_scope(self, assignment: Assignment) -> Mask:
        """Which resources are in an assignment's scope and in none that it leaves out."""
        found = self.below(assignment.scope)
        for scope in assignment.not_scopes:
            found = np.minimum(found, Truth.TRUE - self.below(scope))
        return found.astype(np.uint8)

    def below(self, scope: Scope) -> Mask:
        """Which resources lie at or below a scope."""
        if scope.is_container:
            truths = np.array([chain.within(scope) for chain in self.chains], dtype=np.uint8)
            return truths[self.chain_of]
        found = np.full(len(self.keys), Truth.FALSE, dtype=np.uint8)
        start = bisect_left(self.keys, scope.key)
        if start < len(self.keys) and self.keys[start] == scope.key:
            found[start] = Truth.TRUE
        first, end = bisect_left(self.keys, f"{scope.key}/"), bisect_left(self.keys, f"{scope.key}{_AFTER_BELOW}")
        found[first:end] = Truth.TRUE
        return found


def with_masks(policies: Sequence[AssessedPolicy], items: Sequence[ConfigurationItem]) -> tuple[AssessedPolicy, ...]:
    """Policies with the resources that they are judged on; those that are not assigned stay as they are."""
    if all(policy.assigned is None for policy in policies):
        return tuple(policies)
    places = Places.of(items)
    return tuple(masked(policy, places) for policy in policies)


def masked(policy: AssessedPolicy, places: Places) -> AssessedPolicy:
    """A policy with the resources that it is judged on."""
    return policy if policy.assigned is None else replace(policy, applies=places.mask(policy.assigned))


def assigned_waivers(
    documents: Sequence[ExemptionDocument], policies: Sequence[AssessedPolicy], items: Sequence[ConfigurationItem]
) -> tuple[Exemption, ...]:
    """The waivers that the exemptions of assignments make for the policies in force."""
    if not documents:
        return ()
    named = {policy.policy_id: policy.assigned for policy in policies if policy.assigned is not None}
    return waivers(documents, named, ScopeTree.of(items))


def applied(found: Outcome, policy: AssessedPolicy) -> Outcome:
    """Verdicts on those resources alone."""
    if policy.applies is None:
        return found
    applies = policy.applies[found.rows]
    is_judged_on = applies != Truth.FALSE
    verdicts = np.where(applies == Truth.UNKNOWN, np.uint8(Verdict.UNKNOWN), found.verdicts)
    return Outcome(found.rows[is_judged_on], verdicts[is_judged_on].astype(np.uint8))


def is_judged(policy: AssessedPolicy, row: int) -> bool:
    """Whether it is known that a policy is judged on a resource."""
    return policy.applies is None or int(policy.applies[row]) == Truth.TRUE


def own_place(item: ConfigurationItem) -> str:
    """A container's own id; what lies in one needs only its scope."""
    return item.uid if item.type.casefold() in _CONTAINERS or not item.scope else ""


_CONTAINERS = frozenset(
    {
        "microsoft.resources/subscriptions",
        "microsoft.resources/resourcegroups",
        "microsoft.resources/subscriptions/resourcegroups",
        "microsoft.management/managementgroups",
        "aws::organizations::account",
        "aws::organizations::organizationalunit",
        "cloudresourcemanager.googleapis.com/project",
        "cloudresourcemanager.googleapis.com/folder",
        "cloudresourcemanager.googleapis.com/organization",
    }
)
