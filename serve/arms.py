"""The models that answer, side by side: who answers whom, where they compute, what they did, and when they rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.tenancy import TenantId
from domain.value import Json
from serve.breaker import Breaker
from training.forward import Floats
from training.pairing import ToldPairs
from training.predictor import Predictor
from training.scoring import NETWORK_ERRORS, Asked, AskedPairs, Beside, Graph, Told
from training.task import NODE_TASKS

SERVING, CANDIDATE = "serving", "candidate"
Row = dict[str, Json]


class Model(Protocol):
    """Where the models compute. Safe for several threads."""

    @property
    def where(self) -> str:
        """In words, for the operator."""

    def place(self, graph: Graph) -> Any:
        """Put a graph where it can be asked about; what comes back names it."""

    async def explain(self, asked: Asked, placed: Any) -> Told:
        """Answer one question.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """

    def pairs(self, asked: AskedPairs, placed: Any) -> ToldPairs:
        """Answer for pairs.

        Raises:
            UnavailableError: the model has no head for them, failed, or did not answer in time.
        """

    def whole(self, asked: Asked, placed: Any, *, deadline_s: float | None = None) -> Floats:
        """Logits of every row; `asked.row` does not matter.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """


@dataclass(slots=True)
class ArmFigures:
    """What one model did: how often it answered or failed, how long it took, and what it told on average.

    Args:
        together: sum over answers of how many were answered at once.
    """

    answered: int = 0
    failed: int = 0
    refused: int = 0
    whole: int = 0
    together: int = 0
    took_s: float = 0.0
    p_sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(NODE_TASKS)))
    differs_sum: float = 0.0

    def add(self, p: NDArray[np.float64], took_s: float, *, together: int = 1, differs: float = 0.0) -> None:
        """Count an answer."""
        self.answered += 1
        self.together += together
        self.took_s += took_s
        self.p_sum += p
        self.differs_sum += differs

    def row(self, predictor: Predictor) -> Row:
        """The figures as JSON."""
        count = max(self.answered, 1)
        means: dict[str, Json] = {task.value: float(self.p_sum[at]) / count for at, task in enumerate(NODE_TASKS)}
        return {
            "model": predictor.manifest.model, "answered": self.answered, "failed": self.failed,
            "refused": self.refused, "tenants_scored": self.whole,
            "mean_ms": 1000 * self.took_s / count, "mean_batch": self.together / count,
            "mean_probability": means, "mean_difference_from_serving": self.differs_sum / count,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The serving model and, where there is one, a candidate.

    Args:
        share: of the tenants that the candidate answers; 0 lets it run along unheard.
        files: of weights by the names of their arms, where the models were read from files.
    """

    serving: Predictor
    candidate: Predictor | None = None
    share: float = 0.0
    files: Mapping[str, Path] = field(default_factory=dict)

    def of(self, tenant: TenantId) -> str:
        """Which answers a tenant; always the same one."""
        place = int.from_bytes(blake2b(tenant.encode(), digest_size=8).digest()) / 2**64
        return CANDIDATE if self.candidate is not None and place < self.share else SERVING

    @property
    def beside(self) -> str:
        """The arm that runs along unheard; empty where none does."""
        return CANDIDATE if self.candidate is not None and self.share == 0 else ""

    def models(self) -> dict[str, Predictor]:
        """Models by the names of their arms."""
        found = {SERVING: self.serving}
        return found if self.candidate is None else {**found, CANDIDATE: self.candidate}


class ArmWatch:
    """What the models did since the process began, and whether they are asked at all. Safe for several threads."""

    def __init__(
        self, arms: Arms, breaker: Breaker | None = None, *, now_s: Callable[[], float] = perf_counter
    ) -> None:
        self._arms, self._models, self._now_s = arms, arms.models(), now_s
        self._breaker = breaker or Breaker()
        self._figures = {name: ArmFigures() for name in self._models}
        self._lock = Lock()

    @contextmanager
    def asking(self, arm: str) -> Iterator[bool]:
        """Whether a model may be asked, which is done within; that it failed is counted, and goes no further."""
        begun = self._now_s()
        with self._lock:
            may_ask = self._breaker.lets_through(begun)
            self._figures[arm].refused += not may_ask
        if not may_ask:
            yield False
            return
        try:
            yield True
        except NETWORK_ERRORS:
            with self._lock:
                self._figures[arm].failed += 1
                self._breaker.failed(self._now_s())
            return
        with self._lock:
            ended = self._now_s()
            self._breaker.succeeded(ended, ended - begun)

    def count(self, arm: str, told: Told) -> None:
        """Count an answer, and what the model said that runs along."""
        own = np.array([told.tasks[task].p for task in NODE_TASKS])
        with self._lock:
            self._figures[arm].add(own, told.took_s, together=told.together)
            if told.beside is not None:
                self._count_beside(told.beside, own)

    def count_whole(self, arm: str) -> None:
        """Count a tenant that was scored as a whole."""
        with self._lock:
            self._figures[arm].whole += 1

    def row(self) -> Row:
        """The figures as JSON."""
        with self._lock:
            arms: dict[str, Json] = {name: self._figures[name].row(model) for name, model in self._models.items()}
            return {"arms": arms, "candidate_share": self._arms.share, "breaker_failures": self._breaker.failures}

    def _count_beside(self, beside: Beside, own: NDArray[np.float64]) -> None:
        if not beside.p:
            self._figures[CANDIDATE].failed += 1
            return
        other = np.array(beside.p)
        self._figures[CANDIDATE].add(other, beside.took_s, differs=float(np.abs(other - own).mean()))
