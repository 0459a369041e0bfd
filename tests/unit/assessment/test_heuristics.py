"""The ranking by habit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assessment.heuristics import Population, Ranked, rank
from assessment.scan import assess
from domain.prediction import PredictionSource
from graph.stores.contract import CHANGE_KINDS, ChangeKind, Changes
from tests.unit.assessment.estate import AS_OF, inputs, registry

DAY_US = 86_400_000_000
NOW_DAYS = AS_OF.timestamp() / 86_400


def population(ages: dict[int, list[float]], *, scopes: list[str], types: list[str] | None = None) -> Population:
    pairs = [(who, NOW_DAYS - age) for who, found in sorted(ages.items()) for age in found]
    return Population(
        types=types or ["t"] * len(scopes),
        scopes=scopes,
        changed=np.array([who for who, _ in pairs], dtype=np.int64),
        changed_days=np.array([day for _, day in pairs]),
    )


def ranking(found: Population, limit: int = 10) -> tuple[Ranked, ...]:
    return rank(found, as_of=AS_OF, limit=limit)


def test_recent_changes_of_its_own_rank_a_resource_above_older_ones_and_neighbours() -> None:
    found = ranking(population({0: [1, 2, 3], 1: [40]}, scopes=["a", "b", "a", "c"]))

    assert found[0].index == 0
    assert {each.index for each in found} == {0, 1, 2}
    assert found[0].reasons[0] == "3 changes in 7 days"
    by_index = {each.index: each for each in found}
    assert by_index[1].reasons[0] == "changed within 120 days"
    assert by_index[2].reasons[0] == "3 changes beside it in 7 days, in a"


def test_no_history_ranks_nothing_and_old_history_counts_as_none() -> None:
    assert ranking(population({}, scopes=["a", "b"])) == ()
    assert ranking(population({}, scopes=[])) == ()
    assert ranking(population({0: [121.0, -1.0]}, scopes=["a", "b"])) == ()


def test_resources_without_a_scope_are_not_neighbours() -> None:
    assert [each.index for each in ranking(population({0: [1]}, scopes=["", ""]))] == [0]


def test_a_change_of_very_many_at_once_weighs_less_for_each() -> None:
    scopes = [str(n) for n in range(200)]
    together = ranking(population({n: [1.0] for n in range(200)}, scopes=scopes))[0]
    apart = ranking(population({n: [1.0 + n / 1000] for n in range(200)}, scopes=scopes))[0]

    assert apart.score > 1.5 * together.score
    assert apart.reasons[0] == together.reasons[0] == "1 change in 7 days"


@given(st.dictionaries(st.integers(0, 4), st.lists(st.floats(0, 119), max_size=6)))
def test_scores_lie_between_nothing_and_one_in_falling_order(ages: dict[int, list[float]]) -> None:
    scores = [each.score for each in ranking(population(ages, scopes=["a", "a", "b", "b", ""]))]

    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def _changes(uids: list[str], kinds: list[ChangeKind]) -> Changes:
    at = int(AS_OF.timestamp() * 1_000_000) - DAY_US
    return Changes(
        uids=tuple(uids),
        types=("t",) * len(uids),
        scopes=("s",) * len(uids),
        at_us=np.full(len(uids), at, dtype=np.int64),
        kinds=np.array([CHANGE_KINDS.index(kind) for kind in kinds], dtype=np.uint8),
    )


def test_a_scan_with_history_ranks_without_claiming_a_probability() -> None:
    items = [registry("a", admin=False), registry("b", admin=False)]
    history = _changes([items[1].uid, items[0].uid, "gone"], [ChangeKind.CHANGED, ChangeKind.NEW, ChangeKind.CHANGED])

    found = assess(inputs(items, (), changes=history)).predictions

    assert [each.resource_id for each in found] == [items[1].uid, items[0].uid]
    assert {(each.source, each.probability, each.interval, each.date, each.policy_id) for each in found} == {
        (PredictionSource.HEURISTIC, None, None, None, None)
    }
    assert assess(inputs(items, ())).notes[1].startswith("No history of changes")
