"""Checks made of a table: one value, and many at once."""

from __future__ import annotations

from domain.schema import Either, Record, Text
from domain.value import Json

NAMED = Record({"name": Text(9)}, {})
NUMBERED = Record({"number": Text(3)}, {})


def test_many_values_are_checked_as_one_by_one() -> None:
    kind = Either(NAMED, NUMBERED)
    check, check_all = kind.compile(), kind.compile_all()
    good: list[Json] = [{"name": "a"}, {"number": "12"}]
    bad: Json = {"number": "1234"}
    assert [check(value) for value in [*good, bad]] == [True, True, False]
    assert check_all(good)
    assert not check_all([*good, bad])
