"""How much to commit to: the level that costs least over projected demand, beside what simple rules would cost.

A commitment of level L pays `rate` times L a day, used or not, and covers demand up to L; the rest is paid on demand.
Over one price the best level is the (1 - rate) quantile of demand (the newsvendor's). Here the quantile is that of
projected scenarios, and the choice is held to four simple rules: commit to nothing, to the least demand of the last
four weeks, to their mean, or to what is held now. Of the levels that cost no more than the cheapest of the four in
every class of scenarios, the one that costs least in all is taken; where no level manages that in every class, the
one that costs least in all, and the answer says so (`is_robust`). A level must beat the cheapest rule by more than the
noise of the scenarios, otherwise the rule is kept: a purchase that cannot be told from doing nothing is not made.

Where demand grew beyond doubt and the owner expects no change, the level is raised to the one in hindsight, as far as
it still costs no more than the cheapest rule: the scenarios of a fall, which are there whatever history says, would
otherwise keep it below what such demand has always used.

By construction the choice costs no more than any of the four over the scenarios it was made on. On demand that comes
out otherwise nobody can promise that for each path: who knew the path could do better. What is measured on demand
that the choice has not seen is stated in docs/costs.md.

Amounts are floats: these are decisions under uncertainty, not bookings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cost.commitment_hindsight import grew, level_in_hindsight
from cost.commitment_scenarios import OWN_CLASSES, Floats, Scenarios
from domain.errors import InputError

Flags = NDArray[np.bool_]

NONE: Final = "none"
MINIMUM: Final = "minimum"
MEAN: Final = "mean"
CURRENT: Final = "current"
QUANTILE: Final = "quantile"
HINDSIGHT: Final = "hindsight"
RULES: Final = (NONE, MINIMUM, MEAN, CURRENT)
LEVELS: Final = 96
RAISES: Final = 24
RECENT_DAYS: Final = 28
NOISE: Final = 2.0
"""How many standard errors a level must be cheaper than the cheapest rule."""

TRANCHES_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class Offer:
    """A commitment that can be bought.

    Args:
        rate: its price per unit of demand at on-demand prices, above 0 and below 1.
        term_days: how long it is paid for.
    """

    name: str
    rate: float
    term_days: int = 365

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise InputError(
                "the commitment's price is not below on-demand's",
                where=self.name,
                got=self.rate,
                expected="above 0 and below 1 of the on-demand price",
                todo="Give what it costs as a share of the on-demand price",
            )


@dataclass(frozen=True, slots=True)
class Regret:
    """How much more than the best level for the path itself, as a share of its on-demand cost."""

    mean: float
    p95: float
    largest: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a level comes to over scenarios: means by weight, as shares where they are shares.

    Args:
        cost: of all demand, over the days projected.
        cost_p95: what one in twenty paths exceeds.
        coverage: share of demand that the commitment covers. utilisation: share of it that is used.
        by_class: cost by class of scenario.
    """

    level: float
    cost: float
    cost_p95: float
    coverage: float
    utilisation: float
    regret: Regret
    by_class: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to hold, beside what the rules would.

    Args:
        rule: the rule that was kept, `QUANTILE`, or `HINDSIGHT` where growth raised the level.
        on_demand: cost without any commitment.
        is_robust: no class of scenarios has it dearer than the cheapest rule there.
    """

    offer: Offer
    rule: str
    outlook: Outlook
    rules: Mapping[str, Outlook]
    on_demand: float
    is_robust: bool

    @property
    def saving(self) -> float:
        """What it saves on commitments held now, over the days projected."""
        return self.rules[CURRENT].cost - self.outlook.cost


def choose(scenarios: Scenarios, offer: Offer, *, history: Floats, current: float) -> Choice:
    """Choose a level.

    Args:
        history: demand per day, for the rules. current: level held now, in the same unit.

    Raises:
        InputError: the level held now is below zero.
    """
    if not np.isfinite(current) or current < 0:
        raise InputError("the commitment held now is below zero", got=current, todo="Give it per day, 0 and above")
    recent = history[-RECENT_DAYS:]
    fixed = {NONE: 0.0, MINIMUM: float(recent.min()), MEAN: float(recent.mean()), CURRENT: float(current)}
    levels = np.concatenate([list(fixed.values()), _quantiles(scenarios, offer)])
    costs = costs_of(scenarios.paths, levels, offer.rate)
    sound, cheapest = _sound(costs, scenarios, len(fixed))
    place = _best(costs, sound, scenarios, len(fixed))
    level, is_robust = float(levels[place]), bool(sound[place])
    rule = RULES[place] if place < len(RULES) else QUANTILE
    raised = _raised(scenarios, offer, history, level, at_most=float((costs @ scenarios.weights)[: len(fixed)].min()))
    if raised > level:
        level, rule = raised, HINDSIGHT
        is_robust = bool(_is_sound(costs_of(scenarios.paths, np.array([raised]), offer.rate), scenarios, cheapest)[0])
    best = _best_levels(scenarios.paths, offer.rate)
    made = [_outlook(scenarios, each, offer, best) for each in [*fixed.values(), level]]
    return Choice(
        offer=offer,
        rule=rule,
        outlook=made[-1],
        rules=dict(zip(RULES, made, strict=False)),
        on_demand=float(scenarios.weights @ scenarios.paths.sum(axis=1)),
        is_robust=is_robust,
    )


def costs_of(paths: Floats, levels: Floats, rate: float) -> Floats:
    """What each level costs on each path.

    Shapes:
        paths: float64 (n, days). levels: float64 (k,). Returns float64 (k, n).
    """
    over = np.stack([np.maximum(paths - level, 0).sum(axis=1) for level in levels])
    costs: Floats = over + (rate * paths.shape[1] * levels)[:, None]
    return costs


def best_in_hindsight(paths: Floats, rate: float) -> Floats:
    """What each path would cost with the best level for itself: the bound that nobody can go below."""
    level = _best_levels(paths, rate)
    over = np.maximum(paths - level[:, None], 0).sum(axis=1)
    costs: Floats = over + rate * paths.shape[1] * level
    return costs


def _best_levels(paths: Floats, rate: float) -> Floats:
    levels: Floats = np.quantile(paths, 1 - rate, axis=1, method="inverted_cdf")
    return levels


def _quantiles(scenarios: Scenarios, offer: Offer) -> Floats:
    """Levels worth trying: the best one of each class by itself, and quantiles of all demand."""
    own = [
        np.quantile(scenarios.paths[scenarios.classes == place], 1 - offer.rate)
        for place in range(len(scenarios.names))
    ]
    tried: Floats = np.concatenate([own, np.quantile(scenarios.paths, np.linspace(0, 1, LEVELS))])
    return tried


def _raised(scenarios: Scenarios, offer: Offer, history: Floats, level: float, *, at_most: float) -> float:
    """The level that growth beyond doubt raises another to, as far as it costs no more than that."""
    if not OWN_CLASSES.issuperset(scenarios.names) or not grew(history):
        return level
    steps = np.linspace(level, max(level, level_in_hindsight(history, offer.rate)), RAISES)
    bearable = costs_of(scenarios.paths, steps, offer.rate) @ scenarios.weights <= at_most
    return float(steps[bearable].max(initial=level))


def _sound(costs: Floats, scenarios: Scenarios, rules: int) -> tuple[Flags, Floats]:
    """The levels that no class has dearer than the cheapest rule there, and what that one costs in each."""
    cheapest: Floats = _by_class(costs[:rules], scenarios).min(axis=0)
    return _is_sound(costs, scenarios, cheapest), cheapest


def _is_sound(costs: Floats, scenarios: Scenarios, cheapest: Floats) -> Flags:
    return np.asarray((_by_class(costs, scenarios) <= cheapest * (1 + 1e-12)).all(axis=1))


def _by_class(costs: Floats, scenarios: Scenarios) -> Floats:
    places = range(len(scenarios.names))
    return np.stack([costs[:, scenarios.classes == place].mean(axis=1) for place in places], axis=1)


def _best(costs: Floats, sound: Flags, scenarios: Scenarios, rules: int) -> int:
    """The place of the level to take."""
    expected = costs @ scenarios.weights
    ranked = np.where(sound, expected, np.inf) if sound.any() else expected
    place, rule = int(ranked.argmin()), int(expected[:rules].argmin())
    if place >= rules and not _is_clear(costs[rule] - costs[place], scenarios):
        place = rule
    return place


def _is_clear(gains: Floats, scenarios: Scenarios) -> bool:
    """Whether a mean gain stands out of its noise."""
    mean = float(scenarios.weights @ gains)
    variance = float(scenarios.weights @ (gains - mean) ** 2)
    return mean > NOISE * float(np.sqrt(variance / len(gains)))


def _outlook(scenarios: Scenarios, level: float, offer: Offer, best: Floats) -> Outlook:
    paths, weights, days = scenarios.paths, scenarios.weights, scenarios.paths.shape[1]
    covered = np.minimum(paths, level).sum(axis=1)
    whole = paths.sum(axis=1)
    costs = whole - covered + offer.rate * days * level
    ideal = np.maximum(paths - best[:, None], 0).sum(axis=1) + offer.rate * days * best
    regrets = np.divide(costs - ideal, whole, out=np.zeros_like(whole), where=whole > 0)
    demand, held = float(weights @ whole), level * days
    return Outlook(
        level=level,
        cost=float(weights @ costs),
        cost_p95=_weighted_quantile(costs, weights, 0.95),
        coverage=float(weights @ covered) / demand if demand else 0.0,
        utilisation=float(weights @ covered) / held if held else 1.0,
        regret=Regret(float(weights @ regrets), _weighted_quantile(regrets, weights, 0.95), float(regrets.max())),
        by_class={name: float(costs[scenarios.classes == at].mean()) for at, name in enumerate(scenarios.names)},
    )


def _weighted_quantile(values: Floats, weights: Floats, at: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(reached, at)), len(values) - 1)])


@dataclass(frozen=True, slots=True)
class Tranche:
    """A purchase of a ladder: on which day, how much at most, and until when it is paid for."""

    day: int
    level: float
    ends_day: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Purchases spread over time, each only as far as demand until then still bears it.

    Args:
        cost, cost_p95: over the same days as the choice's outlook.
        bought: mean share of the level that is bought in the end.
    """

    tranches: tuple[Tranche, ...]
    cost: float
    cost_p95: float
    bought: float


