"""Where the API asks about next week: a model in this process, or in a deployment, opened at the first question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Protocol

from actors.folders import Folders
from actors.model_book import ModelBook, Move
from actors.retraining_book import RetrainingBook
from domain.clock import Clock
from domain.errors import UnavailableError
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import TenantId
from domain.value import Json
from serve.arms import CANDIDATE, SERVING, Arms, Model, Row
from serve.prediction_deeds import Evidence, RecordedDeeds
from serve.predictor import PredictionService, Question
from serve.tenant_graphs import Tenants
from training.forward import Floats
from training.pairing import ToldPairs
from training.predictor import shipped_predictor, shipped_sha256
from training.scoring import Asked, AskedPairs, Graph, Scorer, Told
from training.versions import serving, versions_rows
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

    def arms(self, serving: Path | None = None) -> Arms:
        """The models, read from their files.

        Args:
            serving: weights that took the place of those that come with the product.

        Raises:
            InputError: a file of weights does not fit this code.
            IntegrityError: it was changed.
        """
        files = {SERVING: serving or SHIPPED}
        if self.candidate is not None:
            files[CANDIDATE] = self.candidate
        found = {name: shipped_predictor(path) for name, path in files.items()}
        return Arms(found[SERVING], found.get(CANDIDATE), self.share, files)


class ModelHere:
    """The models in this process, one question at a time."""

    where = "the process that answers"

    def __init__(self, arms: Arms) -> None:
        self._scorer, self._lock = Scorer(arms.models()), Lock()

    def place(self, graph: Graph) -> Graph:
        """The graph itself."""
        return graph

    async def explain(self, asked: Asked, placed: Graph) -> Told:
        """Answer one question.

        Raises:
            UnavailableError: the network failed.
        """
        (found,) = await asyncio.to_thread(self._explained, asked, placed)
        if isinstance(found, UnavailableError):
            raise found
        return found

    def pairs(self, asked: AskedPairs, placed: Graph) -> ToldPairs:
        """Answer for pairs.

        Raises:
            UnavailableError: the model has no head for them, or failed.
        """
        with self._lock:
            return self._scorer.pairs(asked, lambda: placed)

    def whole(self, asked: Asked, placed: Graph, *, deadline_s: float | None = None) -> Floats:
        """Logits of every row.

        Raises:
            UnavailableError: the network failed.
        """
        del deadline_s
        with self._lock:
            return self._scorer.whole(asked.graph, asked.arm, lambda: placed)

    def _explained(self, asked: Asked, placed: Graph) -> Sequence[Told | UnavailableError]:
        with self._lock:
            return self._scorer.explain([asked], lambda _: placed)


class Platform(Tenants, Evidence, Protocol):
    """What of a platform is needed."""

    def record_platform(self, events: Sequence[EvidenceEvent]) -> Sequence[Receipt]:
        """Record what concerns the platform as a whole."""


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
        self._service: tuple[int, PredictionService] | None = None

    async def timeline(self, asked: Question) -> Row:
        """One resource's answer.

        Raises:
            NotFound: the tenant has no such resource.
            InputError: there are no weights that fit.
        """
        service = self._at_hand()
        if service is None:
            service = await asyncio.to_thread(self._opened)
        return await service.timeline(asked)

    def cochange(self, asked: Question, limit: int) -> Row:
        """Which others are changed when one resource is.

        Raises:
            NotFound: the tenant has no such resource.
            InputError: there are no weights that fit.
        """
        return self._opened().cochange(asked, limit)

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

    def versions(self) -> Row:
        """Every version of the model, and which one serves."""
        found = self._book.versions()
        return {"serving": serving(found).model, "versions": list[Json](versions_rows(found))}

    def retraining(self) -> Row:
        """When the model is retrained next, and what came of each retraining."""
        return RetrainingBook(self._folders.models).read().row()

    def retraining_stand(self) -> str:
        """How the schedule of retrainings stands, in a word."""
        return RetrainingBook(self._folders.models).stand().value

    def move(self, move: Move) -> Row:
        """Take a step of one version and record it; whoever asks next is answered by the model that then serves.

        Raises:
            NotFound: there is no such version.
            ConflictError: it cannot take that step.
        """
        self._book.move(move, lambda event: str(self._graphs.record_platform([event])[0].id))
        return self.versions()

    @cached_property
    def _book(self) -> ModelBook:
        return ModelBook(self._folders.models, shipped_sha256())

    def _at_hand(self) -> PredictionService | None:
        """The service where it is open and of the versions that there are; None where weights are to be read."""
        opened = self._service
        return opened[1] if opened is not None and opened[0] == self._book.revision() else None

    def _opened(self) -> PredictionService:
        with self._lock:
            opened = self._at_hand()
            if opened is None:
                revision = self._book.revision()
                opened = self._made()
                self._service = (revision, opened)
            return opened

    def _made(self) -> PredictionService:
        arms = self._place.arms(self._book.served())
        return PredictionService(
            arms,
            self._model(arms),
            self._graphs,
            self._folders.predictions,
            now=self._clock.now,
            deeds=self._deeds,
        )
