from __future__ import annotations

import pytest

from policy.document import read_document
from policy.errors import InvalidDefinition


@pytest.mark.parametrize(
    ("text", "path", "got"),
    [
        ('{"a": [{}, {"b": 1, "c": 2, "b": 3}]}', "$.a[1]", "b"),
        ('{"a": 1, "a": 1}', "$", "a"),
        ('{\n "a": }', "line 2, column 7", "Expecting value"),
        ("[" * 100_000, "$", "deep"),
        (" " * (5 * 1024 * 1024), "$", 5 * 1024 * 1024),
    ],
)
def test_text_that_is_no_plain_json_is_refused_with_its_place(text: str, path: str, got: object) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        read_document(text, origin="p.json")
    facts = caught.value.facts
    assert (facts["where"], facts["path"], facts["got"]) == ("p.json", path, got)
    assert facts["expected"]


def test_equal_keys_of_different_objects_are_fine() -> None:
    assert read_document('{"a": {"a": [1]}}', origin="p.json") == {"a": {"a": [1]}}
