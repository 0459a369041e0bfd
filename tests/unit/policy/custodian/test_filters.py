from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.shred import shred
from policy.custodian.document import (
    NODES_MAX,
    SIZE_MAX,
    CustodianPolicy,
    is_policy_file,
    load_yaml,
    parse_policy,
    policies_of,
)
from policy.custodian.match import moment
from policy.custodian.program import compile_policy
from policy.errors import DefinitionError, InvalidDefinition, UnsupportedDefinition
from policy.evaluate import evaluate
from policy.explain import explain
from policy.interpret import ItemScope, evaluate_condition
from policy.tree import Truth

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def parsed(*filters: Any, resource: str = "aws.ec2") -> CustodianPolicy:
    return parse_policy({"name": "p", "resource": resource, "filters": list(filters)}, origin="p.yaml")


def truth(
    document: dict[str, Json],
    *filters: Any,
    tags: dict[str, str] | None = None,
    unread: tuple[str, ...] = (),
    resource: str = "aws.ec2",
) -> Truth:
    """What both evaluators say; they must agree."""
    policy = parsed(*filters, resource=resource)
    program = compile_policy(policy)
    item = ConfigurationItem(
        tenant=TenantId("t"),
        uid=ResourceId("i"),
        provider=policy.provider,
        type=policy.type,
        name="",
        scope="",
        region="",
        tags=tags or {},
        properties=document,
        captured_at=None,
        digest="",
        origin=Origin("p"),
        unread=unread,
    )
    found = evaluate_condition(program.condition, ItemScope(item), NOW)
    verdict = evaluate(program, shred([item], program.paths), now=NOW)[0]
    assert {0: Truth.FALSE, 1: Truth.TRUE, 2: Truth.UNKNOWN}[int(verdict)] is found
    assert explain(program, item, now=NOW).verdict == verdict
    return found


def holds(document: dict[str, Json], *filters: Any, **options: Any) -> bool:
    found = truth(document, *filters, **options)
    assert found is not Truth.UNKNOWN
    return found is Truth.TRUE


def value(key: str, op: str | None, expected: Any, kind: str | None = None) -> Any:
    body: dict[str, Any] = {"type": "value", "key": key, "value": expected}
    return body | ({"op": op} if op else {}) | ({"value_type": kind} if kind else {})


@pytest.mark.parametrize(
    ("op", "found", "expected", "is_match"),
    [
        (None, "a", "a", True),
        (None, "A", "a", False),
        (None, None, "absent", True),
        (None, "x", "present", True),
        (None, "x", "not-null", True),
        (None, [], "not-null", False),
        (None, [], "empty", True),
        (None, "x", "empty", False),
        ("eq", 1, True, True),
        ("ne", 1, 2, True),
        ("gt", 2, 1, True),
        ("gt", "2", 1, False),
        ("lte", 1, 1, True),
        ("glob", "web-1", "web-*", True),
        ("glob", 1, "web-*", False),
        ("regex", "WEB-1", "web", True),
        ("regex", "a-web", "web", False),
        ("regex-case", "WEB-1", "web", False),
        ("regex", 3, "web", False),
        ("in", "a", ["a", "b"], True),
        ("in", None, ["a"], False),
        ("not-in", None, ["a"], True),
        ("ni", "a", "abc", False),
        ("contains", ["a"], "a", True),
        ("contains", None, "a", False),
        ("difference", ["a", "c"], ["a"], True),
        ("intersect", ["a", "c"], ["a"], True),
        ("intersect", [["a"]], ["a"], False),
        ("mod", 4, 3, True),
        ("mod", 4, 0, False),
    ],
)
def test_operators(op: str | None, found: Json, expected: Json, is_match: bool) -> None:
    assert holds({"K": found}, value("K", op, expected)) is is_match


