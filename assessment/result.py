"""What a scan comes to, as columns and small values. Every view, the document and the evidence are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assessment.evaluation import Indexes, Outcome
from assessment.inputs import AssessedPolicy, AssessmentInputs, PolicyState
from cost.allocation import ResourceCosts
from cost.policy_cost import CostAtRisk
from domain.finding import Control, Severity, Violation
from domain.prediction import Prediction
from domain.resource import ResourceId
from policy.exemption import Exemption


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a policy and a resource, as indexes into the results and the inputs' items."""

    policies: Indexes
    resources: Indexes

    def __len__(self) -> int:
        return len(self.policies)

    def where(self, chosen: NDArray[np.bool_] | Indexes) -> Pairs:
        """Some of the pairs, by mask or by position."""
        return Pairs(self.policies[chosen], self.resources[chosen])


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What one policy came to: how many resources it judged, and how."""

    policy: AssessedPolicy
    state: PolicyState
    reason: str | None
    resources: int = 0
    violations: int = 0
    exempt: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """A control and what its policies found; `decided` is how many pairs they could decide."""

    control: Control
    policies: int
    violations: int
    resources: int
    decided: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What goes down with one resource, itself not counted: `failed` by index, and how many only degrade."""

    resource_id: ResourceId
    resource: int
    failure: str
    failed: tuple[int, ...]
    degraded: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """A finished scan.

    Args:
        kept: which resources the filters left.
        results: one per policy, in order of policy id.
        outcomes: each policy's verdicts before exemptions, in the order of `results`.
        violations: worst severity first, then in order of resource and policy.
        is_new, first_found: for each violation: whether the former scan lacked it, and since when it stands.
        exempt, exemptions: violations that an exemption covers, in the same order, and which one.
        unknown: pairs that could not be decided, in order of policy and resource.
        predictions: dates first, by date; then what only ranks, by score.
        reached: for each resource, how many go down with it.
        costs, risk: money; `risk` has an entry per currency of `costs`.
        notes: what a reader must know about the result as a whole.
    """

    inputs: AssessmentInputs
    kept: NDArray[np.bool_]
    results: tuple[PolicyResult, ...]
    outcomes: tuple[Outcome, ...]
    violations: Pairs
    is_new: NDArray[np.bool_]
    first_found: tuple[datetime, ...]
    exempt: Pairs
    exemptions: tuple[Exemption, ...]
    unknown: Pairs
    predictions: tuple[Prediction, ...]
    reached: NDArray[np.int64]
    blast_radii: tuple[Reach, ...]
    costs: ResourceCosts
    risk: tuple[CostAtRisk, ...]
    controls: tuple[ControlStatus, ...]
    input_digest: str
    notes: tuple[str, ...]

    def violation(self, position: int) -> Violation:
        """One violation as a value."""
        policy = self.results[int(self.violations.policies[position])].policy
        item = self.inputs.items[int(self.violations.resources[position])]
        return Violation(item.uid, policy.policy_id, policy.severity)

    def violation_set(self) -> frozenset[Violation]:
        """Every violation that is not exempt, as stores keep them."""
        return frozenset(map(self.violation, range(len(self.violations))))

    def count_by_severity(self, *, new_only: bool = False) -> dict[Severity, int]:
        """Violations of each severity, worst first."""
        counted = self.violations.where(self.is_new) if new_only else self.violations
        ranks = np.bincount(severity_ranks(self.results)[counted.policies], minlength=len(Severity))
        return {severity: int(ranks[severity.rank]) for severity in Severity}


def severity_ranks(results: Sequence[PolicyResult]) -> Indexes:
    """`Severity.rank` of each policy."""
    return np.array([result.policy.severity.rank for result in results], dtype=np.int64)
