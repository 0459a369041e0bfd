"""Versions of the model: one serves, a new one takes its place, and it can be given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConflictError, NotFound
from training.promotion import Standing, Trigger
from training.versions import (
    SHIPPED,
    Version,
    Versions,
    begun,
    entered,
    former,
    moved,
    parse_versions,
    serving,
    versions_rows,
)

AT = datetime(2026, 3, 2, tzinfo=UTC)


def step(versions: Versions, model: str, trigger: Trigger, day: int = 0) -> Versions:
    return moved(versions, model, trigger, at=AT + timedelta(days=day), by="gate", reason="measured")


def with_candidate(versions: Versions, name: str) -> Versions:
    return entered(versions, Version(name, f"{name}.npz", name * 4, Standing.CANDIDATE))


def test_a_promoted_candidate_takes_the_place_and_falls_back() -> None:
    found = step(with_candidate(begun("s"), "a"), "a", Trigger.PROMOTE)
    assert (serving(found).model, former(found)) == ("a", found[0])
    assert found[0].standing is Standing.FORMER
    back = step(found, "a", Trigger.FALL_BACK, 1)
    assert serving(back).model == SHIPPED
    assert [one.standing for one in back] == [Standing.SERVING, Standing.WITHDRAWN]
    with pytest.raises(ConflictError):
        step(back, SHIPPED, Trigger.FALL_BACK, 2)


def test_it_falls_back_to_who_served_last() -> None:
    found = begun("s")
    for day, name in enumerate("ab"):
        found = step(with_candidate(found, name), name, Trigger.PROMOTE, day)
    assert serving(step(found, "b", Trigger.FALL_BACK, 5)).model == "a"


def test_who_waits_serves_after_approval_and_not_after_rejection() -> None:
    waiting = step(with_candidate(begun("s"), "a"), "a", Trigger.ASK)
    assert serving(waiting).model == SHIPPED
    assert serving(step(waiting, "a", Trigger.APPROVE)).model == "a"
    rejected = step(waiting, "a", Trigger.REJECT)
    assert serving(rejected).model == SHIPPED
    with pytest.raises(ConflictError):
        step(rejected, "a", Trigger.APPROVE)


def test_the_same_weights_are_entered_once_and_others_under_their_name_are_refused() -> None:
    found = with_candidate(begun("s"), "a")
    assert with_candidate(found, "a") == found
    with pytest.raises(ConflictError):
        entered(found, Version("a", "b.npz", "other", Standing.CANDIDATE))
    with pytest.raises(NotFound):
        step(found, "none", Trigger.PROMOTE)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", SHIPPED]), st.sampled_from(Trigger)), max_size=12))
def test_whatever_is_tried_exactly_one_serves_and_json_keeps_all(tried: list[tuple[str, Trigger]]) -> None:
    found = with_candidate(with_candidate(begun("s"), "a"), "b")
    for day, (model, trigger) in enumerate(tried):
        try:
            found = step(found, model, trigger, day)
        except ConflictError:
            continue
        assert [one.standing for one in found].count(Standing.SERVING) == 1
    assert parse_versions(orjson.loads(orjson.dumps(versions_rows(found)))) == found