@pytest.mark.parametrize(
    ("kind", "op", "found", "expected", "is_match"),
    [
        ("integer", "eq", " 12 ", 12, True),
        ("integer", "eq", "x", 0, True),
        ("float", "gt", "1.5", 1, True),
        ("float", "eq", None, 0, True),
        ("size", "gt", [1, 2], 1, True),
        ("size", "eq", 3, 0, True),
        ("unique_size", "eq", ["a", "a"], 1, True),
        ("unique_size", "eq", [[]], 0, True),
        ("normalize", "eq", " ABC ", "abc", True),
        ("normalize", "eq", 3, 3, True),
        ("swap", "in", "a", ["a"], False),
        ("swap", "in", ["a"], "a", True),
        ("date", "lt", "2026-11-01", "2026-11-02", True),
        ("date", "lt", "2026-11-01T00:00:00+09:00", "2026-11-01", True),
        ("date", "lt", "no date", "2026-11-02", False),
        ("date", "gt", 1_790_000_000, "2026-01-01", True),
        ("date", "gt", "1790000000000", "2026-01-01", True),
        ("date", "gt", 12, "2026-01-01", False),
        ("date", "gt", [], "2026-01-01", False),
        ("age", "gt", "2026-11-01", 10, True),
        ("age", "gt", "2026-11-20", 10, False),
        ("age", "gt", None, 10, False),
        ("expiration", "lt", "2026-11-30", 10, True),
        ("expiration", "lt", "2027-11-30", 10, False),
        ("expiration", "lt", None, 10, False),
        ("cidr", "in", "10.1.0.0/16", "10.0.0.0/8", True),
        ("cidr", "in", "10.1.0.1", ["11.0.0.0/8", "10.1.0.1", "bad"], True),
        ("cidr", "in", "10.1.0.1", "10.0.0.0/8", True),
        ("cidr", "in", "x", ["10.0.0.0/8"], False),
        ("cidr", "in", "x", "10.0.0.0/8", False),
        ("cidr", "in", "10.0.0.0/8", "10.1.0.1", True),
        ("cidr", "in", 3, "10.1.0.1", False),
        ("cidr_size", "eq", "10.0.0.0/8", 8, True),
        ("cidr_size", "eq", "10.0.0.1", 0, True),
        ("version", "lt", "1.9.b", "1.10", True),
        ("version", "eq", "1.10", "1.10", True),
        ("version", "lt", "x.1", "1.10", False),
        ("version", "eq", "x", "1.10", False),
    ],
)
def test_value_types(kind: str, op: str, found: Json, expected: Json, is_match: bool) -> None:
    assert holds({"K": found}, value("K", op, expected, kind)) is is_match


def test_a_moment_stays_one() -> None:
    assert moment(NOW, None) is NOW
    assert moment("99999999999999999999", None) is None


def test_groups_and_short_forms() -> None:
    document: dict[str, Json] = {"A": 1, "B": 2}

    assert holds(document, {"A": 1}, {"B": 2})
    assert not holds(document, {"A": 1}, {"B": 3})
    assert holds(document, {"or": [{"A": 9}, {"B": 2}]})
    assert holds(document, {"and": [{"A": 1}, {"B": 2}]})
    assert holds(document, {"not": [{"A": 1}, {"B": 3}]})
    assert not holds(document, {"not": [{"A": 1}, {"B": 2}]})
    assert holds(document)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("L[0].N", "a"),
        ("length(L)", 2),
        ("L[?V==`2`].N | [0]", "b"),
        ("A.B || C", "c"),
        ("[A.B, C] | [1]", "c"),
        ("{x: C}.x", "c"),
        ("split('-', D) | [1]", "y"),
        ("from_json(J).k", 1),
        ("from_json(C)", None),
        ("sort_by(L, &V)[0].N", "a"),
        ('"od-d".x', 3),
        ("L[*].N | [1]", "b"),
        ("L[0:1] | [0].N", "a"),
        ("contains(C, 'c') && C", "c"),
        ("!C", False),
        ("merge(M, M.N).x", 4),
    ],
)
def test_keys_are_expressions(key: str, expected: Json) -> None:
    document: dict[str, Json] = {
        "L": [{"N": "a", "V": 1}, {"N": "b", "V": 2}],
        "C": "c",
        "D": "x-y",
        "J": '{"k": 1}',
        "od-d": {"x": 3},
        "M": {"N": {"x": 4}},
    }

    assert holds(document, value(key, "eq", expected))


