"""The thread around anchoring: it goes on after errors, answers on demand, and ends when told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from actors.anchor_loop import AnchorLoop, open_anchoring
from actors.anchor_schedule import AnchorTiming
from actors.anchor_targets import AnchorSettings
from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.handles import LocalHandle
from chain.anchors.verdict import AnchorTrust
from domain.errors import PolicyCortexError
from tests.unit.actors.anchor_world import SetClock, Target, world


def test_a_round_that_fails_is_reported_and_the_next_one_goes_on() -> None:
    it = world("a")
    told = Event()
    reports: list[PolicyCortexError] = []

    def report(error: PolicyCortexError) -> None:
        reports.append(error)
        it.log.is_full = False
        told.set()

    it.log.is_full = True
    loop = AnchorLoop(it.anchoring, report=report, period_s=0.001)
    loop.start()
    assert told.wait(10)
    found = loop.anchor_now()
    is_running_after_the_failure = loop.is_running
    loop.stop()
    assert (is_running_after_the_failure, loop.is_running) == (True, False)
    assert [str(error) for error in reports] == ["the disk is full"]
    assert {receipt.target for receipt in found.receipts} == {"a"}


def test_anchoring_opens_over_the_writer_with_a_thread_for_each_target(tmp_path: Path) -> None:
    clock = SetClock()
    chain = EvidenceChain(Folders(tmp_path), clock)
    settings = AnchorSettings((Target("a", clock), Target("b", clock)), AnchorTiming(), AnchorTrust())
    anchoring = open_anchoring(LocalHandle(chain), settings, clock)
    assert sorted(receipt.target for receipt in anchoring.round().receipts) == ["a", "b"]
    assert isinstance(anchoring._executor, ThreadPoolExecutor)
    anchoring._executor.shutdown()
    chain.close()
