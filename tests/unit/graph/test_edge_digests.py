"""Digests of relationships: equal for equal sets, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from graph.stores.edge_digests import source_edges

LINK = Relationship(ResourceId("/Sub/A"), ResourceId("b"), RelationshipKind.NETWORK, Strength.HARD, "p")
OTHERS = [
    replace(LINK, target=ResourceId("c")),
    replace(LINK, kind=RelationshipKind.MOUNTS),
    replace(LINK, strength=Strength.SOFT),
    replace(LINK, path="q"),
    replace(LINK, source=ResourceId("/sub/a")),
]


def test_the_order_and_repetitions_do_not_matter() -> None:
    chance = Random(1)
    links = [replace(LINK, source=ResourceId(f"s{n % 7}"), target=ResourceId(f"t{n}")) for n in range(50)]
    given = source_edges(links)
    shuffled = [*links, *links[:9]]
    chance.shuffle(shuffled)
    again = source_edges(shuffled)
    assert again.by_key == given.by_key
    assert {key: set(found) for key, found in again.of(again.keys).items()} == {
        f"s{n}": set(links[n::7]) for n in range(7)
    }
    assert sum(map(len, again.of(again.keys).values())) == len(links)


@pytest.mark.parametrize("other", OTHERS)
def test_every_part_of_a_relationship_counts(other: Relationship) -> None:
    assert source_edges([other]).by_key["/sub/a"] != source_edges([LINK]).by_key["/sub/a"]
    assert source_edges([other, LINK]).by_key["/sub/a"] not in {
        source_edges([other]).by_key["/sub/a"],
        source_edges([LINK]).by_key["/sub/a"],
    }


def test_nothing_has_no_digest() -> None:
    nothing = source_edges([])
    assert (nothing.by_key, nothing.of(["a"])) == ({}, {"a": []})
