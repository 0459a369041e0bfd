from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from domain.drift import AttributeDrift, Drift, DriftKind, DriftState, DriftTrigger
from domain.errors import ConflictError
from domain.resource import ResourceId
from graph.drift.ledger import NEXT, DriftLedger, after
from graph.drift.match import key_of
from tests.unit.graph.drift.estate import NOW, QUEUE

REFUSED = {
    (None, DriftTrigger.CHANGED),
    (None, DriftTrigger.RESOLVED),
    (DriftState.OPEN, DriftTrigger.DETECTED),
    (DriftState.RESOLVED, DriftTrigger.CHANGED),
    (DriftState.RESOLVED, DriftTrigger.RESOLVED),
}


def drift(value: int = 1, uid: str = QUEUE) -> Drift:
    return Drift(
        f"id-{uid}", DriftKind.CHANGED, ResourceId(uid), "AWS::SQS::Queue", "orders", "", "",
        attributes=(AttributeDrift("DelaySeconds", 5, value),),
    )  # fmt: skip


@pytest.mark.parametrize(("state", "trigger"), list(product([None, *DriftState], DriftTrigger)))
def test_every_pair_of_state_and_trigger_is_in_the_table_or_refused(
    state: DriftState | None, trigger: DriftTrigger
) -> None:
    if (state, trigger) in REFUSED:
        with pytest.raises(ConflictError):
            after(state, trigger)
    else:
        assert after(state, trigger) is NEXT[state, trigger]


def test_a_drift_is_detected_once_and_keeps_its_time() -> None:
    ledger = DriftLedger()
    first = ledger.record([drift()], NOW)
    assert [event.trigger for event in first] == [DriftTrigger.DETECTED]
    assert ledger.record([drift()], NOW + timedelta(hours=1)) == ()
    changed = ledger.record([drift(2)], NOW + timedelta(hours=2))
    assert [(event.trigger, event.drift.detected_at) for event in changed] == [(DriftTrigger.CHANGED, NOW)]


def test_a_drift_that_is_gone_is_resolved_and_may_come_back() -> None:
    ledger = DriftLedger()
    ledger.record([drift()], NOW)
    assert [event.trigger for event in ledger.record([], NOW)] == [DriftTrigger.RESOLVED]
    assert ledger.state(f"id-{QUEUE}") is DriftState.RESOLVED
    again = ledger.record([drift()], NOW + timedelta(days=1))
    assert [(event.trigger, event.drift.detected_at) for event in again] == [
        (DriftTrigger.DETECTED, NOW + timedelta(days=1))
    ]


def test_only_what_was_judged_is_resolved() -> None:
    ledger = DriftLedger()
    other = drift(uid="arn:aws:sqs:eu-central-1:123456789012:other")
    ledger.record([drift(), other], NOW)
    events = ledger.record([], NOW, judged={key_of(QUEUE)})
    assert [event.drift.uid for event in events] == [QUEUE]
    assert list(ledger.open) == [other.drift_id]
    assert ledger.of(other.uid) == (replace(other, detected_at=NOW),)