def test_an_expression_that_does_not_apply_finds_nothing() -> None:
    assert holds({"A": 3}, {"sort(A)": "absent"})


def test_other_values_of_the_resource() -> None:
    document: dict[str, Json] = {"A": "x", "B": ["x", "y"]}

    assert holds(document, {"type": "value", "key": "A", "op": "in", "value_path": "B"})
    assert holds(document, value("A", "in", "B", "expr"))
    assert not holds(document, value("A", "eq", "C", "expr"))


def test_a_part_of_a_text() -> None:
    body = {"type": "value", "key": "K", "value": "b", "value_regex": "a=(.*),.*"}

    assert holds({"K": "a=b,c"}, body)
    assert not holds({"K": "b"}, body)
    assert not holds({"K": 3}, body)
    assert holds({"K": "a=b"}, {**body, "value_regex": "a=(b)"})


def test_tags_are_compared_as_they_are_spelled() -> None:
    tags = {"Owner": "me", "aws:made": "1"}

    assert not holds({}, {"tag:Owner": "absent"}, tags=tags)
    assert holds({}, {"tag:owner": "absent"}, tags=tags)
    assert holds({}, {"tag:owner": "absent"})
    assert holds({}, {"type": "tag-count", "count": 2, "op": "lt"}, tags=tags)
    assert not holds({}, "tag-count", tags=tags)
    assert truth({}, {"tag:Owner": "absent"}, unread=("tags",)) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("mark", "is_due"),
    [
        ("late: stop@2026/11/01", True),
        ("late: stop@2026/12/31", False),
        ("late: stop@2026/11/27", True),
        ("late: other@2026/11/01", False),
        ("late: stop@soon", False),
        ("stop@2026/11/01", False),
        ("nothing", False),
    ],
)
def test_marked_for_op(mark: str, is_due: bool) -> None:
    body = {"type": "marked-for-op", "op": "stop", "skew": 2, "skew_hours": 24}

    assert holds({}, body, tags={"maid_status": mark}) is is_due
    assert not holds({}, body)


def test_elements_of_lists() -> None:
    document: dict[str, Json] = {"L": [{"P": 22, "R": [{"C": "x"}]}, {"P": 80, "R": []}]}
    open_port: Any = {"type": "list-item", "key": "L", "attrs": [{"P": 22}]}

    assert holds(document, open_port)
    assert not holds(document, {**open_port, "attrs": [{"P": 23}]})
    assert holds(document, {**open_port, "count": 1})
    assert holds(document, {"type": "list-item", "key": "L", "count": 2, "count_op": "gte"})
    assert holds({}, {"type": "list-item", "key": "L", "count": 0})
    assert not holds({}, open_port)
    assert truth({}, open_port, unread=("L",)) is Truth.UNKNOWN
    inner: Any = {"type": "list-item", "key": "R", "attrs": [{"C": "x"}]}
    assert holds(document, {"type": "list-item", "key": "L", "attrs": [{"P": 22}, inner]})
    assert not holds(document, {"type": "list-item", "key": "L", "attrs": [{"P": 80}, inner]})
    assert holds(document, {"type": "list-item", "key": "L", "attrs": [value("length(R)", "eq", 1)]})


