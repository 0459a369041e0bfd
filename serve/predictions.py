"""Where the API asks about next week: a model in this process, or in a deployment, opened at the first question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Protocol

from actors.folders import Folders
from domain.clock import Clock
from domain.errors import UnavailableError
from domain.tenancy import TenantId
from serve.prediction_deeds import Evidence, RecordedDeeds
from serve.predictor import CANDIDATE, SERVING, Arms, Model, PredictionService, Question, Row, Tenants
from training.forward import Floats
from training.predictor import shipped_predictor
from training.scoring import Asked, Graph, Scorer, Told
from training.weights import SHIPPED


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Which weights are served, and beside which candidate.

    Args:
        candidate: weights that are tried; None where there are none.
        share: of the tenants that the candidate answers; 0 lets it run along unheard.
    """

    candidate: Path | None = None
    share: float = 0.0

    def files(self) -> dict[str, Path]:
        """Weights by the names of their arms."""
        return {SERVING: SHIPPED} if self.candidate is None else {SERVING: SHIPPED, CANDIDATE: self.candidate}

    def arms(self) -> Arms:
        """The models, read from their files.

        Raises:
            InputError: a file of weights does not fit this code.
            IntegrityError: it was changed.
        """
        found = {name: shipped_predictor(path) for name, path in self.files().items()}
        return Arms(found[SERVING], found.get(CANDIDATE), self.share)


class ModelHere:
    """The models in this process, one question at a time."""

    where = "the process that answers"

    def __init__(self, arms: Arms) -> None:
        self._scorer, self._lock = Scorer(arms.models()), Lock()

    def place(self, graph: Graph) -> Graph:
        """The graph itself."""
        return graph

    def explain(self, asked: Asked, placed: Graph) -> Told:
        """Answer one question.

        Raises:
            UnavailableError: the network failed.
        """
        with self._lock:
            (found,) = self._scorer.explain([asked], lambda _: placed)
        if isinstance(found, UnavailableError):
            raise found
        return found

    def whole(self, asked: Asked, placed: Graph, *, deadline_s: float | None = None) -> Floats:
        """Logits of every row.

        Raises:
            UnavailableError: the network failed.
        """
        del deadline_s
        with self._lock:
            return self._scorer.whole(asked.graph, asked.arm, lambda: placed)


class Platform(Tenants, Evidence, Protocol):
    """What of a platform is needed."""


class Predictions:
    """Answers for the API. Safe for several threads.

    Args:
        place: which weights.
        model: where they compute; opened at the first question.
    """

    def __init__(
        self,
        graphs: Platform,
        folders: Folders,
        clock: Clock,
        place: ModelPlace | None = None,
        model: Callable[[Arms], Model] = ModelHere,
    ) -> None:
        self._graphs, self._folders, self._clock = graphs, folders, clock
        self._deeds = RecordedDeeds(graphs, folders)
        self._place, self._model, self._lock = place or ModelPlace(), model, Lock()

    def timeline(self, asked: Question) -> Row:
        """One resource's answer.

        Raises:
            NotFound: the tenant has no such resource.
            InputError: there are no weights that fit.
        """
        return self._opened().timeline(asked)

    def score(self, tenant: TenantId, as_of: datetime) -> Row:
        """Score a whole tenant, and keep it in its series."""
        return self._opened().score(tenant, as_of)

    def is_scored(self, tenant: TenantId) -> bool:
        """Whether the tenant was scored as a whole today."""
        return self._opened().is_scored(tenant)

    def collect(self, tenant: TenantId) -> int:
        """Settle what came of days whose seven days are over; how many were."""
        return self._opened().collect(tenant)

    def quality(self, tenant: TenantId) -> Row:
        """How good what the tenant was told was, and what has shifted."""
        return self._opened().quality(tenant)

    def figures(self) -> Row:
        """What each model did."""
        return self._opened().figures()

    def _opened(self) -> PredictionService:
        with self._lock:
            return self._service

    @cached_property
    def _service(self) -> PredictionService:
        arms = self._place.arms()
        return PredictionService(
            arms,
            self._model(arms),
            self._graphs,
            self._folders.predictions,
            now=self._clock.now,
            deeds=self._deeds,
        )
