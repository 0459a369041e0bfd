"""How relationships become rows of numbers, and that those say what was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from graph.stores import neo4j_steps
from graph.stores.edge_digests import source_edges
from graph.stores.neo4j_edges import EdgeChanges, linked
from graph.stores.neo4j_steps import Piece, packed, unpacked
from tests.unit.graph.estate import TENANT

ARM = "/subscriptions/S1/resourceGroups/Rg/providers/Microsoft.Compute/virtualMachines/"
LINKS = [
    Relationship(ResourceId(source), ResourceId(target), kind, strength, path)
    for source, target, kind, strength, path in (
        (f"{ARM}A", f"{ARM}B", RelationshipKind.NETWORK, Strength.HARD, "p"),
        (f"{ARM}a", f"{ARM}B", RelationshipKind.NETWORK, Strength.HARD, "p"),
        (f"{ARM.lower()}a", f"{ARM.lower()}b", RelationshipKind.NETWORK, Strength.SOFT, "q"),
        ("x", "y", RelationshipKind.NETWORK, Strength.HARD, "p"),
        ("y", "x", RelationshipKind.MOUNTS, Strength.HARD, "p"),
        ("x", "x", RelationshipKind.MOUNTS, Strength.REDUNDANT, ""),
    )
]


def said(pieces: Iterable[Piece]) -> set[Relationship]:
    found = set()
    for piece in pieces:
        if piece.name == "link":
            start = len(TENANT) + 1
            for row in piece.rows:
                path, strength, *spelt = piece.common["said"][row[2]]
                ends = [text or piece.common["ids"][at][start:] for text, at in zip(spelt, row[:2], strict=True)]
                kind = RelationshipKind[piece.label]
                found.add(Relationship(ResourceId(ends[0]), ResourceId(ends[1]), kind, Strength(strength), path))
    return found


@pytest.mark.parametrize("rows_max", [1, 2, 10_000])
def test_the_rows_say_each_relationship_as_it_was_spelt_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, rows_max: int
) -> None:
    monkeypatch.setattr(neo4j_steps, "ROWS_MAX", rows_max)
    given = source_edges(LINKS)
    made = list(EdgeChanges(given.of(given.keys)).pieces(TENANT, is_there=lambda _: True, write=1))
    assert {piece.name for piece in made} == {"link"}
    assert max(len(piece.rows) for piece in made) <= rows_max
    assert said(made) == set(LINKS)
    assert said(unpacked(*packed(piece)) for piece in made) == set(LINKS)
    twice = source_edges([*LINKS, *LINKS]).once
    assert said(at_once := list(linked(twice, TENANT, is_there=lambda _: True, write=1))) == set(LINKS)
    assert sum(len(piece.rows) for piece in at_once) == len(LINKS)
    assert max(len(piece.rows) for piece in at_once) <= rows_max


def test_what_is_there_already_is_left_and_what_no_longer_counts_is_cut() -> None:
    kept, former = LINKS[3], replace(LINKS[3], target=ResourceId("z"))
    changes = EdgeChanges({"x": [kept, LINKS[5]]}, {"x": {kept: ["4:1"], former: ["4:2"]}})
    made = list(changes.pieces(TENANT, is_there=lambda _: True, write=1))
    assert [list(piece.rows) for piece in made if piece.name == "cut"] == [["4:2"]]
    assert said(made) == {LINKS[5]}


def test_an_end_that_nobody_has_seen_gets_one_node() -> None:
    given = source_edges(LINKS[:3])
    made = list(EdgeChanges(given.of(given.keys)).pieces(TENANT, is_there=lambda key: key.endswith("a"), write=7))
    (absent,) = [piece for piece in made if piece.name == "absent"]
    assert [(row["id"], row["noted"]) for row in absent.rows] == [(f"{TENANT}/{ARM.lower()}b", 7)]
