"""Weeks of anchoring with targets that fail, hang and come back, a log that fills up, and crashes at any minute."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from domain.clock import parse_instant
from domain.errors import UnavailableError
from tests.unit.actors.anchor_world import HOUR, START, SetClock, Target, World


@pytest.mark.parametrize("seed", range(8))
def test_every_hour_of_every_target_is_anchored_or_owned_up_to(seed: int) -> None:
    chance = random.Random(seed)
    clock = SetClock()
    targets = [Target("store", clock), Target("chain", clock, confirms=False), Target("flaky", clock)]
    it = World(targets, clock)
    it.anchoring.round()
    while clock.at < START + timedelta(days=3):
        _disturb(chance, it)
        try:
            it.anchoring.round(is_on_demand=chance.random() < 0.01)
        except UnavailableError:
            assert it.log.is_full
        clock.at += timedelta(minutes=chance.choice((1, 1, 7, 30)))
    _recover(it)
    for target in targets:
        _require_every_hour_covered(it, target.name, seed)


def _disturb(chance: random.Random, it: World) -> None:
    for target in it.targets:
        if chance.random() < 0.1:
            target.fault = chance.choice((None, UnavailableError("down"), TypeError("surprise")))
        if chance.random() < 0.1:
            it.threads.slow ^= {target.name}
        if chance.random() < 0.3:
            it.threads.release(target.name)
        target.confirmed = chance.random() < 0.5
    it.log.is_full = chance.random() < 0.03
    if chance.random() < 0.02:
        it.clock.at += chance.randrange(5) * HOUR
        it.restart()


def _recover(it: World) -> None:
    """All well again for two hours."""
    it.log.is_full = False
    it.threads.slow.clear()
    for target in it.targets:
        target.fault, target.confirmed = None, True
        it.threads.release(target.name)
    it.run(2 * HOUR)


def _require_every_hour_covered(it: World, target: str, seed: int) -> None:
    covered: set[datetime] = set()
    for receipt in it.receipts(target):
        covered.add(parse_instant(receipt["due_at"]))
    for gap in it.gaps(target):
        hour = parse_instant(gap["from"])
        while hour < parse_instant(gap["to"]):
            covered.add(hour)
            hour += HOUR
    first, hours = START.replace(minute=0, second=0), int((it.clock.at - START) / HOUR)
    missing = [first + n * HOUR for n in range(hours) if first + n * HOUR not in covered]
    assert missing == [], f"seed {seed}, target {target}"
    steps = Counter((one["note_sha256"], one["is_final"]) for one in it.receipts(target))
    assert max(steps.values()) == 1, f"seed {seed}, target {target}"
    unconfirmed = {note for note, is_final in steps if not is_final} - {note for note, is_final in steps if is_final}
    assert unconfirmed == set(), f"seed {seed}, target {target}"
