"""Retrains the prediction model on what came of it, and decides by the gate whether the result serves.

Histories of tenants come from the platform; the decision goes into its log, weights and report below its store.
Weights that were given instead of learned pass the same gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Final, Protocol

import orjson

from actors.folders import Folders
from actors.model_book import ModelBook, Move
from actors.retraining_book import run_folder
from assessment.learned import LiveHistory
from assessment.learning import WEEKS_MAX, ended_weeks, learned_week
from domain.errors import InputError
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import TenantId
from domain.value import Json
from serve.bootstrap import folders_of
from serve.prediction_deeds import Evidence, RecordedDeeds
from serve.render.html.retraining import retraining_html
from serve.retraining_document import Row, Run, retraining_document
from serve.settings import Settings
from training.activity import Prior
from training.adaptation import LearnedWeek, base_rates, merged
from training.outcomes import WEEK, Deed
from training.predictor import Predictor, as_arrays, shipped_predictor, shipped_sha256
from training.promotion import Action, Standing, Trigger
from training.retraining import Order, Retraining, retrained, split
from training.versions import Version, former, serving
from training.weights import SHIPPED, Manifest, write_weights

GATE: Final = "role:gate"
TRIGGERS: Final[Mapping[Action, Trigger]] = {
    Action.PROMOTE: Trigger.PROMOTE,
    Action.ASK: Trigger.ASK,
    Action.REFUSE: Trigger.REFUSE,
}
Make = Callable[[LiveHistory, Prior, Mapping[str, Predictor], Sequence[datetime]], list[LearnedWeek]]
"""Makes weeks of one tenant's history."""


class Source(Evidence, Protocol):
    """What of a platform is needed."""

    def learned_from(self, tenant: TenantId, deeds: Sequence[Deed], *, now: datetime) -> LiveHistory:
        """A tenant's whole history."""

    def record_platform(self, events: Sequence[EvidenceEvent]) -> Sequence[Receipt]:
        """Record what concerns the platform as a whole."""


def made_here(
    history: LiveHistory, prior: Prior, models: Mapping[str, Predictor], cutoffs: Sequence[datetime]
) -> list[LearnedWeek]:
    """Weeks one after the other, in this process."""
    return [learned_week(history, prior, models, cutoff) for cutoff in cutoffs]


@dataclass(frozen=True, slots=True)
class _Models:
    """What serves, what served before, and the files that they are from."""

    order: Order
    serving: str
    serving_name: str


class RetrainJob:
    """One run: histories in, a decision out.

    Args:
        make: where weeks are made.
    """

    def __init__(self, platform: Source, settings: Settings, now: datetime, make: Make) -> None:
        self._platform, self._settings, self._now, self._make = platform, settings, now, make
        self._folders: Folders = folders_of(settings)
        self._book = ModelBook(self._folders.models, shipped_sha256())

    def run(self, tenants: Sequence[TenantId], given: Path | None, *, weeks: int = WEEKS_MAX) -> Row:
        """Learn, judge, decide, record; the document.

        Raises:
            InputError: there is no ended week of any tenant.
            IntegrityError: weights were changed.
        """
        models = self._models(given)
        lived = self._weeks(tenants, models.order.models(), weeks)
        if not lived:
            raise InputError("no week of these tenants has ended yet", tenants=list(tenants),
                             todo="Scan them, and run this again after some weeks")  # fmt: skip
        found = retrained(lived, models.order)
        folder = run_folder(self._folders.models, self._now)
        candidate = self._entered(found, lived, folder.name)
        run = Run(
            self._now, tenants, models.serving, "" if candidate is None else candidate.model,
            "" if candidate is None else candidate.sha256,
        )  # fmt: skip
        self._decide(found, models, candidate)
        return self._written(retraining_document(found, run), folder)

    def _models(self, given: Path | None) -> _Models:
        versions = self._book.versions()
        now, before = serving(versions), former(versions)
        predictor = shipped_predictor(self._book.weights(now) or SHIPPED)
        order = Order(
            predictor,
            None if before is None else shipped_predictor(self._book.weights(before) or SHIPPED),
            now.serves_since(),
            None if given is None else shipped_predictor(given),
            self._settings.prediction_approval,
        )
        return _Models(order, predictor.manifest.model, now.model)

    def _weeks(self, tenants: Sequence[TenantId], models: Mapping[str, Predictor], count: int) -> list[LearnedWeek]:
        """Weeks of all tenants, those of one date as one; each is made by a task of its own."""
        deeds = RecordedDeeds(self._platform, self._folders)
        prior, made = shipped_predictor().prior, list[LearnedWeek]()
        for tenant in tenants:
            done = deeds.of(tenant, since=self._now - WEEK * (count + 1), until=self._now)
            history = self._platform.learned_from(tenant, done, now=self._now)
            made += self._make(history, prior, models, ended_weeks(history, self._now, count=count))
        by_date: defaultdict[datetime, list[LearnedWeek]] = defaultdict(list)
        for week in made:
            by_date[week.at].append(week)
        return [merged(by_date[at]) for at in sorted(by_date)]

    def _entered(self, found: Retraining, lived: Sequence[LearnedWeek], run: str) -> Version | None:
        """Keep the candidate's weights and enter it; None where none was made."""
        if found.made is None:
            return None
        learned, _ = split(lived)
        manifest = self._manifest(found.made, learned, found)
        partial = self._folders.models / "candidate.npz"
        told = write_weights(partial, as_arrays(found.made), manifest)
        file = f"{told.sha256[:16]}.npz"
        partial.replace(self._folders.models / file)
        partial.with_suffix(".json").replace((self._folders.models / file).with_suffix(".json"))
        version_ = Version(told.model, file, told.sha256, Standing.CANDIDATE, report=f"runs/{run}/report.html")
        self._book.enter(version_)
        return version_

    def _manifest(self, made: Predictor, learned: Sequence[LearnedWeek], found: Retraining) -> Manifest:
        rates: dict[str, Json] = {
            task.value: {"base_rate": rate} for task, rate in base_rates(learned).items() if not isnan(rate)
        }
        name = f"{made.manifest.name.partition('+')[0]}+{self._now:%Y%m%d}"
        first, last = (learned[0].at, learned[-1].at) if learned else (found.judged[0], found.judged[-1])
        return replace(
            made.manifest, name=name, learned_from=first.date().isoformat(),
            learned_until=last.date().isoformat(), metrics={**made.manifest.metrics, **rates},
        )  # fmt: skip

    def _decide(self, found: Retraining, models: _Models, candidate: Version | None) -> None:
        if found.decision.action is Action.FALL_BACK:
            self._move(models.serving_name, Trigger.FALL_BACK, found.decision.reason)
        elif candidate is not None and _standing(self._book, candidate.model) is Standing.CANDIDATE:
            self._move(candidate.model, TRIGGERS[found.decision.action], found.decision.reason)

    def _move(self, model: str, trigger: Trigger, reason: str) -> None:
        def record(event: EvidenceEvent) -> str:
            return str(self._platform.record_platform([event])[0].id)

        self._book.move(Move(model, trigger, self._now, GATE, reason), record)

    def _written(self, document: Row, folder: Path) -> Row:
        folder.mkdir(parents=True, exist_ok=True)
        report = folder / "report.html"
        report.write_text(retraining_html(document, version=version("policycortex")), encoding="utf-8")
        (folder / "retraining.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return {**document, "report": str(report)}


def _standing(book: ModelBook, model: str) -> Standing:
    return next(one.standing for one in book.versions() if one.model == model)