def test_elements_that_an_expression_finds() -> None:
    document: dict[str, Json] = {"L": [{"P": 22, "R": [{"C": "x", "D": "x"}], "T": "2026-11-01"}, {"P": 80}], "W": [8]}

    def item(*attrs: Any, **more: Any) -> Any:
        return {"type": "list-item", "key": "L[?P]", "attrs": list(attrs), **more}

    assert holds(document, item({"P": 22}))
    assert holds(document, item({"or": [{"P": 1}, {"P": 22}]}))
    assert holds(document, item({"and": [{"P": 22}, {"T": "present"}]}))
    assert holds(document, item({"not": [{"P": 22}]}, count=1))
    assert not holds(document, item(value("P", "lt", "x")))
    assert not holds(document, item(value("P", "mod", 0)))
    assert holds(document, item(value("T", "gt", 10, "age")))
    assert holds(document, item({"or": [value("T", "gt", 10, "age")]}))
    inner = {"type": "list-item", "key": "R", "attrs": [{"type": "value", "key": "C", "value_path": "D"}]}
    assert holds(document, item(inner))
    assert holds(document, item({**inner, "attrs": [value("C", "eq", "D", "expr")]}))
    assert not holds(document, {"type": "list-item", "key": "[L, W] | [5]", "attrs": [{"P": 1}]})


def test_bucket_properties_are_found_under_the_inventorys_names() -> None:
    document: dict[str, Json] = {"BucketVersioning": {"Status": "Enabled"}, "BucketAcl": {"Grants": [{"P": "x"}]}}

    assert holds(document, {"Versioning.Status": "Enabled"}, resource="s3")
    assert holds(document, {"Acl.Grants[0].P": "x"}, resource="s3")
    assert truth({}, {"Versioning.Status": "absent"}, unread=("BucketVersioning",), resource="s3") is Truth.UNKNOWN


def test_types_of_all_clouds_have_their_inventorys_names() -> None:
    kinds = {name: parsed(resource=name) for name in ("ec2", "azure.storage", "gcp.bucket")}

    assert {name: (policy.type, policy.provider) for name, policy in kinds.items()} == {
        "ec2": ("AWS::EC2::Instance", Provider.AWS),
        "azure.storage": ("Microsoft.Storage/storageAccounts", Provider.AZURE),
        "gcp.bucket": ("storage.googleapis.com/Bucket", Provider.GCP),
    }


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        (["offhour"], "hour of the day"),
        ([{"type": "onhour"}], "hour of the day"),
        ([{"type": "event", "key": "a", "value": 1}], "judges an event"),
        ([{"or": [{"A": 1}, {"type": "metrics"}]}], "asks the cloud for more"),
        ([{"type": "value", "key": "a", "value_from": {"url": "x"}}], "reads its values from elsewhere"),
        ([{"type": "value", "key": "a", "value": 1, "value_type": "resource_count"}], "how many resources"),
        ([{"type": "value", "key": "a", "value": 1, "tag_key_transforms": []}], "more than is known"),
        ([{"type": "value", "key": "a", "value": "{account_id}"}], "filled in while"),
        ([{"c7n:MatchedFilters": "present"}], "note that a run"),
        ([{"@": "present"}], "whole resource"),
        ([{"`1`": "present"}], "whole resource"),
        ([{"*.a": "present"}], "whole resource"),
        ([{"type": "list-item", "key": "L", "attrs": [{"tag:a": "absent"}]}], "have no tags"),
        ([{"type": "list-item", "key": "L", "attrs": [{"type": "tag-count"}]}], "asks the cloud"),
        ([{"type": "list-item", "key": "L[]", "attrs": [{"type": "tag-count"}]}], "cannot be asked"),
        ([{"type": "list-item", "key": "L", "attrs": [], "more": 1}], "more than is known"),
        ([value("a", "regex", "(?=a)(b+)+")], "unbounded"),
    ],
)
def test_what_is_not_in_the_resource_is_refused_by_name(filters: list[Any], says: str) -> None:
    with pytest.raises(UnsupportedDefinition) as caught:
        compile_policy(parsed(*filters))

    assert re.search(says, str(caught.value))
    assert caught.value.facts["where"] == "p.yaml" or "p.yaml" in str(caught.value.facts["where"])
    assert caught.value.facts["todo"]


