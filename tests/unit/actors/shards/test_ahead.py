"""What may be shown before the store has it: whatever comes, it is what the store comes to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shards.ahead import Ahead, Latest, Placed, Portion, joined
from domain.change import ChangeEvent
from domain.resource import ConfigurationItem, Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.live import Delta
from graph.stores.memory import MemoryStore
from tests.unit.connectors.stream.changes import NOON, TENANT, batch, changed, deleted, item

NAMES = ("orders", "letters")
EVENT = st.tuples(st.sampled_from(NAMES), st.integers(-3, 6), st.integers(0, 2))
"""A name, when, and which state; 0 is a deletion."""


def event(name: str, seconds: int, state: int) -> ChangeEvent:
    at = NOON + timedelta(seconds=seconds)
    return changed(name, at=at, Delay=state) if state else deleted(name, at=at)


def states(items: tuple[ConfigurationItem, ...]) -> dict[str, object]:
    return {each.uid: each.properties["Delay"] for each in items}


@given(before=st.lists(EVENT, max_size=4), batches=st.lists(st.lists(EVENT, min_size=1, max_size=3), max_size=6))
def test_what_is_shown_is_what_the_store_comes_to(
    before: list[tuple[str, int, int]], batches: list[list[tuple[str, int, int]]]
) -> None:
    store = MemoryStore(TENANT)
    store.apply([event(name, min(seconds, 0), state) for name, seconds, state in before])
    latest, shown = Latest(TENANT, NOON), states(store.items())
    for each in batches:
        events = [event(*one) for one in each]
        seen = latest.decided(events, NOON)
        store.apply(events)
        if seen is None:
            latest.told(events)
            shown = states(store.items())
            continue
        for state in seen:
            shown.pop(state.uid, None)
            if state.after is not None:
                shown[state.uid] = state.after.properties["Delay"]
        assert shown == states(store.items())


def test_what_is_later_than_everything_is_decided_and_what_may_be_late_is_not() -> None:
    latest = Latest(TENANT, NOON)
    assert latest.decided([event("orders", 0, 1)], NOON) is None
    assert [each.uid for each in latest.decided([event("orders", 2, 1)], NOON) or ()] == [item("orders").uid]
    assert latest.decided([event("orders", 1, 2)], NOON) == ()
    assert latest.decided([event("orders", 2, 1)], NOON) == ()
    assert latest.decided([event("orders", 2, 2)], NOON) is None


@pytest.mark.parametrize(
    "bad",
    [
        changed("orders", at=NOON + timedelta(hours=1)),
        changed("orders", at=NOON + timedelta(seconds=1), tenant=TenantId("globex")),
        ChangeEvent(item("letters").uid, NOON + timedelta(seconds=1), item("orders")),
    ],
)
def test_what_the_store_would_refuse_is_for_the_store_to_refuse(bad: ChangeEvent) -> None:
    assert Latest(TENANT, NOON).decided([bad], NOON) is None


def test_times_are_forgotten_together_and_nothing_is_believed_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.ahead.LATEST_MAX", 2)
    latest = Latest(TENANT, NOON)
    for number in range(3):
        assert latest.decided([event(f"queue-{number}", 1 + number, 1)], NOON)
    assert latest.decided([event("queue-0", 2, 2)], NOON) is None
    assert latest.decided([event("queue-0", 4, 2)], NOON)


def portion(name: str, seconds: int, state: int) -> Portion:
    seen = Latest(TENANT, NOON).decided([event(name, seconds, state)], NOON)
    assert seen
    placed = Placed(f"position-{seconds}", batch(str(seconds), event(name, seconds, state)))
    return Portion((placed,), placed.batch.events, seen, Delta(1))


def test_what_waits_to_be_written_goes_in_order_and_is_seen_until_then() -> None:
    ahead, first, second = Ahead(), portion("orders", 1, 1), portion("orders", 2, 2)
    ahead.add(first)
    ahead.add(second)
    assert (len(ahead), ahead.first(1), ahead.first(2)) == (2, (first,), (first, second))
    first.is_written = True
    ahead.drop_written()
    is_here, found = ahead.item(item("orders").uid)
    assert is_here
    assert found is not None
    assert found.properties["Delay"] == 2
    second.is_written = True
    ahead.drop_written()
    assert (len(ahead), ahead.item(item("orders").uid)) == (0, (False, None))


def test_of_each_source_the_edges_count_that_were_told_last() -> None:
    def edge(source: str, target: str) -> Relationship:
        return Relationship(
            ResourceId(source), ResourceId(target), RelationshipKind.REFERENCES, Strength.SOFT, "properties"
        )

    a, b = ResourceId("a"), ResourceId("b")
    left = joined(
        [
            Delta(1, frozenset({a, b}), (edge("a", "x"), edge("b", "y"))),
            Delta(2, frozenset({a}), (edge("a", "z"),)),
            Delta(3, frozenset({b})),
        ]
    )
    assert (left.sources, left.relationships) == (frozenset({a, b}), (edge("a", "z"),))
