"""What would change: scenarios of decisions about policies, sizes, compliance, commitments and regions.

A scenario is a list of changes in the order in which they are decided. Where two of them concern the same cost, the
later one acts on what the earlier one leaves, so that their savings never add up to more than there is. What nobody
knows for certain is a range of low, likely and high; each path of a projection draws its own value of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from domain.errors import InputError

CHANGES_MAX: Final = 8
SCENARIOS_MAX: Final = 8
PATHS_MAX: Final = 100_000
FACTOR_MAX: Final = 100.0
Selection: TypeAlias = Mapping[str, tuple[str, ...]]
"""Which billing rows: any of the values of each column."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not certain: a triangle over low, likely and high; all equal where it is certain."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        numbers = (self.low, self.likely, self.high)
        if not all(map(math.isfinite, numbers)) or not self.low <= self.likely <= self.high:
            raise InputError(
                "a range is not valid",
                got=f"{self.low}, {self.likely}, {self.high}",
                expected="low <= likely <= high",
                todo="Give the three numbers in this order",
            )

    @classmethod
    def of(cls, value: float) -> Range:
        """A number that is certain."""
        return cls(value, value, value)

    def require_within(self, low: float, high: float, *, what: str) -> None:
        """Raise where the range leaves its bounds.

        Raises:
            InputError: it does.
        """
        if self.low < low or self.high > high:
            raise InputError(
                f"{what} is out of bounds",
                got=f"{self.low:g} to {self.high:g}",
                expected=f"{low:g} to {high:g}",
                todo="Correct the range",
            )


@dataclass(frozen=True, slots=True)
class Adoption:
    """How a decision becomes real.

    Args:
        start_day: days until it begins.
        ramp_days: days from its beginning until as much of it is there as ever will.
        share: how much of it that is, 0 to 1.
    """

    start_day: Range = Range(0.0, 0.0, 0.0)
    ramp_days: Range = Range(0.0, 0.0, 0.0)
    share: Range = Range(1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        self.start_day.require_within(0, 365, what="the day a change starts")
        self.ramp_days.require_within(0, 365, what="the days a change takes")
        self.share.require_within(0, 1, what="the share that is adopted")


class PolicyAction(StrEnum):
    """What is done with a policy: `enforce` stops new violations and mends those that are there."""

    ASSIGN = "assign"
    REMOVE = "remove"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A policy that is assigned, removed or enforced.

    Args:
        adoption: how its violations are mended (or, of a removed policy, forgotten); without it, all at once, and
            those of one that is assigned not at all.
        saving: share of the cost of what violates it that goes as it is mended; nothing unless it is said.
        fix_cost: of mending one violation, in the projection's currency.
    """

    policy_id: str
    action: PolicyAction
    adoption: Adoption | None = None
    saving: Range = field(default_factory=lambda: Range.of(0.0))
    fix_cost: Range = field(default_factory=lambda: Range.of(0.0))

    def __post_init__(self) -> None:
        self.saving.require_within(0, 1, what="the saved share")
        self.fix_cost.require_within(0, 1e9, what="the cost of a fix")

    @property
    def mended(self) -> Adoption:
        """How its violations go; those of a policy that is only assigned stay, unless it is said."""
        if self.adoption is not None:
            return self.adoption
        return Adoption(share=Range.of(0.0 if self.action is PolicyAction.ASSIGN else 1.0))


@dataclass(frozen=True, slots=True)
class ComplianceAdoption:
    """A framework whose violations are mended, by the policies that serve its controls; or policies by name."""

    framework: str | None
    policies: tuple[str, ...] = ()
    adoption: Adoption = field(default_factory=Adoption)
    saving: Range = field(default_factory=lambda: Range.of(0.0))
    fix_cost: Range = field(default_factory=lambda: Range.of(0.0))

    def __post_init__(self) -> None:
        self.saving.require_within(0, 1, what="the saved share")
        self.fix_cost.require_within(0, 1e9, what="the cost of a fix")
        if (self.framework is None) == (not self.policies):
            raise InputError("name a framework or policies", expected="one of them", todo="Give `framework`")


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is selected costs so many times what it would: 0.5 is half the size."""

    where: Selection
    factor: Range
    adoption: Adoption = field(default_factory=Adoption)

    def __post_init__(self) -> None:
        self.factor.require_within(0, FACTOR_MAX, what="the factor")
        _require_selection(self.where)


@dataclass(frozen=True, slots=True)
class RegionMove:
    """What is selected goes to another region.

    Args:
        factor: the price there over the price here.
        one_off: what the move itself costs.
        double_days: days for which both are paid.
    """

    where: Selection
    to: str
    factor: Range
    one_off: Range = field(default_factory=lambda: Range.of(0.0))
    double_days: Range = field(default_factory=lambda: Range.of(0.0))
    adoption: Adoption = field(default_factory=Adoption)

    def __post_init__(self) -> None:
        self.factor.require_within(0, FACTOR_MAX, what="the price factor")
        self.one_off.require_within(0, 1e12, what="the cost of the move")
        self.double_days.require_within(0, 365, what="the days of double cost")
        _require_selection(self.where)


@dataclass(frozen=True, slots=True)
class CommitmentPurchase:
    """So much of the selected use a day is paid for whether it is used or not, at a lower price.

    Args:
        per_day: what is committed, at the price it costs without a commitment.
        price: committed over uncommitted price, below 1 where the commitment is worth anything.
    """

    where: Selection
    per_day: float
    price: float
    start_day: int = 0

    def __post_init__(self) -> None:
        Range.of(self.per_day).require_within(0, 1e12, what="the commitment")
        Range.of(self.price).require_within(0, 1, what="the committed price")
        Range.of(self.start_day).require_within(0, 365, what="the day a change starts")
        _require_selection(self.where)


Change: TypeAlias = PolicyChange | ComplianceAdoption | Scaling | RegionMove | CommitmentPurchase


@dataclass(frozen=True, slots=True)
class Scenario:
    """Changes under one name, in the order in which they are decided; commitments come last and cover what is left."""

    name: str
    changes: tuple[Change, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.changes) <= CHANGES_MAX:
            raise InputError(
                "a scenario has one change to eight", scenario=self.name, got=len(self.changes), expected="1 to 8"
            )
        is_bought = [isinstance(change, CommitmentPurchase) for change in self.changes]
        if is_bought != sorted(is_bought):
            raise InputError(
                "commitments come last", scenario=self.name, todo="Move them behind the other changes of the scenario"
            )


def require_names(scenarios: Sequence[Scenario]) -> None:
    """Raise unless scenarios can be told apart.

    Raises:
        InputError: none, too many, or two of one name.
    """
    if not 1 <= len(scenarios) <= SCENARIOS_MAX:
        raise InputError("too few or too many scenarios", got=len(scenarios), expected=f"1 to {SCENARIOS_MAX}")
    names = [each.name for each in scenarios]
    if len(set(names)) != len(names):
        raise InputError("two scenarios have one name", got=", ".join(names), todo="Name each differently")


def _require_selection(where: Selection) -> None:
    if not where or not all(where.values()):
        raise InputError(
            "a change selects nothing", expected="columns of the bill with values", todo='Write: {"service": ["EC2"]}'
        )
