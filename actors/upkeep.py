"""What happens to the logs without anybody asking: publishing in time, cosignatures, and anchors.

One actor beside the writer, so that a slow or dead outside party costs an append nothing. It keeps no state that must
last: what is published and anchored is read from the logs, so a restart goes on, and the hours it missed are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final, TypeVar

import structlog

from actors.anchor_loop import AnchorLoop, open_anchoring
from actors.anchor_targets import load_anchors
from actors.anchor_views import round_view, target_views
from actors.anchoring import Anchoring
from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from actors.messages import AnchorRound, ExpiryReport, LogState, UpkeepState
from actors.witnessing import LogWitnessing
from chain.retention import RETENTION_YEARS
from chain.trust import load_policy
from connectors.witness import post
from domain.clock import Clock, SystemClock
from domain.errors import PolicyCortexError
from domain.tenancy import PLATFORM, TenantId

WRITER_DEADLINE_S: Final = 900.0
REASON_LENGTH_MAX: Final = 300

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class UpkeepConfig:
    """How the logs are kept up.

    Args:
        publish_s: within which new entries of a tenant are published.
        platform_s: how often the platform log is published at least.
        anchors: file of targets; nobody is asked without one.
        retention_years: how long evidence is kept after its year.
        witnesses: C2SP policy file whose witnesses are asked after each publication; nobody without one.
    """

    publish_s: float = 10.0
    platform_s: float = 3600.0
    anchors: Path | None = None
    witnesses: Path | None = None
    retention_years: int = RETENTION_YEARS


class LogUpkeep:
    """Works from `begin` until it is stopped. Files are read when it is made, so a wrong one is told at once.

    Args:
        is_working: begin at once, as an actor that is started again must.
    """

    def __init__(
        self,
        chain: Handle[EvidenceChain],
        config: UpkeepConfig,
        clock: Clock | None = None,
        *,
        is_working: bool = False,
    ) -> None:
        self._chain = chain.within(WRITER_DEADLINE_S)
        self._config = config
        self._clock = clock or SystemClock()
        self._anchors = load_anchors(config.anchors) if config.anchors else None
        witnesses = load_policy(config.witnesses) if config.witnesses else None
        self._witnessing = LogWitnessing(self._chain, witnesses, post, self._clock) if witnesses else None
        self._waiting: dict[TenantId, int] = {}
        self._platform_at: datetime | None = None
        self._reasons: dict[str, str] = {}
        self._reasons_of_witnesses: Mapping[str, str] = {}
        self._lock = Lock()
        self._stopping = Event()
        self._anchoring: Anchoring | None = None
        self._loop: AnchorLoop | None = None
        self._is_anchoring = False
        self._thread: Thread | None = None
        if is_working:
            self.begin()

    def begin(self) -> None:
        """Start working; a second call changes nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="upkeep", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(60)
        if self._loop is not None and self._is_anchoring:
            self._loop.stop()

    def tick(self) -> None:
        """Publish what has waited, then ask witnesses about what is new. Each log's failure is its own."""
        states = self._told("logs", self._chain_states) or []
        waits = {state.tenant: state.published_size for state in states if state.size > state.published_size}
        due = [tenant for tenant in waits if self._waiting.get(tenant) == waits[tenant] and tenant != PLATFORM]
        self._waiting = waits
        for tenant in due:
            self._told(f"publishing {tenant}", partial(self._chain.call, EvidenceChain.publish, tenant))
        now = self._clock.now()
        is_due = self._platform_at is None or now - self._platform_at >= timedelta(seconds=self._config.platform_s)
        if is_due and self._told("publishing the platform log", self._publish_platform) is not None:
            self._platform_at = now
        if self._witnessing is not None:
            self._reasons_of_witnesses = self._witnessing.ask(self._told("logs", self._chain_states) or [])

    def anchor(self) -> AnchorRound:
        """Publish the platform log and ask every target now, whatever its circuit says.

        Raises:
            UnavailableError: the log cannot be written now.
        """
        size = self._publish_platform()
        loop = self._anchor_loop()
        if loop is None:
            return AnchorRound(size)
        return round_view(size, loop.anchor_now())

    def expire(self, *, is_dry_run: bool = False) -> ExpiryReport:
        """End the logs whose retention is over, or say which would go."""
        years = self._config.retention_years
        return self._chain.call(EvidenceChain.expire, retention_years=years, is_dry_run=is_dry_run)

    def state(self) -> UpkeepState:
        """What is going wrong now, and how each target stands."""
        named = self._anchors.targets if self._anchors else ()
        targets = target_views(named, self._anchoring.states if self._anchoring else {}, self._clock.now())
        return UpkeepState(self._is_running, {**self._reasons, **self._reasons_of_witnesses}, targets)

    def ping(self) -> str:
        """Answer ``ok``, or say that the work ended; a single failure is shown by `state` and stops nothing."""
        return "ok" if self._thread is None or self._is_running else "upkeep ended"

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        self._told("ended logs", partial(self._chain.call, EvidenceChain.finish_endings))
        while True:
            self.tick()
            self._begin_anchoring()
            if self._stopping.wait(self._config.publish_s / 2):
                return

    def _begin_anchoring(self) -> None:
        loop = self._told("anchoring", self._anchor_loop)
        if loop is not None and not self._is_anchoring:
            self._is_anchoring = True
            loop.start()

    def _anchor_loop(self) -> AnchorLoop | None:
        """The one thread of anchoring, opened over the platform log when the writer answers."""
        with self._lock:
            if self._loop is None and self._anchors is not None:
                self._anchoring = open_anchoring(self._chain, self._anchors, self._clock)
                self._loop = AnchorLoop(self._anchoring, report=self._report)
            return self._loop

    def _chain_states(self) -> list[LogState]:
        return self._chain.call(EvidenceChain.states)

    def _publish_platform(self) -> int:
        return self._chain.call(EvidenceChain.publish_platform).head.size

    def _told(self, what: str, work: Callable[[], R]) -> R | None:
        """Do one thing; a failure is kept until the thing succeeds, and stops nothing else."""
        try:
            done = work()
        except PolicyCortexError as error:
            self._fail(what, error)
            return None
        self._reasons.pop(what, None)
        return done

    def _report(self, error: PolicyCortexError) -> None:
        self._fail("anchoring", error)

    def _fail(self, what: str, error: PolicyCortexError) -> None:
        self._reasons[what] = str(error)[:REASON_LENGTH_MAX]
        structlog.get_logger().warning("upkeep failed", work=what, reason=self._reasons[what])