@pytest.mark.parametrize(
    "filters",
    [
        [3],
        [{}],
        [{"a": 1, "b": 2}],
        [{"or": 3}],
        [{"type": "value", "key": "a"}],
        [{"type": "value", "value": "a"}],
        [value("a", "like", 1)],
        [value("a", "eq", 1, "length")],
        [value("a", "eq", "x", "age")],
        [value("a", "eq", "x", "date")],
        [value("a", "in", 3, "cidr")],
        [value("a", "glob", 3)],
        [value("a", "regex", 3)],
        [value("a", "regex", "[")],
        [{"a[": 1}],
        [{"a" * 3000 + "[0]": 1}],
        [{"type": "list-item"}],
        [{"type": "list-item", "key": "a", "count": "x"}],
        [{"type": "list-item", "key": "a", "count": 1, "count_op": "x"}],
        [{"type": "list-item", "key": "a[]", "attrs": [{"b[": 1}]}],
        [{"type": "tag-count", "count": "x"}],
        [{"type": "marked-for-op", "skew": "x"}],
    ],
)
def test_filters_that_break_the_language_are_refused(filters: list[Any]) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        compile_policy(parsed(*filters))

    assert "p.yaml" in str(caught.value.facts["where"])


def test_filters_that_nest_too_much_are_refused() -> None:
    deep: Any = {"A": 1}
    for _ in range(30):
        deep = {"not": [deep]}
    with pytest.raises(InvalidDefinition):
        compile_policy(parsed(deep))
    with pytest.raises(InvalidDefinition):
        compile_policy(parsed(*[{"A": 1}] * (NODES_MAX + 1)))


def test_files_are_read_and_recognised() -> None:
    text = "policies:\n- {name: a, resource: ec2, filters: {A: 2026-01-02}}\n- {name: b, resource: x.y}"
    document = load_yaml(text, origin="p.yaml")

    assert is_policy_file(document)
    assert not is_policy_file({"policies": 3})
    assert not is_policy_file([])
    first, second = policies_of(document, origin="p.yaml")
    assert parse_policy(first, origin="p.yaml").filters == ({"A": "2026-01-02"},)
    with pytest.raises(UnsupportedDefinition):
        parse_policy(second, origin="p.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a" * (SIZE_MAX + 1),
        "[" * 60 + "]" * 60,
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "\n".join(
            f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]"
            for a, b in zip("abcde", "bcdef", strict=True)
        ),
    ],
)
def test_files_that_are_not_yaml_or_explode_are_refused(text: str) -> None:
    with pytest.raises(InvalidDefinition):
        load_yaml(text, origin="p.yaml")


@pytest.mark.parametrize(
    "document",
    [{"name": "p"}, {"name": "p", "resource": "ec2", "filters": 3}, {"name": "p", "resource": "ec2", "query": [1]}],
)
def test_policies_that_cannot_be_read_are_refused(document: dict[str, Json]) -> None:
    with pytest.raises(DefinitionError):
        parse_policy(document, origin="p.yaml")


@pytest.mark.parametrize("document", [{}, {"policies": [3]}, {"policies": [{"resource": "ec2"}]}])
def test_files_without_named_policies_are_refused(document: Json) -> None:
    with pytest.raises(InvalidDefinition):
        policies_of(document, origin="p.yaml")


def test_answers_change_with_the_time_where_they_ask_for_it() -> None:
    program = compile_policy(parsed(value("K", "gt", 10, "age")))

    assert program.is_time_dependent
    assert not compile_policy(parsed({"K": 1})).is_time_dependent
    later = NOW + timedelta(days=30)
    assert later > NOW
