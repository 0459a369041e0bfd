from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from domain.finding import Verdict
from domain.resource import Provider
from domain.value import Json
from graph.shred import shred
from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.evaluate import Lookups, evaluate
from policy.interpret import ItemScope, evaluate_condition
from policy.tree import Truth
from tests.unit.policy.resources import NOW, holds, program, resource, verdict

RULES = "Contoso.Net/gates/rules[*]"
GATE: dict[str, Json] = {
    "type": "Contoso.Net/gates",
    "name": "main",
    "id": "/subscriptions/s1/resourceGroups/g1/providers/Contoso.Net/gates/main",
    "properties": {
        "isOpen": "True",
        "names": ["a", "A"],
        "rules": [
            {"properties": {"port": 22, "sources": ["*", "10.0.0.0/8"]}},
            {"properties": {"port": "443", "sources": []}},
            {"name": "bare"},
        ],
    },
}


def port(value: Json) -> Json:
    return {"field": f"{RULES}.port", "equals": value}


def counted(where: Json, operator: str, expected: Json) -> Json:
    return {"count": {"field": RULES, "where": where}, operator: expected}


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "Contoso.Net/gates/isOpen", "equals": True},
        {"allOf": [{"field": "type", "equals": "contoso.net/GATES"}, {"not": port(22)}]},
        {"field": f"{RULES}.port", "notEquals": 80},
        {"count": {"field": RULES}, "equals": 3},
        counted({"field": "properties.names[*]", "equals": "a"}, "equals", 3),
        counted({"count": {"field": "properties.names[*]"}, "equals": 2}, "equals", 3),
        counted({"field": f"{RULES}.sources[*]", "exists": True}, "equals", 3),
        {"field": "name", "notEquals": 2**70},
        {"count": {"field": f"{RULES}.sources[*]"}, "equals": 2},
        counted(port("22"), "equals", 1),
        counted({"field": f"{RULES}.port", "exists": False}, "equals", 1),
        counted({"field": f"{RULES}.sources[*]", "equals": "*"}, "equals", 2),
        counted({"count": {"field": f"{RULES}.sources[*]"}, "greater": 1}, "equals", 1),
        counted({"value": f"[current('{RULES}.port')]", "equals": 22}, "equals", 1),
        counted({"value": f"[first(field('{RULES}.port'))]", "equals": 22}, "equals", 1),
        counted({"value": f"[length(current('{RULES}.sources[*]'))]", "equals": 2}, "equals", 1),
        counted({"value": "[current().name]", "equals": "bare"}, "equals", 1),
        counted({"allOf": [port(22), {"field": "name", "equals": "main"}]}, "greater", 0),
        counted({"value": f"[concat(field('name'), string(current('{RULES}.port')))]", "equals": "main22"}, "less", 2),
        counted({"count": {"field": f"{RULES}.sources[*]", "where": port(22)}, "greater": 0}, "equals", 1),
        counted(port(22), "equals", "[sub(length(field('name')), 3)]"),
        {
            "count": {"value": [22, 80], "name": "p", "where": counted(port("[current('p')]"), "greater", 0)},
            "equals": 1,
        },
        {"count": {"value": [1, 2, 3]}, "equals": 3},
        {"count": {"value": None}, "equals": 0},
        {"count": {"value": "one"}, "equals": 1},
        {"count": {"value": ["A", "B"], "where": {"field": "name", "contains": "[current()]"}}, "equals": 1},
        {"value": f"[length(field('{RULES}.port'))]", "equals": 2},
        {"value": "[resourceGroup().name]", "equals": "g1"},
        {"value": "[subscription().subscriptionId]", "equals": "s1"},
        {"value": "[requestContext().apiVersion]", "equals": "2025-06-01"},
        {"value": "[requestContext().other]", "exists": False},
        {"field": "apiVersion", "equals": "2025-06-01"},
        {"field": "fullName", "equals": "main"},
        {"value": "[utcNow('yyyy-MM-dd')]", "equals": "2026-11-24"},
        {"field": "[concat('tags[', 'Env', ']')]", "exists": False},
        {"field": "tags", "exists": "false"},
        {"value": ["[field('name')]"], "equals": ["main"]},
        {"value": {"a": "[field('name')]"}, "equals": {"A": "MAIN"}},
        {"value": "[field('properties')['isOpen']]", "equals": "true"},
        {"value": "[if(equals(field('name'), 'main'), field('type'), 'x')]", "like": "*gates"},
        {"field": "properties.none[*].x", "equals": "anything"},
        {"field": 'properties["isOpen"]', "equals": "true"},
    ],
)
def test_a_condition_holds(condition: Json) -> None:
    assert holds(condition, GATE)