def ladder(
    scenarios: Scenarios, offer: Offer, level: float, *, held: float = 0.0, tranches: int = 4, every_days: int = 30
) -> Ladder:
    """Spread the purchase of what is missing to a level over equal tranches.

    A tranche is bought on a path as far as the (1 - rate) quantile of the path's four weeks before it bears what is
    held by then. So a fall in demand is noticed before everything is bought, and savings come later.

    Raises:
        InputError: a bound is passed.
    """
    days = scenarios.paths.shape[1]
    if not 1 <= tranches <= TRANCHES_MAX or every_days < 1 or (tranches - 1) * every_days >= days:
        raise InputError(
            "the ladder does not fit into the days projected",
            got=f"{tranches} tranches every {every_days} days",
            expected=f"1 to {TRANCHES_MAX} tranches within {days} days",
            todo="Ask for fewer tranches or more days",
        )
    paths = scenarios.paths
    step = max(level - held, 0.0) / tranches
    holding = np.full(paths.shape, held)
    for number in range(tranches):
        day = number * every_days
        room = np.full(len(paths), np.inf)
        if day:
            seen = paths[:, max(0, day - RECENT_DAYS) : day]
            room = np.quantile(seen, 1 - offer.rate, axis=1) - holding[:, day]
        bought = np.clip(room, 0.0, step)
        holding[:, day : day + offer.term_days] += bought[:, None]
    costs = (np.maximum(paths - holding, 0) + offer.rate * holding).sum(axis=1)
    reached = np.clip(holding.max(axis=1) - held, 0, None)
    return Ladder(
        tuple(Tranche(n * every_days, step, n * every_days + offer.term_days) for n in range(tranches)),
        float(scenarios.weights @ costs),
        _weighted_quantile(costs, scenarios.weights, 0.95),
        float(scenarios.weights @ reached) / (level - held) if level > held else 1.0,
    )


def best_offer(scenarios: Scenarios, offers: Sequence[Offer], *, history: Floats, current: float) -> Choice:
    """The offer that costs least with the best level of its own.

    Raises:
        InputError: there is none.
    """
    if not offers:
        raise InputError("there is no commitment to choose", todo="Give at least one offer with its price")
    made = [choose(scenarios, offer, history=history, current=current) for offer in offers]
    return min(made, key=lambda each: (each.outlook.cost, each.offer.term_days, each.offer.name))
