"""One retraining from ended weeks to a decision: pure, so that it can be repeated and tested without a cluster.

The last eight weeks judge. What is learned from ends a purge gap before them. First the serving model is watched: where
it is certainly worse than the one before it, that is the decision, and nothing new is learned. Both models are judged
with probabilities fitted on the same weeks, as a tenant with a history is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from training.adaptation import Correction, LearnedWeek, base_rates, calibrated, candidate, told
from training.metrics import Numbers
from training.outcomes import WEEK
from training.predictor import Predictor
from training.promotion import Action, Comparison, Decision, compared, gate, watch
from training.quality import WEEKS, TaskQuality, WeekTold, judged_rows, quality
from training.shift import RateChange, Shift, counted, rate_change, shifts
from training.task import NODE_TASKS, Task

SERVING: Final = "serving"
FORMER: Final = "former"
GIVEN: Final = "given"
PURGE: Final = timedelta(days=7)
LEARN_WEEKS_MIN: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What is to be judged.

    Args:
        serving: the model that serves, as it is in its file.
        former: the one before it; None where there was none.
        since: from when on the serving one serves; None where it always did.
        given: a candidate that was made elsewhere; None where one is to be learned.
    """

    serving: Predictor
    former: Predictor | None = None
    since: datetime | None = None
    given: Predictor | None = None
    needs_approval: bool = False

    def models(self) -> dict[str, Predictor]:
        """Models whose answers the weeks must hold, by the names that they have there."""
        every = {SERVING: self.serving, FORMER: self.former, GIVEN: self.given}
        return {name: one for name, one in every.items() if one is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Retraining:
    """What came of it.

    Args:
        decision: about the candidate; or that the serving model falls back, and then there is no candidate.
        watched: about the serving model against its predecessor.
        features_before: the week with which the distribution of features is compared.
    """

    learned: tuple[datetime, ...]
    judged: tuple[datetime, ...]
    watched: Decision
    decision: Decision
    made: Predictor | None
    comparison: Comparison
    ours: Mapping[Task, TaskQuality]
    theirs: Mapping[Task, TaskQuality]
    shifted: tuple[Shift, ...]
    features_before: datetime | None
    rates: Mapping[Task, RateChange]


def split(weeks: Sequence[LearnedWeek]) -> tuple[list[LearnedWeek], list[LearnedWeek]]:
    """Weeks to learn from and weeks that judge, oldest first."""
    ordered = sorted(weeks, key=lambda one: one.at)
    judged = ordered[-WEEKS:]
    before = [one for one in ordered if judged and one.at + WEEK + PURGE <= judged[0].at]
    return before, judged


def retrained(weeks: Sequence[LearnedWeek], order: Order) -> Retraining:
    """Watch, learn, judge, decide."""
    learned, judged = split(weeks)
    serving = calibrated(order.serving, learned, SERVING)
    theirs = [told(serving, one, one.logits[SERVING], SERVING) for one in judged]
    watched = _watched(order, learned, judged, theirs)
    made, ours = None, list[WeekTold]()
    if watched.action is not Action.FALL_BACK:
        made, ours = _candidate(order, learned, judged)
    found = compared(ours, theirs)
    decision = watched if watched.action is Action.FALL_BACK else _decided(order, learned, made, found)
    return Retraining(
        tuple(one.at for one in learned), tuple(one.at for one in judged), watched, decision, made, found,
        quality(ours), quality(theirs), *_shifted(order.serving, learned, judged), _rates(learned, theirs),
    )  # fmt: skip


def _decided(order: Order, learned: Sequence[LearnedWeek], made: Predictor | None, found: Comparison) -> Decision:
    if made is None:
        needed = f"{LEARN_WEEKS_MIN} needed before the {WEEKS} that judge"
        return Decision(Action.REFUSE, f"only {len(learned)} weeks to learn from, of {needed}")
    return gate(found, needs_approval=order.needs_approval)


def _watched(
    order: Order, learned: Sequence[LearnedWeek], judged: Sequence[LearnedWeek], theirs: Sequence[WeekTold]
) -> Decision:
    if order.former is None or order.since is None:
        return Decision(Action.STAY, "no other model served before it")
    before = calibrated(order.former, learned, FORMER)
    former = [told(before, one, one.logits[FORMER], FORMER) for one in judged]
    return watch(theirs, former, since=order.since)


def _candidate(
    order: Order, learned: Sequence[LearnedWeek], judged: Sequence[LearnedWeek]
) -> tuple[Predictor | None, list[WeekTold]]:
    if order.given is not None:
        given = calibrated(order.given, learned, GIVEN)
        return given, [told(given, one, one.logits[GIVEN], GIVEN) for one in judged]
    if len(learned) < LEARN_WEEKS_MIN:
        return None, []
    made, correction = candidate(learned, order.serving, SERVING)
    return made, [told(made, one, _corrected(order.serving, correction, one), "candidate") for one in judged]


def _corrected(serving: Predictor, correction: Correction, week: LearnedWeek) -> Numbers:
    return correction.logits(serving.network, week.values, week.logits[SERVING])


def _shifted(
    serving: Predictor, learned: Sequence[LearnedWeek], judged: Sequence[LearnedWeek]
) -> tuple[tuple[Shift, ...], datetime | None]:
    """The last week against what was learned from; where the weights do not say, against the last week learned from."""
    if not judged:
        return (), None
    now = counted(judged[-1].values)
    if serving.reference is not None:
        return shifts(serving.names, serving.reference, now), None
    before = learned[-1] if learned else judged[0]
    return shifts(serving.names, counted(before.values), now), before.at


def _rates(learned: Sequence[LearnedWeek], judged: Sequence[WeekTold]) -> dict[Task, RateChange]:
    before = base_rates(learned)
    rows = {task: judged_rows(judged, at) for at, task in enumerate(NODE_TASKS)}
    return {task: rate_change(before[task], one.labels, one.weeks) for task, one in rows.items()}
