"""Digests of relationships: equal for equal sets, and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from graph.stores.edge_digests import SourceEdges, source_edges

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
    assert _digests(again) == _digests(given)
    assert {key: set(found) for key, found in again.of(again.keys).items()} == {
        f"s{n}": set(links[n::7]) for n in range(7)
    }
    assert sum(map(len, again.of(again.keys).values())) == len(links)


@pytest.mark.parametrize("other", OTHERS)
def test_every_part_of_a_relationship_counts(other: Relationship) -> None:
    assert _digest_of([other]) != _digest_of([LINK])
    assert _digest_of([other, LINK]) not in {
        _digest_of([other]),
        _digest_of([LINK]),
    }


def test_nothing_has_no_digest() -> None:
    nothing = source_edges([])
    assert (nothing.digests(["a"]), nothing.of(["a"])) == ({}, {"a": []})


def test_texts_that_are_equal_and_not_the_same_object_count_as_one() -> None:
    copies = [
        replace(each, source=_copy(each.source), target=_copy(each.target), path=_copy(each.path)) for each in OTHERS
    ]
    assert copies[0].path is not OTHERS[0].path
    assert _digests(source_edges([*OTHERS, *copies])) == _digests(source_edges(OTHERS))
    assert sum(map(len, source_edges([*OTHERS, *copies]).of(["/sub/a"]).values())) == len(OTHERS)


def test_what_utf8_cannot_hold_has_a_digest_too() -> None:
    odd = replace(LINK, target=ResourceId("\ud800"))
    assert _digest_of([odd]) not in {_digest_of([LINK]), _digest_of([replace(LINK, target=ResourceId("?"))])}


def test_a_digest_is_the_one_that_graphs_were_written_with() -> None:
    assert _digest_of([LINK]) == "4559ccbd875046ac7cb926167488fdd1"
    assert _digest_of([*OTHERS, LINK]) == "77ff51128c528287d45347f85a85a85e"


def _digests(edges: SourceEdges) -> dict[str, str]:
    return edges.digests(edges.keys)


def _digest_of(links: Sequence[Relationship]) -> str:
    return source_edges(links).digests(["/sub/a"])["/sub/a"]


def _copy(text: str) -> ResourceId:
    return ResourceId("".join([*text]))