def test_context_that_is_given_answers_instead() -> None:
    context: dict[str, Json] = {"requestContext": {"apiVersion": "2020"}, "resourceGroup": {"tags": {"a": "b"}}}
    assert holds({"value": "[requestContext().apiVersion]", "equals": "2020"}, GATE, context=context)
    assert holds({"field": "apiVersion", "equals": "2020"}, GATE, context=context)
    assert holds({"value": "[resourceGroup().tags.a]", "equals": "b"}, GATE, context=context)


@pytest.mark.parametrize(
    "expression", ["resourceGroup().location", "resourceGroup().tags.x", "subscription().displayName"]
)
def test_what_the_id_does_not_say_of_a_container_is_unknown(expression: str) -> None:
    assert verdict({"value": f"[{expression}]", "equals": "x"}, resource(GATE)) is Verdict.UNKNOWN


def test_a_resource_without_an_azure_id_has_an_unknown_group() -> None:
    assert verdict({"value": "[resourceGroup().name]", "equals": "x"}, resource({})) is Verdict.UNKNOWN
    outside: dict[str, Json] = {"id": "/subscriptions/s"}
    assert verdict({"value": "[resourceGroup().name]", "exists": False}, resource(outside)) is Verdict.VIOLATION


def test_an_alias_that_types_share_is_read_where_each_has_it() -> None:
    condition: Json = {"field": "Contoso.Net/image", "equals": "a"}
    assert holds(condition, {"properties": {"image": {"name": "a"}}})
    assert holds(condition, {"type": "contoso.net/walls", "properties": {"profile": {"image": {"name": "a"}}}})
    assert not holds(condition, {"type": "Contoso.Net/doors", "properties": {"image": {"name": "a"}}})


UNREAD = ("properties",)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "Contoso.Net/gates/isOpen", "equals": True}, Verdict.UNKNOWN),
        ({"not": {"field": "Contoso.Net/gates/isOpen", "exists": True}}, Verdict.UNKNOWN),
        ({"allOf": [port(1), {"field": "name", "equals": "x"}]}, Verdict.COMPLIANT),
        ({"anyOf": [port(1), {"field": "name", "equals": "main"}]}, Verdict.VIOLATION),
        (port(1), Verdict.UNKNOWN),
        ({"count": {"field": RULES}, "greaterOrEquals": 0}, Verdict.UNKNOWN),
        ({"count": {"field": f"{RULES}.sources[*]"}, "equals": 0}, Verdict.UNKNOWN),
        ({"value": f"[length(field('{RULES}.port'))]", "equals": 0}, Verdict.UNKNOWN),
        ({"value": "[coalesce(field('properties.x'), 'a')]", "equals": "a"}, Verdict.UNKNOWN),
        ({"value": "[if(empty(field('properties.x')), 1, 2)]", "equals": 1}, Verdict.UNKNOWN),
        ({"value": "[field('properties').x]", "equals": 1}, Verdict.UNKNOWN),
    ],
)
def test_what_was_never_read_is_unknown_unless_the_rest_decides(condition: Json, expected: Verdict) -> None:
    assert verdict(condition, resource({"name": "main", "type": "Contoso.Net/gates"}, unread=UNREAD)) is expected


def test_a_count_within_bounds_is_decided_only_where_every_number_agrees() -> None:
    rules: Json = [{"properties": {"port": 1}}, {"properties": {}}, {}]
    item = resource({"name": "main", "properties": {"rules": rules}}, unread=("*",))
    assert verdict(counted(port(1), "greater", 0), item) is Verdict.VIOLATION
    assert verdict(counted(port(1), "equals", 2), item) is Verdict.UNKNOWN
    assert verdict(counted(port(1), "greater", 3), item) is Verdict.COMPLIANT
    values: Json = {"count": {"value": [1, 2], "where": {"field": "properties.x", "equals": 1}}, "less": 5}
    assert verdict(values, item) is Verdict.VIOLATION
    nested: Json = {"count": {"field": f"{RULES}.sources[*]"}, "less": 5}
    assert verdict(nested, item) is Verdict.UNKNOWN


