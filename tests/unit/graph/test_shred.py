from __future__ import annotations

import pytest

from domain.errors import InputError
from domain.resource import Provider
from domain.value import MISSING, UNREAD, Json, Value
from graph.columns import ArrayState, Column, constant, missing
from graph.path import item_field, parse_path, read
from graph.shred import shred
from tests.unit.policy.resources import resource


def only(document: dict[str, Json], path: str, *, unread: tuple[str, ...] = ()) -> Value:
    return shred([resource(document, unread=unread)], [path]).columns[path].value(0)


def test_a_column_holds_each_distinct_value_once() -> None:
    items = [resource({"sku": {"name": name}}) for name in ("a", "b", "a")]
    column = shred(items, ["sku.name"]).columns["sku.name"]
    assert column.values == ("a", "b")
    assert column.codes.tolist() == [0, 1, 0]
    assert len(column) == 3


def test_a_row_without_a_value_is_missing() -> None:
    column = shred([resource({"x": "a"}), resource({})], ["x"]).columns["x"]
    assert column.values == (MISSING, "a")
    assert column.codes.tolist() == [1, 0]


def test_one_and_true_and_one_point_zero_are_three_values() -> None:
    values: list[Json] = [1, True, 1.0, "1"]
    items = [resource({"x": value}) for value in values]
    assert shred(items, ["x"]).columns["x"].codes.tolist() == [0, 1, 2, 3]


def test_objects_are_one_value_whatever_the_order_of_their_keys() -> None:
    items = [resource({"x": {"a": 1, "b": 2}}), resource({"x": {"b": 2, "a": 1}}), resource({"x": [2**70]})]
    assert shred(items, ["x"]).columns["x"].codes.tolist() == [0, 0, 1]


def test_keys_are_found_without_case_and_the_first_spelling_counts() -> None:
    assert only({"SKU": {"Name": "a"}}, "sku.name") == "a"
    assert only({"x": 1, "X": 2}, "x") == 1
    assert read(resource({"X": 2, "x": 1}), parse_path("x")) == 2


def test_a_path_through_a_value_that_is_no_object_is_missing() -> None:
    assert only({"sku": "basic"}, "sku.name") is MISSING
    assert only({"sku": None}, "sku.name") is MISSING


def test_null_is_a_value_and_not_missing() -> None:
    assert only({"x": None}, "x") is None


def test_elements_of_an_array_name_their_parents() -> None:
    items = [resource({"r": [{"p": 1}, {}]}), resource({}), resource({"r": []}), resource({"r": "no"})]
    child = shred(items, ["r[*].p"]).children["r[*]"]
    assert child.parents.tolist() == [0, 0]
    assert [child.columns["r[*].p"].value(row) for row in range(child.size)] == [1, MISSING]
    assert child.states.tolist() == [
        ArrayState.PRESENT,
        ArrayState.MISSING,
        ArrayState.PRESENT,
        ArrayState.MISSING,
    ]


def test_arrays_inside_arrays_nest() -> None:
    table = shred([resource({"a": [{"b": [1, 2]}, {"b": [3]}]})], ["a[*].b[*]"])
    inner = table.children["a[*]"].children["a[*].b[*]"]
    assert inner.parents.tolist() == [0, 0, 1]
    assert [inner.columns["a[*].b[*]"].value(row) for row in range(3)] == [1, 2, 3]
    assert table.paths == {"a[*].b[*]"}


def test_an_array_can_be_counted_without_reading_its_elements() -> None:
    child = shred([resource({"a": [{}, {}]})], ["a[*].#"]).children["a[*]"]
    assert (child.size, dict(child.columns)) == (2, {})


def test_one_element_can_be_named_by_its_index() -> None:
    document: dict[str, Json] = {"a": [{"n": "x"}, {"n": "y"}]}
    assert only(document, "a[1].n") == "y"
    assert only(document, "a[5].n") is MISSING
    assert only({"a": {"n": 1}}, "a[0]") is MISSING
    assert only({"a": [1]}, "a.n") is MISSING


def test_what_nobody_asked_for_is_unread_and_not_missing() -> None:
    document: dict[str, Json] = {"a": {"x": 1}, "r": [{"p": 1}, {}]}
    assert only(document, "b", unread=("B",)) is UNREAD
    assert only(document, "c", unread=("b",)) is MISSING
    assert only(document, "a.x", unread=("*",)) == 1
    table = shred([resource({}), resource(document, unread=("*",))], ["r[*].p", "s[*].p"])
    assert table.children["r[*]"].columns["r[*].p"].value(1) is UNREAD
    assert table.children["s[*]"].states.tolist() == [ArrayState.MISSING, ArrayState.UNREAD]


def test_a_path_owned_by_another_type_is_missing_even_where_all_is_unread() -> None:
    item = resource({"x": 1}, unread=("*",))
    table = shred([item], ["contoso.net/walls|x", "contoso.net/gates|x", "contoso.net/walls|r[*].x"])
    assert table.columns["contoso.net/walls|x"].value(0) is MISSING
    assert table.columns["contoso.net/gates|x"].value(0) == 1
    assert table.children["contoso.net/walls|r[*]"].states.tolist() == [ArrayState.MISSING]
    assert read(item, parse_path("contoso.net/walls|x")) is MISSING


def test_a_path_that_differs_between_types_is_one_column() -> None:
    path = "contoso.net/gates|x||contoso.net/walls|y"
    assert str(parse_path(path)) == path
    assert only({"x": 1, "y": 2}, path) == 1
    wall: dict[str, Json] = {"type": "Contoso.Net/walls", "x": 1, "y": 2}
    assert only(wall, path) == 2
    assert shred([resource(wall)], [path, "y"]).columns["y"].value(0) == 2


def test_items_of_two_types_are_not_shredded_together() -> None:
    with pytest.raises(AssertionError, match="one type at a time"):
        shred([resource({"type": "a"}), resource({"type": "b"})], ["x"])


def test_common_fields_come_from_the_item() -> None:
    gate = resource({"name": "g", "location": "here", "tags": {"Env": "prod"}, "id": "/x/providers/C/gates/g"})
    assert only(dict(gate.properties), "@tags.env") == "prod"
    assert [item_field(gate, name) for name in ("@name", "@location", "@type")] == ["g", "here", "Contoso.Net/gates"]
    assert item_field(gate, "@fullname") == "g"
    assert item_field(resource({"fullName": "a/b"}), "@fullname") == "a/b"
    assert item_field(resource({"name": "z"}, provider=Provider.AWS), "@fullname") == "z"


def test_tags_are_empty_missing_or_unread() -> None:
    assert item_field(resource({"tags": {}}), "@tags") == {}
    assert item_field(resource({}), "@tags") is MISSING
    assert item_field(resource({}, unread=("tags",)), "@tags") is UNREAD
    assert item_field(resource({}, unread=("*",)), "@location") is UNREAD
    assert only({}, "@tags.env", unread=("tags",)) is UNREAD


@pytest.mark.parametrize("path", ["a.b", "a[*].b[*]", "a['x.y'].b", "o/t|a", "a[0].b", "@tags['a''b']"])
def test_a_path_is_written_as_it_is_read(path: str) -> None:
    assert str(parse_path(path)) == path


def test_a_path_with_broken_brackets_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        parse_path("a[b")
    assert caught.value.facts["got"] == "a[b"
    assert caught.value.facts["at"] == 1


def test_constant_columns_hold_one_value() -> None:
    assert constant("x", 2).value(1) == "x"
    assert missing(2).value(0) is MISSING
    assert isinstance(missing(1), Column)
