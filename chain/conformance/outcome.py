"""What running vectors gave: per family how many passed, and every miss in place.

A vector that is to be refused passes when the product refuses it by a domain error. Any other exception is a fault of
the product, and a miss whatever was expected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from domain.errors import PolicyCortexError

T = TypeVar("T")

MISSES_KEPT_MAX: Final = 10_000
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"

_CRASHES: Final = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError, RecursionError)
_SHOWN_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Miss:
    """One vector to which the product gave another answer than the published one."""

    file: str
    case: str
    expected: str
    got: str


@dataclass(slots=True)
class Tally:
    """The vectors of one family.

    Args:
        misses: the first ``MISSES_KEPT_MAX`` of them.
        remarks: what was not compared in vectors that passed, and how often.
        not_applicable: vectors that say nothing about the product, by reason.
    """

    passed: int = 0
    missed: int = 0
    misses: list[Miss] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    not_applicable: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.passed + self.missed

    def judge(self, file: str, case: str, *, expected: object, got: object) -> bool:
        """Count one comparison; returns whether it passed."""
        if expected == got:
            self.passed += 1
            return True
        self.missed += 1
        if len(self.misses) < MISSES_KEPT_MAX:
            self.misses.append(Miss(file, case, _shown(expected), _shown(got)))
        return False

    def judge_refusal(self, file: str, case: str, *, accepts: bool, action: Callable[[], object]) -> bool:
        """Count whether the product accepts or refuses as published; returns whether it passed."""
        _, fault = attempt(action)
        if accepts or is_crash(fault):
            return self.judge(file, case, expected=ACCEPTED if accepts else REFUSED, got=fault or ACCEPTED)
        return self.judge(file, case, expected=REFUSED, got=REFUSED if fault else ACCEPTED)


@dataclass(slots=True)
class Report:
    """What one run over a folder gave.

    Args:
        unreadable: files that claim to be of a family and cannot be read, with the reason.
        not_recognised: files that look like data and are of no family.
        out_of_scope: files of families that say nothing about a log.
    """

    families: dict[str, Tally] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    not_recognised: list[str] = field(default_factory=list)
    out_of_scope: dict[str, str] = field(default_factory=dict)

    def tally(self, family: str) -> Tally:
        return self.families.setdefault(family, Tally())

    @property
    def missed(self) -> int:
        return sum(tally.missed for tally in self.families.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recognised."""
        return not self.out_of_scope and not any(
            tally.total or tally.not_applicable for tally in self.families.values()
        )


def attempt(action: Callable[[], T]) -> tuple[T | None, str]:
    """What the product gives, or how it refuses; the second is empty exactly when it gives something."""
    try:
        return action(), ""
    except PolicyCortexError as error:
        return None, f"{REFUSED}: {error}"
    except _CRASHES as error:
        return None, f"crashed: {type(error).__name__}: {error}"


def is_crash(fault: str) -> bool:
    """Whether the product failed otherwise than by refusing."""
    return fault.startswith("crashed: ")


def _shown(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}... ({len(text)} characters)"
