"""The ledger of savings: what was predicted, approved and applied, by whom and when; what bills show is asked anew.

A saving is one decision about some cost. It counts as realised only where bills show it (`assessment.realised`); the
ledger itself holds promises and deeds, each with the entry of the evidence log that records it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from assessment.whatif import Selection
from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError, InputError

RESOURCES_MAX: Final = 10_000
SAVINGS_MAX: Final = 5_000
COUNTERFACTUAL: Final = (
    "What the selected cost would have come to had nothing been done: the forecast of its own daily cost up to the day "
    "before the change, by the method that did best in its back-test."
)


class SavingStatus(StrEnum):
    """Where a saving stands by its ledger."""

    PREDICTED = "predicted"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"


class SavingTrigger(StrEnum):
    """What is decided or done."""

    APPROVE = "approve"
    APPLY = "apply"
    REJECT = "reject"
    ROLL_BACK = "roll-back"


NEXT: Final[Mapping[tuple[SavingStatus, SavingTrigger], SavingStatus]] = {
    (SavingStatus.PREDICTED, SavingTrigger.APPROVE): SavingStatus.APPROVED,
    (SavingStatus.PREDICTED, SavingTrigger.REJECT): SavingStatus.REJECTED,
    (SavingStatus.APPROVED, SavingTrigger.APPLY): SavingStatus.APPLIED,
    (SavingStatus.APPROVED, SavingTrigger.REJECT): SavingStatus.REJECTED,
    (SavingStatus.APPLIED, SavingTrigger.ROLL_BACK): SavingStatus.ROLLED_BACK,
}
"""Every step that a saving can take; any other is refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a saving's history.

    Args:
        by: the role of who decided or did it.
        evidence_id: empty until it is recorded.
    """

    status: SavingStatus
    at: datetime
    by: str
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class Saving:
    """One decision about some cost.

    Args:
        where: the billing rows that it concerns.
        low, likely, high: what it is predicted to save in 30 days.
        policy_id: the policy that asked for it; empty where none did.
        whatif_id: the projection that predicts it; empty where there is none.
    """

    saving_id: str
    title: str
    where: Selection
    currency: str
    low: Decimal
    likely: Decimal
    high: Decimal
    steps: tuple[Step, ...]
    policy_id: str = ""
    whatif_id: str = ""

    def __post_init__(self) -> None:
        numbers = (self.low, self.likely, self.high)
        if not all(number.is_finite() for number in numbers) or not 0 <= self.low <= self.likely <= self.high:
            raise InputError(
                "a predicted saving is not valid",
                got=", ".join(map(str, numbers)),
                expected="0 <= low <= likely <= high, in 30 days",
                todo="Give the three amounts in this order",
            )
        if not self.where or not all(self.where.values()):
            raise InputError("a saving concerns no cost", saving=self.title, todo="Select columns of the bill")
        if sum(map(len, self.where.values())) > RESOURCES_MAX:
            raise InputError("a saving selects too many values", expected=f"at most {RESOURCES_MAX}", todo="Split it")

    @property
    def status(self) -> SavingStatus:
        """Where it stands."""
        return self.steps[-1].status

    def at(self, status: SavingStatus) -> datetime | None:
        """When it came to a status; None where it never did."""
        return next((step.at for step in self.steps if step.status is status), None)

    @property
    def applied_on(self) -> date | None:
        """The day from which bills can show it."""
        applied = self.at(SavingStatus.APPLIED)
        return None if applied is None else applied.date()

    @property
    def ended_on(self) -> date | None:
        """The day from which it is undone."""
        ended = self.at(SavingStatus.ROLLED_BACK)
        return None if ended is None else ended.date()

    def moved(self, trigger: SavingTrigger, *, at: datetime, by: str) -> Saving:
        """Take one step.

        Raises:
            ConflictError: it cannot take this step now.
            InputError: the step would be before the former one.
        """
        status = NEXT.get((self.status, trigger))
        if status is None:
            raise ConflictError(
                "the saving cannot take this step",
                saving_id=self.saving_id,
                saving_status=self.status.value,
                trigger=trigger.value,
                todo=f"See: pcg roi show {self.saving_id}",
            )
        if at < self.steps[-1].at:
            raise InputError(
                "a step cannot be before the former one",
                got=format_instant(at),
                expected=f"{format_instant(self.steps[-1].at)} or later",
                todo="Correct the time",
            )
        return replace(self, steps=(*self.steps, Step(status, at, by)))


def require_room(savings: Sequence[Saving]) -> None:
    """Raise where a ledger holds no more savings.

    Raises:
        InputError: it does not.
    """
    if len(savings) >= SAVINGS_MAX:
        raise InputError("the ledger is full", expected=f"at most {SAVINGS_MAX} savings", todo="Ask us to raise this")


def saving_row(saving: Saving) -> dict[str, Any]:
    """A saving as it is stored and shown."""
    return {
        "saving_id": saving.saving_id,
        "title": saving.title,
        "status": saving.status.value,
        "policy_id": saving.policy_id,
        "whatif_id": saving.whatif_id,
        "where": {name: list(values) for name, values in saving.where.items()},
        "currency": saving.currency,
        "predicted_30_days": {"low": f"{saving.low:f}", "likely": f"{saving.likely:f}", "high": f"{saving.high:f}"},
        "steps": [
            {
                "status": step.status.value,
                "at": format_instant(step.at),
                "by": step.by,
                "evidence_id": step.evidence_id,
            }
            for step in saving.steps
        ],
    }


def parse_saving(row: Mapping[str, Any]) -> Saving:
    """A stored saving."""
    predicted = row["predicted_30_days"]
    return Saving(
        saving_id=row["saving_id"],
        title=row["title"],
        where={name: tuple(values) for name, values in row["where"].items()},
        currency=row["currency"],
        low=Decimal(predicted["low"]),
        likely=Decimal(predicted["likely"]),
        high=Decimal(predicted["high"]),
        steps=tuple(
            Step(SavingStatus(step["status"]), parse_instant(step["at"]), step["by"], step["evidence_id"])
            for step in row["steps"]
        ),
        policy_id=row["policy_id"],
        whatif_id=row["whatif_id"],
    )
