"""What became of a prediction: it came, it did not, somebody prevented it, or nobody can know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.finding import PolicyId
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from training.history import Timeline
from training.live import Changed, Found, live_timeline
from training.outcomes import (
    DEEDS,
    WEEK,
    WORDS,
    Came,
    Deed,
    Known,
    Settled,
    Why,
    last_ended,
    settle,
)
from training.task import NODE_TASKS, Task, labels, see

T = datetime(2026, 3, 2, tzinfo=UTC)
BEFORE, WITHIN, END = T - timedelta(days=30), T + timedelta(days=3), T + WEEK
A, B, FAR = "arn:a", "arn:b", "arn:far"
NEAR, STACK, CHANGE = range(3)


def item(uid: str, scope: str = "1/eu", **properties: int) -> ConfigurationItem:
    return ConfigurationItem(
        tenant=TenantId("acme"), uid=ResourceId(uid), provider=Provider.AWS, type="AWS::S3::Bucket", name=uid,
        scope=scope, region="eu", tags={}, properties=properties, captured_at=BEFORE, digest=uid, origin=Origin("t"),
    )  # fmt: skip


def estate(*more: Changed, findings: tuple[Found, ...] = ()) -> Timeline:
    """A bucket that refers to another one in its stack, and one far away; all there before the cut-off."""
    there = [
        Changed(BEFORE, None, item(A), frozenset({ResourceId(B)})),
        Changed(BEFORE, None, item(B)),
        Changed(BEFORE, None, item(FAR, "2/us")),
    ]
    return live_timeline("acme", "aws", [*there, *more], findings, end=END)


def settled(timeline: Timeline, known: Known | None = None, *deeds: Deed) -> Settled:
    (seen,), _ = see([timeline], T)
    return settle(seen, timeline.outcome(T), known or Known(), deeds).rows_of((A, B, FAR))


def finding(uid: str, *, is_open: bool, at: datetime = WITHIN) -> Found:
    return Found(at, ResourceId(uid), PolicyId("P"), is_open)


def test_nothing_that_happened_did_not_come() -> None:
    found = settled(estate())
    assert (found.came == Came.NO).all()
    assert (found.why == Why.NOTHING).all()


def test_a_violation_comes_to_the_resource_its_neighbour_and_its_stack() -> None:
    found = settled(estate(findings=(finding(B, is_open=True),)))
    assert found.came[:, NEAR].tolist() == [Came.YES, Came.YES, Came.NO]
    assert found.came[:, STACK].tolist() == [Came.YES, Came.YES, Came.NO]


def test_a_mended_violation_keeps_what_did_not_come_from_being_a_false_alarm() -> None:
    opened = finding(B, is_open=True, at=BEFORE)
    found = settled(estate(findings=(opened, finding(B, is_open=False))))
    assert found.came[:, NEAR].tolist() == [Came.PREVENTED, Came.PREVENTED, Came.NO]
    assert found.why[:, STACK].tolist() == [Why.MENDED, Why.MENDED, Why.NOTHING]
    assert found.came[:, CHANGE].tolist() == [Came.NO] * 3, "who mends a violation does not prevent a change"


def test_a_deletion_prevents_even_a_change() -> None:
    found = settled(estate(Changed(WITHIN, item(FAR, "2/us"), None)))
    assert found.came[2].tolist() == [Came.PREVENTED] * 3
    assert found.why[2].tolist() == [Why.DELETED] * 3


@pytest.mark.parametrize("kind", [Why.EXEMPTED, Why.DECIDED, Why.RECORDED])
def test_a_deed_that_is_logged_elsewhere_prevents_within_its_window_alone(kind: Why) -> None:
    inside, before, after = (Deed(at, FAR, kind) for at in (WITHIN, T, END + timedelta(seconds=1)))
    assert settled(estate(), None, inside).why[2].tolist() == [kind, kind, Why.NOTHING]
    assert (settled(estate(), None, before, after).came == Came.NO).all()


def test_of_several_deeds_the_strongest_is_told() -> None:
    deeds = [Deed(WITHIN, FAR, Why.RECORDED), Deed(WITHIN, FAR, Why.EXEMPTED), Deed(WITHIN, FAR, Why.DECIDED)]
    assert settled(estate(), None, *deeds).why[2, NEAR] == Why.EXEMPTED


def test_what_came_came_although_somebody_acted() -> None:
    found = settled(estate(findings=(finding(FAR, is_open=True),)), None, Deed(WITHIN, FAR, Why.DECIDED))
    assert found.came[2, NEAR] == Came.YES
    assert found.why[2, NEAR] == Why.NOTHING


def test_without_a_scan_in_time_nobody_knows_what_did_not_open() -> None:
    everything_seen = {uid: [(BEFORE, END)] for uid in (A, B, FAR)}
    for scans in ((), (WITHIN,), (END + timedelta(days=8),)):
        found = settled(estate(findings=(finding(B, is_open=True),)), Known(everything_seen, scans))
        assert found.came[:, NEAR].tolist() == [Came.YES, Came.YES, Came.UNKNOWN], "what came is known all the same"
        assert found.why[2].tolist() == [Why.NOT_SCANNED, Why.NOT_SCANNED, Why.NOTHING]
        assert found.came[2, CHANGE] == Came.NO
    assert settled(estate(), Known(everything_seen, (END + timedelta(days=7),))).came[2, NEAR] == Came.NO


def test_a_resource_that_was_not_seen_again_is_not_known() -> None:
    stretches = {A: [(BEFORE, END)], B: [(BEFORE, WITHIN), (END + timedelta(days=1), END + timedelta(days=2))]}
    found = settled(estate(), Known(stretches, (END,)))
    assert found.came[0].tolist() == [Came.NO] * 3
    assert found.why[1:].tolist() == [[Why.NOT_SEEN] * 3] * 2


def test_what_was_not_there_at_the_cut_off_is_not_known() -> None:
    (seen,), _ = see([estate()], T)
    found = settle(seen, estate().outcome(T)).rows_of(("arn:never",))
    assert found.came.tolist() == [[Came.UNKNOWN] * 3]


def test_an_empty_tenant_has_no_outcomes() -> None:
    empty = live_timeline("acme", "", [], [], end=END)
    (seen,), _ = see([empty], T)
    assert settle(seen, empty.outcome(T)).came.shape == (0, 3)


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Why) - {Why.NOTHING}
    assert set(DEEDS) == set(Why) - {Why.NOTHING, Why.NOT_SCANNED, Why.NOT_SEEN}


DEED_LISTS = st.lists(
    st.builds(Deed, st.datetimes(T.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC)),
              st.sampled_from((A, B, FAR)), st.sampled_from(DEEDS)), max_size=6,
)  # fmt: skip
OPENINGS = st.lists(st.sampled_from((A, B, FAR)), max_size=3)


@given(deeds=DEED_LISTS, opened=OPENINGS, is_scanned=st.booleans())
def test_labels_are_those_of_training_and_order_does_not_matter(
    deeds: list[Deed], opened: list[str], *, is_scanned: bool
) -> None:
    timeline = estate(findings=tuple(finding(uid, is_open=True) for uid in opened))
    (seen,), _ = see([timeline], T)
    known = Known(None, None if is_scanned else ())
    found = settle(seen, timeline.outcome(T), known, deeds)
    again = settle(seen, timeline.outcome(T), known, deeds[::-1])
    expected = labels(seen, timeline.outcome(T))
    for at, task in enumerate(NODE_TASKS):
        np.testing.assert_array_equal(found.came[:, at] == Came.YES, expected[task])
    np.testing.assert_array_equal(found.came, again.came)
    np.testing.assert_array_equal(found.why, again.why)
    if not is_scanned:
        assert not np.isin(found.came[:, NODE_TASKS.index(Task.STACK)], (Came.NO, Came.PREVENTED)).any()


def test_ended_weeks_share_no_day() -> None:
    days = [T + timedelta(days=number) for number in range(30)]
    found = last_ended(days, T + timedelta(days=30))
    assert found[-1] == T + timedelta(days=23)
    assert {later - one for one, later in pairwise(found)} == {WEEK}
    assert last_ended(days[:3], T + timedelta(days=6)) == []
    assert last_ended([], T) == []