def test_a_policy_with_a_date_changes_its_mind_with_time_and_not_with_the_cache() -> None:
    expires = program({"value": "[addDays(utcNow(), 3)]", "greater": "[field('properties.ends')]"})
    assert expires.is_time_dependent
    table = shred([resource({"properties": {"ends": "2026-11-30T00:00:00Z"}})], expires.paths)
    lookups = Lookups()
    verdicts = [int(evaluate(expires, table, now=NOW + timedelta(days=day), lookups=lookups)[0]) for day in range(4)]
    assert verdicts == [0, 0, 0, 1]
    always: Json = {"value": "[utcNow()]", "greater": "2020-01-01"}
    assert verdict(always, resource({})) is Verdict.VIOLATION
    assert program({"count": {"field": "r[*]", "where": always}, "greater": 0}).is_time_dependent


def test_kept_look_ups_give_the_same_answer_again() -> None:
    compiled = program({"allOf": [counted(port(22), "greater", 0), {"field": "name", "like": "m*"}, {"not": port(9)}]})
    table = shred([resource(GATE), resource({"name": "m"}), resource({})], compiled.paths)
    lookups = Lookups()
    first = evaluate(compiled, table, now=NOW, lookups=lookups)
    kept = len(lookups.tables)
    assert np.array_equal(first, evaluate(compiled, table, now=NOW, lookups=lookups))
    assert len(lookups.tables) == kept
    assert first.tolist() == [1, 0, 0]


def test_an_empty_table_has_no_verdicts() -> None:
    compiled = program({"allOf": [port(1), {"value": "[concat(field('name'), field('id'))]", "equals": "x"}]})
    assert evaluate(compiled, shred([], compiled.paths), now=NOW).tolist() == []


def test_a_table_that_lacks_a_column_is_a_bug_and_named() -> None:
    with pytest.raises(AssertionError, match=r"not shredded: properties\.x"):
        evaluate(program({"field": "properties.x", "exists": True}), shred([resource({})], ["name"]), now=NOW)
    with pytest.raises(AssertionError, match=r"not shredded: r\[\*\]"):
        evaluate(program({"field": "r[*].x", "exists": True}), shred([resource({})], ["name"]), now=NOW)


def test_policies_apply_to_other_clouds_types() -> None:
    bucket = resource({"type": "AWS::S3::Bucket", "BucketLogging": {}}, provider=Provider.AWS)
    assert verdict({"field": "bucketLogging.target", "exists": False}, bucket) is Verdict.VIOLATION


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 30), st.sampled_from(["", "a", "A", "22", "true", "2026-01-01"])
)
ELEMENTS = st.dictionaries(st.sampled_from(["x", "y", "X"]), SCALARS, max_size=2)
VALUES = st.one_of(SCALARS, ELEMENTS, st.lists(SCALARS, max_size=2))
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b"]),
        "p": VALUES,
        "q": VALUES,
        "r": st.one_of(
            SCALARS,
            st.lists(
                st.fixed_dictionaries({}, optional={"x": SCALARS, "s": st.lists(ELEMENTS, max_size=2)}), max_size=3
            ),
        ),
        "tags": st.dictionaries(st.sampled_from(["env", "Env"]), st.sampled_from(["a", "b"])),
    },
)
OPERATORS = st.sampled_from(
    ["equals", "notEquals", "like", "contains", "less", "greaterOrEquals", "containsKey", "match"]
)
FIELDS = st.sampled_from(["name", "p", "q", "p.x", "tags.env", "tags", "r", "r[*]", "r[*].x", "r[*].s[*].y", "r[0].x"])
EXPRESSIONS = st.sampled_from(
    [
        "[field('p')]",
        "[length(field('r[*].x'))]",
        "[concat(field('name'), field('p'))]",
        "[if(empty(field('q')), field('p'), 22)]",
        "[coalesce(field('q'), field('tags').env)]",
        "[utcNow('yyyy-MM-dd')]",
        "[first(field('r[*].s[*].y'))]",
    ]
)
LEAVES = st.one_of(
    st.builds(lambda field, name, value: {"field": field, name: value}, FIELDS, OPERATORS, SCALARS),
    st.builds(lambda value, name, other: {"value": value, name: other}, EXPRESSIONS, OPERATORS, SCALARS | EXPRESSIONS),
    st.builds(lambda field, value: {"field": field, "exists": value}, FIELDS, st.booleans()),
    st.builds(lambda field, value: {"field": field, "in": value}, FIELDS, st.lists(SCALARS, max_size=3)),
)


