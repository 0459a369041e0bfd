"""Which exemption covers a violation: the first by id that does, at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assessment.inputs import AssessedPolicy, AssessmentInputs
from assessment.result import Pairs
from policy.exemption import Exemption


@dataclass(frozen=True, slots=True, eq=False)
class Covering:
    """For each pair, the exemption that covers it, or None."""

    by_pair: tuple[Exemption | None, ...]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which pairs are covered."""
        return np.array([exemption is not None for exemption in self.by_pair], dtype=bool)

    @property
    def exemptions(self) -> tuple[Exemption, ...]:
        """The exemption of each covered pair, in the order of the pairs."""
        return tuple(exemption for exemption in self.by_pair if exemption is not None)


def covering(pairs: Pairs, policies: Sequence[AssessedPolicy], inputs: AssessmentInputs, *, at: datetime) -> Covering:
    """Find the exemption of each pair."""
    if not inputs.exemptions:
        return Covering((None,) * len(pairs))
    ordered = sorted(inputs.exemptions, key=lambda exemption: exemption.exemption_id)
    ids = [policy.policy_id for policy in policies]
    candidates = [[each for each in ordered if each.names(policy_id)] for policy_id in ids]
    indexed = zip(pairs.policies.tolist(), pairs.resources.tolist(), strict=True)
    return Covering(
        tuple(
            next((each for each in candidates[policy] if each.covers(inputs.items[resource], ids[policy], at)), None)
            for policy, resource in indexed
        )
    )
