"""The prediction models as a deployment: questions that come together are answered together, on one thread a replica.

The replica imports what computes and nothing of actors, tables or the web framework, and is started by the first
question, so a platform that is asked nothing about next week pays nothing for it. Graphs are put into the object
store once for each version and read from there without a copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar, cast

import ray
from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from domain.errors import PolicyCortexError, UnavailableError
from serve.breaker import Patience
from training.forward import Floats
from training.pairing import ToldPairs
from training.predictor import load_predictor
from training.scoring import Asked, AskedPairs, Graph, Scorer, Told

BATCH_MAX: Final = 32
BATCH_WAIT_S: Final = 0.002
WARM_S: Final = 5.0
"""How long an answer may take."""
COLD_S: Final = 20.0
"""How long the first answers may take together, while a replica starts."""
LOOP_S: Final = 1.0
"""How much longer the loop may take to say that an answer is late."""
IDLE_S: Final = 3_600.0
"""After so long without a question replicas end."""
ONE_THREAD: Final = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """How the deployment runs.

    Args:
        replicas: at most; none runs before the first question.
    """

    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A question on its way. The graph's reference is in a list, so that only a replica without the graph reads it.

    Args:
        features: what the features of the asking code digest to: weights for others are refused.
        files: of weights by the names of their arms; a replica opens them when they are others than before.
    """

    asked: Asked | AskedPairs
    graph: list[Any]
    features: str
    files: Mapping[str, Path]


class ModelReplica:
    """A replica: one thread computes, the event loop gathers what comes meanwhile."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scores")
        self._files: Mapping[str, Path] = {}
        self._scorer: Scorer | None = None

    @ray_serve.batch(max_batch_size=BATCH_MAX, batch_wait_timeout_s=BATCH_WAIT_S)
    async def explain(self, sent: list[Sent]) -> list[Told | PolicyCortexError]:
        """Answers, or errors in their place."""
        return await self._on_thread(lambda: self.explained(sent))

    async def pairs(self, sent: Sent) -> ToldPairs | PolicyCortexError:
        """Answers for pairs, or why there are none."""
        return await self._on_thread(lambda: self.paired(sent))

    async def whole(self, sent: Sent) -> Floats | PolicyCortexError:
        """Logits of every row of a graph, or why there are none."""
        return await self._on_thread(lambda: self.scored(sent))

    def explained(self, sent: Sequence[Sent]) -> list[Told | PolicyCortexError]:
        """The same as `explain`, on the thread that computes."""
        try:
            scorer = self._opened(sent[-1])
        except PolicyCortexError as error:
            return [error for _ in sent]
        asked = [one.asked for one in sent if isinstance(one.asked, Asked)]
        assert len(asked) == len(sent), "resources are asked about one by one"
        return list(scorer.explain(asked, lambda at: _read(sent[at])))

    def paired(self, sent: Sent) -> ToldPairs | PolicyCortexError:
        """The same as `pairs`, on the thread that computes."""
        assert isinstance(sent.asked, AskedPairs), "pairs are asked about as pairs"
        try:
            return self._opened(sent).pairs(sent.asked, lambda: _read(sent))
        except PolicyCortexError as error:
            return error

    def scored(self, sent: Sent) -> Floats | PolicyCortexError:
        """The same as `whole`, on the thread that computes."""
        assert isinstance(sent.asked, Asked), "a graph is asked about as a whole"
        try:
            return self._opened(sent).whole(sent.asked.graph, sent.asked.arm, lambda: _read(sent))
        except PolicyCortexError as error:
            return error

    def _opened(self, sent: Sent) -> Scorer:
        if self._scorer is None or self._files != sent.files:
            arms = {name: load_predictor(sent.features, path) for name, path in sent.files.items()}
            self._scorer, self._files = Scorer(arms), sent.files
        return self._scorer

    async def _on_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def model_deployment(config: ModelConfig) -> Any:
    """The deployment, to be bound into an application."""
    options = cast("Any", ray_serve).deployment(ModelReplica).options(
        name="model",
        autoscaling_config={
            "min_replicas": 0, "initial_replicas": 0, "max_replicas": config.replicas,
            "target_ongoing_requests": BATCH_MAX, "upscale_delay_s": 1.0, "downscale_delay_s": IDLE_S,
        },
        max_ongoing_requests=2 * BATCH_MAX,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=5.0,
        logging_config={"enable_access_log": False},
        ray_actor_options={"num_cpus": 0, "runtime_env": {"env_vars": ONE_THREAD}},
    )  # fmt: skip
    return options.bind()


class DeployedModel:
    """The deployment, as another process asks it.

    Args:
        handle: of the deployment.
        loop: that the handle is used on, whether or not Serve routes requests in a loop of its own.
        features: what the features of this code digest to.
        files: of weights by the names of their arms.
    """

    where = "a deployment of Ray Serve"

    def __init__(
        self,
        handle: Any,
        loop: asyncio.AbstractEventLoop,
        features: str,
        files: Mapping[str, Path],
        *,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._handle, self._loop = handle, loop
        self._features, self._files, self._now_s = features, files, now_s
        self._patience = Patience(WARM_S, COLD_S, IDLE_S)

    def place(self, graph: Graph) -> list[Any]:
        """Put the graph into the object store."""
        return [cast("Any", ray).put(graph)]

    async def explain(self, asked: Asked, placed: list[Any]) -> Told:
        """Answer one question, together with others that come at the same time; on the loop that the handle is used on.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """
        sent = Sent(asked, placed, self._features, self._files)
        left_s = self._patience.left_s(self._now_s())
        return cast("Told", await self._answered(lambda: self._handle.explain.remote(sent), left_s))

    def pairs(self, asked: AskedPairs, placed: list[Any]) -> ToldPairs:
        """Answer for pairs.

        Raises:
            UnavailableError: the model has no head for them, failed, or did not answer in time.
        """
        sent = Sent(asked, placed, self._features, self._files)
        return cast("ToldPairs", self._answer(lambda: self._handle.pairs.remote(sent), None))

    def whole(self, asked: Asked, placed: list[Any], *, deadline_s: float | None = None) -> Floats:
        """Logits of every row.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """
        sent = Sent(asked, placed, self._features, self._files)
        return cast("Floats", self._answer(lambda: self._handle.whole.remote(sent), deadline_s))

    def _answer(self, ask: Callable[[], Any], deadline_s: float | None) -> object:
        """Ask from a thread beside the loop."""
        left_s = self._patience.left_s(self._now_s()) if deadline_s is None else deadline_s
        asked = asyncio.run_coroutine_threadsafe(self._answered(ask, left_s), self._loop)
        try:
            return asked.result(left_s + LOOP_S)
        except TimeoutError as error:
            raise _unanswered(error) from error

    async def _answered(self, ask: Callable[[], Any], within_s: float) -> object:
        try:
            async with asyncio.timeout(within_s):
                found: object = await ask()
        except (RayError, RayServeException, TimeoutError) as error:
            raise _unanswered(error) from error
        if isinstance(found, PolicyCortexError):
            raise found
        self._patience.answered(self._now_s())
        return found


def _unanswered(error: Exception) -> UnavailableError:
    return UnavailableError(
        "the model did not answer", reason=f"{type(error).__name__}: {error}"[:300], retry_after_s=1,
        todo="Repeat the request",
    )  # fmt: skip


def _read(sent: Sent) -> Graph:
    try:
        return cast("Graph", cast("Any", ray).get(sent.graph[0], timeout=WARM_S))
    except RayError as error:
        raise UnavailableError(
            "the graph is not there any more", reason=str(error)[:300], todo="Repeat the request"
        ) from error
