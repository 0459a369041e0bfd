"""The one text that holds what the store itself needs of a node."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import IntegrityError
from graph.stores.known import Known
from graph.stores.neo4j_kept import BREAK, Sight, facts_of, item_text, known_sight, sight_of
from tests.unit.graph.estate import NOON, item

ODD = "a\nb\u2028\x85\ud800"


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize("text", ["", "export.json", ODD])
def test_both_lines_come_back_exactly_whatever_breaks_the_texts_have(text: str, *, is_plain: bool) -> None:
    thing = item("a", tags={f"k{text}": text}, unread=(text,), synthetic=is_plain)
    sight = Sight("f" * 32, 1, 2**62, None, text, 7, retired=True, told=False, written=3)
    kept = f"{item_text(thing, is_plain=is_plain)}{BREAK}{sight.text}"
    assert kept.count("\n") == 1
    facts = facts_of(kept)
    assert (facts.digest, facts.synthetic, facts.is_plain) == (thing.digest, is_plain, is_plain)
    assert (facts.tags, tuple(facts.unread)) == (dict(thing.tags), thing.unread)
    assert sight_of(kept) == sight


def test_a_known_state_has_the_place_in_time_that_is_known() -> None:
    known = Known(5, "f", NOON, (None, "x", 2), NOON + timedelta(microseconds=1), is_retired=False, is_told=True)
    sight = known_sight(known, 9)
    assert sight.seen_at - sight.valid_from == 1
    assert (sight.captured_at, sight.file, sight.line, sight.told, sight.written) == (None, "x", 2, True, 9)


@pytest.mark.parametrize("kept", ["", "nonsense", "[1,2", '["d",false,{},[],false]\n'])
def test_what_is_no_such_text_is_an_integrity_error(kept: str) -> None:
    with pytest.raises(IntegrityError, match="node"):
        sight_of(kept)
