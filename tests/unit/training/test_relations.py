"""Lists of who speaks to whom: the latest only, nothing from the future, tenants apart, neighbourhoods whole."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from tests.unit.training.made_history import START, Tables
from tests.unit.training.made_network import drawn_network, drawn_relations, drawn_values
from training.history import Timeline
from training.recorded import read_histories
from training.relations import (
    RECENT_MAX,
    Relations,
    as_table,
    behind,
    ego,
    from_table,
    grouped,
    recent,
    relations_of,
    require_past,
)
from training.task import see


@pytest.fixture
def history(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    tables = Tables()
    for day, name in enumerate(("bucket.a", "key.k", "queue.q")):
        tables.event("r", START + timedelta(days=day), f"s/aws_{name}", "create")
    tables.edge("r", START + timedelta(days=3), "s/aws_bucket.a", "s/aws_key.k")
    tables.edge("r", START + timedelta(days=9), "s/aws_bucket.a", "s/aws_queue.q")
    tables.event("r", START + timedelta(days=30), "s/aws_key.k", "update")
    tables.violation("r", START + timedelta(days=30), "s/aws_key.k", "C")
    return read_histories(tables.write(tmp_path_factory.mktemp("history"))).timelines[0]


def _of(history: Timeline, *, days: int) -> Relations:
    return relations_of(see([history], START + timedelta(days=days))[0][0])


def test_an_edge_speaks_both_ways_with_its_age(history: Timeline) -> None:
    found = _of(history, days=5)
    refers, referred = found.links
    assert refers.others.tolist() == [1]
    assert referred.starts.tolist() == [0, 0, 1, 1]
    assert refers.ages.tolist() == [2.0]
    assert found.groups[0].members.others.tolist() == [2, 1, 0], "the stack's members, latest change first"


def test_an_edge_that_comes_later_is_not_there_before(history: Timeline) -> None:
    assert len(_of(history, days=5).links[0].others) == 1
    assert len(_of(history, days=10).links[0].others) == 2


def test_an_edge_of_the_future_is_refused() -> None:
    with pytest.raises(InputError, match="came after the cut-off") as refused:
        require_past(np.array([3.0, -0.5], np.float32))
    assert refused.value.facts["days_after"] == 0.5


def test_only_the_most_recent_are_kept_latest_first() -> None:
    size = RECENT_MAX + 8
    ages = np.random.default_rng(1).permutation(size).astype(np.float32)
    found = recent(np.zeros(size, np.int64), np.arange(size), ages, size=size, idle=ages)
    assert found.ages.tolist() == list(range(RECENT_MAX))
    assert np.diff(found.starts).tolist() == [RECENT_MAX, *[0] * (size - 1)]


def test_of_one_age_the_one_that_changed_last_is_kept() -> None:
    idle = np.arange(20, 0, -1).astype(np.float32)
    found = recent(np.zeros(20, np.int64), np.arange(20), np.zeros(20, np.float32), size=20, idle=idle)
    assert found.others.tolist() == list(range(19, 19 - RECENT_MAX, -1))


def test_a_group_lists_the_members_that_changed_last() -> None:
    found = grouped(np.array([7, 3, 7, 3]), np.array([1.0, 2.0, 0.5, 9.0], np.float32))
    assert found.codes.tolist() == [1, 0, 1, 0]
    assert found.members.others.tolist() == [1, 3, 2, 0]


@given(st.integers(1, 30), st.integers(0, 60), st.integers(1, 5), st.integers(0, 9))
def test_a_neighbourhood_gives_its_resources_the_scores_of_the_whole(
    rows: int, edges: int, seeds: int, seed: int
) -> None:
    relations, values, network = drawn_relations(rows, edges=edges, seed=seed), drawn_values(rows), drawn_network()
    chosen = np.random.default_rng(seed).choice(rows, min(seeds, rows), replace=False)
    np.testing.assert_allclose(
        network.of_rows(values, relations, chosen), network.p(values, relations)[chosen], rtol=1e-5, atol=1e-6
    )


def test_a_neighbourhood_begins_with_its_seeds_and_holds_each_row_once() -> None:
    nodes, near = ego(drawn_relations(40, edges=50), np.array([7, 3]), hops=2)
    assert nodes[:2].tolist() == [7, 3]
    assert len(np.unique(nodes)) == len(nodes) == len(near)


def test_tenants_behind_each_other_do_not_hear_each_other() -> None:
    parts = [drawn_relations(9, edges=12, seed=2), drawn_relations(14, edges=30, seed=3)]
    values = [drawn_values(9, seed=4), drawn_values(14, seed=5)]
    network = drawn_network()
    apart = np.concatenate([network.logits(one, part) for one, part in zip(values, parts, strict=True)])
    np.testing.assert_allclose(network.logits(np.concatenate(values), behind(parts)), apart, rtol=1e-5, atol=1e-6)


def test_relations_that_were_kept_are_read_as_they_were() -> None:
    relations = drawn_relations(12, edges=20)
    again = from_table(as_table(relations))
    assert again.type_names == relations.type_names
    for name, column in as_table(relations).items():
        np.testing.assert_array_equal(as_table(again)[name], column)
