"""The thread that runs anchoring, and the way to ask for a round at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Lock, Thread

from actors.anchor_targets import AnchorSettings
from actors.anchoring import Anchoring, Round
from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from actors.platform_log import WriterPlatformLog
from chain.anchors.check import check_receipt
from domain.clock import Clock
from domain.errors import PolicyCortexError

PERIOD_S = 60.0


class AnchorLoop:
    """Runs a round every minute until it is stopped.

    Args:
        report: told of every round that could not be run to its end; the next one goes on from the log.
    """

    def __init__(
        self, anchoring: Anchoring, *, report: Callable[[PolicyCortexError], None], period_s: float = PERIOD_S
    ) -> None:
        self._anchoring = anchoring
        self._report = report
        self._period_s = period_s
        self._stopping = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="anchoring", daemon=True)

    def start(self) -> None:
        """Begin with a round at once."""
        self._thread.start()

    def stop(self, *, deadline_s: float = 60.0) -> None:
        """End after the round that is running."""
        self._stopping.set()
        self._thread.join(deadline_s)

    @property
    def is_running(self) -> bool:
        """Whether rounds are still being run."""
        return self._thread.is_alive()

    def anchor_now(self) -> Round:
        """Ask every target now, after the round that is running.

        Raises:
            UnavailableError: the log cannot be written now.
        """
        with self._lock:
            return self._anchoring.round(is_on_demand=True)

    def _run(self) -> None:
        while True:
            try:
                with self._lock:
                    self._anchoring.round()
            except PolicyCortexError as error:
                self._report(error)
            if self._stopping.wait(self._period_s):
                return


def open_anchoring(chain: Handle[EvidenceChain], settings: AnchorSettings, clock: Clock) -> Anchoring:
    """Anchoring of the writer's platform log at the targets that the settings name.

    Raises:
        UnavailableError: the writer does not answer.
    """
    workers = max(len(settings.targets), 1)
    return Anchoring(
        WriterPlatformLog(chain),
        settings.targets,
        clock=clock,
        executor=ThreadPoolExecutor(workers, thread_name_prefix="anchor"),
        judge=partial(check_receipt, trust=settings.trust),
        timing=settings.timing,
    )
