"""Where the API asks about next week: a model in this process, read from its weights at the first question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock

from actors.folders import Folders
from actors.prediction_series import PredictionSeries
from domain.clock import Clock
from domain.tenancy import TenantId
from serve.predictor import Arms, PredictionService, Question, Row, Tenants
from training.predictor import shipped_predictor


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Which weights are served, and beside which candidate.

    Args:
        candidate: weights that are tried; None where there are none.
        share: of the tenants that the candidate answers; 0 lets it run along unheard.
    """

    candidate: Path | None = None
    share: float = 0.0

    def arms(self) -> Arms:
        """The models, read from their files.

        Raises:
            InputError: a file of weights does not fit this code.
            IntegrityError: it was changed.
        """
        candidate = None if self.candidate is None else shipped_predictor(self.candidate)
        return Arms(shipped_predictor(), candidate, self.share)


class Predictions:
    """Answers for the API. Safe for several threads, one after the other."""

    def __init__(self, graphs: Tenants, folders: Folders, clock: Clock, place: ModelPlace | None = None) -> None:
        self._graphs, self._folders, self._clock = graphs, folders, clock
        self._place, self._lock = place or ModelPlace(), Lock()

    def timeline(self, asked: Question) -> Row:
        """One resource's answer.

        Raises:
            NotFound: the tenant has no such resource.
            InputError: there are no weights that fit.
        """
        with self._lock:
            return self._service.timeline(asked)

    def score(self, tenant: TenantId, as_of: datetime) -> Row:
        """Score a whole tenant, and keep it in its series."""
        with self._lock:
            return self._service.score(tenant, as_of)

    def figures(self) -> Row:
        """What each model did."""
        with self._lock:
            return self._service.figures()

    @cached_property
    def _service(self) -> PredictionService:
        return PredictionService(
            self._place.arms(),
            self._graphs,
            lambda tenant: PredictionSeries(self._folders.predictions(tenant)),
            now=self._clock.now,
        )
