"""Shared cost given to those who share it, by declared rules, so that the parts are exactly the whole.

A rule names the shared groups and how their cost is given out: evenly, in proportion to what each receiver costs
itself, or by declared weights. A shared group is given out once, by the one rule that names it, and receives nothing
itself. What nobody can take (no receiver, or nothing to be in proportion to) stays where it is, and is said to be
undistributed.

Amounts are cut at twelve places and the remainder goes, one unit at a time, to the largest fractions: no money is made
or lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum
from typing import Final

from domain.errors import InputError

UNIT: Final = Decimal("1e-12")
RULES_MAX: Final = 100
_EXACT: Final = Context(prec=60)


class Method(StrEnum):
    """How a shared cost is given out."""

    EVEN = "even"
    PROPORTIONAL = "proportional"
    WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class SharingRule:
    """One rule.

    Args:
        shared: the groups whose cost is given out; the empty text is what has no value.
        weights: of each receiver, for `Method.WEIGHTS`; others receive nothing.
        receivers: who shares; everyone who is not shared themselves where there is none.
    """

    name: str
    shared: frozenset[str]
    method: Method
    weights: Mapping[str, Decimal] = field(default_factory=dict)
    receivers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """What a receiver costs: its own, and what each rule adds. `total` is their sum."""

    key: str
    own: Decimal
    given: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        return self.own + sum(self.given.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class Shared:
    """Every receiver, and what is still shared. All totals and `undistributed` together are the whole."""

    shares: tuple[Share, ...]
    undistributed: Mapping[str, Decimal]

    @property
    def whole(self) -> Decimal:
        return sum((share.total for share in self.shares), Decimal(0)) + sum(self.undistributed.values(), Decimal(0))


def share(amounts: Mapping[str, Decimal], rules: Sequence[SharingRule]) -> Shared:
    """Give shared cost out, in one currency.

    Args:
        amounts: own cost by group.

    Raises:
        InputError: a rule is not valid, or two rules share one group.
    """
    _require_sound(rules)
    shared_keys = {key for rule in rules for key in rule.shared}
    own = {key: amount for key, amount in amounts.items() if key not in shared_keys}
    given: dict[str, dict[str, Decimal]] = {key: {} for key in own}
    left: dict[str, Decimal] = {}
    for rule in rules:
        pot = {key: amounts[key] for key in sorted(rule.shared) if key in amounts}
        weights = _weights(rule, own)
        total = sum(pot.values(), Decimal(0))
        if not weights:
            left |= pot
            continue
        for key, part in split(total, weights).items():
            given.setdefault(key, {})[rule.name] = part
    shares = (Share(key, own.get(key, Decimal(0)), parts) for key, parts in given.items())
    return Shared(tuple(sorted(shares, key=lambda each: (-each.total, each.key))), left)


def split(total: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Cut an amount by weights into parts that add up to it exactly.

    Args:
        weights: above zero, at least one.
    """
    whole = sum(weights.values(), Decimal(0))
    assert whole > 0
    units = (total / UNIT).to_integral_value(ROUND_FLOOR, _EXACT)
    rest_of_unit = total - units * UNIT
    exact = {key: _EXACT.divide(_EXACT.multiply(units, weight), whole) for key, weight in weights.items()}
    cut = {key: value.to_integral_value(ROUND_FLOOR, _EXACT) for key, value in exact.items()}
    missing = int(units - sum(cut.values(), Decimal(0)))
    for key in sorted(exact, key=lambda each: (cut[each] - exact[each], each))[:missing]:
        cut[key] += 1
    parts = {key: value * UNIT for key, value in cut.items()}
    parts[min(parts)] += rest_of_unit
    return parts


def _weights(rule: SharingRule, own: Mapping[str, Decimal]) -> dict[str, Decimal]:
    named = rule.receivers or frozenset(own)
    if rule.method is Method.WEIGHTS:
        return {key: weight for key, weight in rule.weights.items() if weight > 0}
    if rule.method is Method.EVEN:
        return dict.fromkeys(sorted(named), Decimal(1))
    return {key: own[key] for key in sorted(named) if own.get(key, Decimal(0)) > 0}


def _require_sound(rules: Sequence[SharingRule]) -> None:
    if len(rules) > RULES_MAX:
        raise InputError("there are too many rules", got=len(rules), expected=f"at most {RULES_MAX}")
    seen: dict[str, str] = {}
    names: set[str] = set()
    every_shared = {key for rule in rules for key in rule.shared}
    for rule in rules:
        _require_rule(rule, every_shared)
        if rule.name in names:
            raise InputError("two rules have one name", got=rule.name, todo="Name each differently")
        names.add(rule.name)
        for key in rule.shared:
            if seen.setdefault(key, rule.name) != rule.name:
                raise InputError("two rules share one group", got=key, where=f"{seen[key]} and {rule.name}")


def _require_rule(rule: SharingRule, shared: set[str]) -> None:
    if not rule.shared:
        raise InputError("a rule shares nothing", where=rule.name, todo="Name the groups whose cost it gives out")
    if (rule.method is Method.WEIGHTS) != bool(rule.weights):
        raise InputError("weights belong to the method weights", where=rule.name, got=rule.method.value)
    if any(not weight.is_finite() or weight < 0 for weight in rule.weights.values()):
        raise InputError("a weight is below zero", where=rule.name, expected="numbers of 0 and above")
    both = shared & ({*rule.receivers} | {*rule.weights})
    if both:
        raise InputError("a group shares and receives", where=rule.name, got=", ".join(sorted(both)))