def _wider(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    arrays = st.sampled_from(["r[*]", "r[*].s[*]"])
    numbers = st.integers(0, 3)
    return st.one_of(
        st.builds(lambda children: {"allOf": children}, st.lists(inner, max_size=3)),
        st.builds(lambda children: {"anyOf": children}, st.lists(inner, max_size=3)),
        st.builds(lambda child: {"not": child}, inner),
        st.builds(lambda a, w, o, n: {"count": {"field": a, "where": w}, o: n}, arrays, inner, OPERATORS, numbers),
        st.builds(lambda w, o, n: {"count": {"value": [22, "a"], "where": w}, o: n}, inner, OPERATORS, numbers),
        st.builds(lambda a, o, n: {"count": {"field": a}, o: n}, arrays, OPERATORS, numbers),
    )


CONDITIONS = st.recursive(LEAVES, _wider, max_leaves=6)
ITEMS = st.lists(
    st.tuples(DOCUMENTS, st.sampled_from([(), ("*",), ("p", "r"), ("tags",), ("q",)])), min_size=1, max_size=4
)


@pytest.mark.parametrize(("right", "verdict"), [("a", Verdict.COMPLIANT), ("b", Verdict.VIOLATION)])
def test_the_negation_of_what_no_resource_decides_is_decided_too(right: str, verdict: Verdict) -> None:
    compiled = program({"not": {"value": "a", "equals": right}})
    assert evaluate(compiled, shred([resource({})], compiled.paths), now=NOW).tolist() == [verdict]


def test_an_array_counted_inside_its_own_count_is_the_element() -> None:
    inner: Json = {"count": {"field": "r[*]", "where": {"field": "r[*].x", "equals": 1}}, "equals": 1}
    outer: Json = {"count": {"field": "r[*]", "where": inner}, "equals": 2}
    assert holds(outer, {"r": [{"x": 1}, {"x": 2}, {"x": 1}]})
    alone: Json = {"count": {"field": "r[*]", "where": {"count": {"field": "r[*]"}, "equals": 1}}, "equals": 3}
    assert holds(alone, {"r": [1, 2, 3]})


def test_an_array_counted_inside_a_count_over_its_own_elements_is_refused() -> None:
    inner: Json = {"count": {"field": "r[*]", "where": {"field": "r[*].s[*].y", "equals": 1}}, "equals": 0}
    with pytest.raises(UnsupportedDefinition, match="over its own elements"):
        program({"count": {"field": "r[*].s[*]", "where": inner}, "equals": 0})


@settings(max_examples=400, deadline=None)
@given(CONDITIONS, ITEMS)
def test_columns_and_the_interpreter_agree(
    condition: Json, documents: list[tuple[dict[str, Json], tuple[str, ...]]]
) -> None:
    try:
        compiled = program(condition)
    except (InvalidDefinition, UnsupportedDefinition):  # an array counted inside its own count
        reject()
    items = [resource(document, unread=unread) for document, unread in documents]
    by_column = evaluate(compiled, shred(items, compiled.paths), now=NOW).tolist()
    truths = [evaluate_condition(compiled.condition, ItemScope(item), NOW) for item in items]
    verdicts = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}
    assert by_column == [verdicts[truth] for truth in truths]


def test_a_leaf_over_many_distinct_combinations_is_decided_for_each() -> None:
    compiled = program({"value": "[concat(field('name'), '-', field('location'))]", "equals": "n7-w7"})
    items = [resource({"name": f"n{at}", "location": f"w{at}"}) for at in range(300)]
    found = evaluate(compiled, shred([*items, items[7]], compiled.paths), now=NOW)
    assert np.flatnonzero(found).tolist() == [7, 300]
