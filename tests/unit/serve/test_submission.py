"""Lines read together are what they are one by one: the same entries, or the same refusal."""

from __future__ import annotations

import json
from typing import cast

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import InputError, PolicyCortexError
from domain.value import Json
from serve.api import submission
from serve.api.submission import submission_of, submissions_of_lines

USUAL: dict[str, Json] = {
    "type": "policy_evaluation",
    "id": "a-1",
    "subject": "vm-1",
    "body": {"policy": "pcg-1", "verdict": "violation", "severity": "high", "resources": 3, "reason": "öffentlich"},
}
FIELDS = ("type", "id", "subject", "body", "occurred_at", "result", "controls", "details", "x")
BODY_FIELDS = ("policy", "verdict", "severity", "resources", "reason", "id", "evaluated_at", "ä")
odd: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(["", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00+02:00", "x" * 501, "scan_result", "satisfied"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
changed = st.builds(
    lambda own, body: {**USUAL, **own, **({"body": {**USUAL["body"], **body}} if body is not None else {})},  # type: ignore[dict-item]
    st.dictionaries(st.sampled_from(FIELDS), odd, max_size=2),
    st.none() | st.dictionaries(st.sampled_from(BODY_FIELDS), odd, max_size=2),
)
written = st.one_of(
    changed.map(lambda value: json.dumps(value).encode()),
    changed.map(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")),
    st.sampled_from(
        [
            orjson.dumps(USUAL),
            orjson.dumps(USUAL)[:-1] + b',"id":"a-2"}',
            orjson.dumps(USUAL).replace(b'"reason":"', b'"reason":"\\ud800'),
            orjson.dumps(USUAL).replace(b'"resources":3', b'"resources":9007199254740992'),
            orjson.dumps(USUAL).replace(b'"resources":3', b'"resources":3.0'),
            orjson.dumps(USUAL).replace(b'"resources":3', b'"resources":-0'),
            orjson.dumps(USUAL).replace(b'"pcg-1"', b'"pcg\\u002d1"'),
            orjson.dumps(USUAL) + b"," + orjson.dumps(USUAL),
            b"[" * 100 + b"]" * 100,
            b'{"id":"a-3","subject":"s","body":{"free":[1,{"a":null}]}}',
            b"\xff",
            b"NaN",
            b"[]",
            b"7",
        ]
    ),
    st.binary(min_size=1, max_size=20).map(lambda content: content.replace(b"\n", b"") + b"x"),
)


def one_by_one(lines: list[bytes]) -> list[submission.Submission] | list[int]:
    """The evidence, or the numbers of the lines that are none."""
    found: list[submission.Submission] = []
    wrong: list[int] = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(submission_of(line, None))
        except InputError:
            wrong.append(number)
    return wrong or found


def together(lines: list[bytes]) -> tuple[list[submission.Submission] | list[int], str]:
    """The same for all lines in one request, and the summary of a refusal that names no lines."""
    try:
        return submissions_of_lines(b"\n".join(lines), None), ""
    except PolicyCortexError as error:
        rows = cast("list[dict[str, int]]", error.facts.get("lines", []))
        return [row["line"] for row in rows], "" if rows else error.summary


@given(st.lists(written, min_size=1, max_size=6))
@example([orjson.dumps({**USUAL, "id": f"a-{number}"}) for number in range(600)])
def test_lines_together_are_what_they_are_one_by_one(lines: list[bytes]) -> None:
    expected = one_by_one(lines)
    got, conflict = together(lines)
    assert got == expected or (conflict and "one id" in conflict)


@given(changed)
def test_what_is_taken_by_columns_is_written_as_the_strict_reader_writes_it(value: dict[str, Json]) -> None:
    try:
        line = orjson.dumps(value)
    except TypeError:
        return
    by_columns = submission._usual_lines([line])
    if by_columns is not None:
        assert by_columns == [submission_of(json.dumps(value, indent=1).encode(), None)]


def test_lines_of_the_usual_form_are_taken_by_columns() -> None:
    lines = [orjson.dumps({**USUAL, "id": f"a-{number}", "occurred_at": "2026-11-24T12:00:00Z"}) for number in range(9)]
    found = submission._usual_lines(lines)
    assert found is not None
    assert [each.id for each in found] == [f"a-{number}" for number in range(9)]


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_named_with_its_line(at: str) -> None:
    lines = [orjson.dumps(USUAL), orjson.dumps({**USUAL, "id": "a-2", "occurred_at": at})]
    with pytest.raises(InputError) as refusal:
        submissions_of_lines(b"\n".join(lines), None)
    assert refusal.value.facts["faulty"] == 1
