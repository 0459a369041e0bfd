"""Anchoring: asks every target for receipts of the platform log, in parallel, and records what came and what did not.

A target that is dead or slow costs the others nothing: each is asked in a thread of its own, at most one at a time,
and after the deadline of a round its answer is left for a later round. Every receipt is judged before it is recorded.
What must outlive the process is in the log alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from actors.anchor_book import AnchorBook, PlatformLog
from actors.anchor_schedule import AnchorTiming, Gap, Step, TargetState, decide
from chain.anchors.receipt import Anchored, read_entry
from chain.anchors.verdict import AnchorVerdict, Standing
from domain.anchoring import AnchorReceipt, AnchorTarget
from domain.clock import Clock
from domain.errors import InputError, IntegrityError, PolicyCortexError

Judge = Callable[[AnchorReceipt, bytes], AnchorVerdict]

_REASON_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did.

    Args:
        failures: reasons by target.
    """

    receipts: tuple[AnchorReceipt, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


class Anchoring:
    """Carries out what the schedule decides. `round` is called every minute or so, by one thread at a time."""

    def __init__(
        self,
        log: PlatformLog,
        targets: Sequence[AnchorTarget],
        *,
        clock: Clock,
        executor: Executor,
        judge: Judge,
        timing: AnchorTiming | None = None,
        deadline_s: float = 60.0,
    ) -> None:
        self._log = log
        self._targets = _by_name(targets)
        self._clock = clock
        self._executor = executor
        self._judge = judge
        self._timing = timing or AnchorTiming()
        self._deadline_s = deadline_s
        self._calls: dict[str, _Call] = {}
        self._unrecorded: list[Anchored] = []
        self._book = AnchorBook(log, list(self._targets), timing=self._timing, now=clock.now())

    @property
    def states(self) -> Mapping[str, TargetState]:
        """Each target's state."""
        return dict(self._book.states)

    def round(self, *, is_on_demand: bool = False) -> Round:
        """Do what is due, or ask every target now.

        Raises:
            UnavailableError: the log cannot be written; what targets answered is kept for the next round.
        """
        now = self._clock.now()
        self._book.follow()
        failures = self._collect(now)
        receipts = self._record(now, failures)
        self._book.follow()
        idle = [state for name, state in self._book.states.items() if name not in self._calls]
        steps = [decide(state, now, self._timing, is_on_demand=is_on_demand) for state in idle]
        gaps = tuple(gap for step in steps for gap in step.gaps)
        self._book.record_gaps(gaps, now)
        started = self._start([step for step in steps if step.asks_for or step.completes], now)
        wait(started, timeout=self._deadline_s)
        failures |= self._collect(self._clock.now()) | self._tell_late(now)
        receipts += self._record(now, failures)
        self._book.follow()
        return Round(receipts, gaps, failures)

    def _start(self, steps: Sequence[Step], now: datetime) -> list[Future[None]]:
        note = self._log.note() if any(step.asks_for for step in steps) else b""
        for step in steps:
            outcomes: list[Anchored | str] = []
            work = _Work(self._targets[step.target], step, note, self._log, self._judge, outcomes)
            self._calls[step.target] = _Call(self._executor.submit(work.run), outcomes)
            if step.completes:
                self._book.states[step.target] = self._book.states[step.target].asked_to_complete(now, self._timing)
        return [self._calls[step.target].future for step in steps]

    def _collect(self, now: datetime) -> dict[str, str]:
        """Take what finished calls brought; the first failure of each target among it."""
        failures: dict[str, str] = {}
        for name in [name for name, call in self._calls.items() if call.future.done()]:
            call = self._calls.pop(name)
            self._unrecorded += [one for one in call.outcomes if isinstance(one, Anchored)]
            state = self._book.states[name]
            reasons = call.reasons()
            if reasons:
                failures[name] = reasons[0][:_REASON_LENGTH_MAX]
                self._book.states[name] = state.failed(now, self._timing, failures[name])
            else:
                self._book.states[name] = state.succeeded()
        return failures

    def _tell_late(self, now: datetime) -> dict[str, str]:
        """Count a target that has not answered by the end of its round as failed, once."""
        late = [name for name, call in self._calls.items() if not call.is_told_late]
        reason = f"no answer within {self._deadline_s:g} s"
        for name in late:
            self._calls[name].is_told_late = True
            self._book.states[name] = self._book.states[name].failed(now, self._timing, reason)
        return dict.fromkeys(late, reason)

    def _record(self, now: datetime, failures: dict[str, str]) -> tuple[AnchorReceipt, ...]:
        """Append what was not appended yet, in order; kept while the log is down, dropped where it can never be."""
        recorded: list[AnchorReceipt] = []
        while self._unrecorded:
            receipt = self._unrecorded[0].receipt
            try:
                if self._book.record_receipt(self._unrecorded[0], now):
                    recorded.append(receipt)
            except InputError as error:
                failures[receipt.target] = str(error)[:_REASON_LENGTH_MAX]
                state = self._book.states[receipt.target]
                self._book.states[receipt.target] = state.failed(now, self._timing, failures[receipt.target])
            self._unrecorded.pop(0)
        return tuple(recorded)


@dataclass(slots=True)
class _Call:
    """A target being asked."""

    future: Future[None]
    outcomes: list[Anchored | str]
    is_told_late: bool = False

    def reasons(self) -> list[str]:
        """What went wrong; a fault of the target's own program is one target's failure too."""
        error = self.future.exception()
        unexpected = [] if error is None else [f"{type(error).__name__}: {error}"]
        return [one for one in self.outcomes if isinstance(one, str)] + unexpected


@dataclass(frozen=True, slots=True)
class _Work:
    """What one thread does for one target; each outcome is a receipt or the reason why there is none."""

    target: AnchorTarget
    step: Step
    note: bytes = field(repr=False)
    log: PlatformLog = field(repr=False)
    judge: Judge = field(repr=False)
    outcomes: list[Anchored | str] = field(repr=False)

    def run(self) -> None:
        if self.step.asks_for is not None:
            self._attempt(self._ask)
        for pending in self.step.completes:
            self._attempt(partial(self._complete, pending.entry))

    def _attempt(self, work: Callable[[], Anchored | None]) -> None:
        try:
            found = work()
        except PolicyCortexError as error:
            self.outcomes.append(str(error))
        else:
            self.outcomes.extend([] if found is None else [found])

    def _ask(self) -> Anchored:
        assert self.step.asks_for is not None
        return self._judged(Anchored(self.target.anchor(self.note), self.note, self.step.asks_for))

    def _complete(self, entry: bytes) -> Anchored | None:
        anchored = read_entry(entry, self.log.artifact)
        receipt = self.target.complete(anchored.receipt)
        return self._judged(Anchored(receipt, anchored.note, anchored.due_at)) if receipt.is_final else None

    def _judged(self, anchored: Anchored) -> Anchored:
        verdict = self.judge(anchored.receipt, anchored.note)
        if verdict.standing is Standing.REFUTED:
            finding = verdict.findings[0]
            raise IntegrityError(
                "receipt does not hold",
                target=self.target.name,
                reason=finding.field,
                expected=finding.expected,
                got=finding.got,
            )
        return anchored


def _by_name(targets: Sequence[AnchorTarget]) -> dict[str, AnchorTarget]:
    named = {target.name: target for target in targets}
    if len(named) < len(targets):
        raise InputError("two anchor targets have one name", got=sorted(target.name for target in targets))
    return named
