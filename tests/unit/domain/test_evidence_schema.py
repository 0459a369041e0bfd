"""Bodies of evidence by type: what is accepted, what is refused and how, and the same by the published JSON Schema."""

from __future__ import annotations

import copy
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.errors import InputError
from domain.evidence import EventType
from domain.evidence_schema import SCHEMAS, json_schema, require_body
from domain.value import Json

Body = dict[str, Json]

DIGEST = "a" * 64
AT = "2026-11-24T00:00:00Z"
SCAN: Body = {"scan": "s1", "as_of": AT, "input_sha256": DIGEST}
CONTROLS: list[Json] = [{"framework": "SOC 2", "id": "CC6.1"}]

BODIES: dict[EventType, Body] = {
    EventType.POLICY_EVALUATION: {"id": "p", "subject": "s", "policy": "p", "verdict": "violation", "severity": "high"},
    EventType.ACCESS_REVIEW: {
        "id": "r",
        "subject": "quarterly review",
        "system": "payroll",
        "reviewed": 42,
        "revoked": 3,
        "controls": CONTROLS,
    },
    EventType.CHANGE_RECORD: {"id": "c", "subject": "s", "change": "CHG-1", "state": "applied", "tests_passed": True},
    EventType.SCAN_RESULT: {"id": "n", "subject": "s", "tool": "prowler", "failed": 0, "severities": {"high": 2}},
    EventType.EVIDENCE_COLLECTED: {"id": "e", "subject": "s", "body": {"any": ["thing"]}},
    EventType.POLICY_EVALUATED: {
        **SCAN,
        "policy": "p",
        "definition_sha256": DIGEST,
        "severity": "low",
        "state": "ran",
        **dict.fromkeys(("resources", "compliant", "violations", "exempt", "unknown"), 1),
    },
    EventType.PREDICTION_GENERATED: {**SCAN, "source": "date", "count": 1, "horizon_days": 7},
    EventType.COMPLIANCE_CHECKED: {
        **SCAN,
        **dict.fromkeys(("resources", "assessed", "exempt", "unknown", "gaps", "controls_violated", "controls"), 0),
        "policies": {"ran": 1},
        "violations": {"high": 1},
        "exemptions": [],
        "at_risk": {"EUR": "1.50"},
        "synthetic": False,
    },
    EventType.DRIFT_DETECTED: {
        "as_of": AT,
        "resource_sha256": DIGEST,
        "attributes": ["tags.owner"],
        "baseline_sha256": DIGEST,
    },
    EventType.REMEDIATION_APPLIED: {
        "as_of": AT,
        "plan_sha256": DIGEST,
        "state": "applied",
        "policy": "p",
        "resources": 1,
    },
}
KINDS = sorted(SCHEMAS)
VALIDATORS = {kind: Draft202012Validator(cast("dict[str, object]", json_schema(kind))) for kind in KINDS}
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**54),
    st.text(max_size=130),
    st.sampled_from([DIGEST, AT, "high", "applied"]),
    st.just({"commitment": DIGEST, "subject": DIGEST}),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.integers(0, 3), st.just({"framework": "f", "id": "i"})), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(st.integers(-1, 3), st.text(max_size=3)), max_size=2),
)


def accepts(kind: EventType, body: Json) -> bool:
    try:
        require_body(kind, body)
    except InputError:
        return False
    return True


def test_every_type_of_the_table_has_an_example_here() -> None:
    assert BODIES.keys() == SCHEMAS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_of_each_type_is_accepted(kind: EventType) -> None:
    require_body(kind, BODIES[kind])


@given(st.sampled_from(KINDS), st.data())
def test_the_check_and_the_published_schema_agree(kind: EventType, data: st.DataObject) -> None:
    body = copy.deepcopy(BODIES[kind])
    fields = [*body, "controls", "details", "reason", "severities", "surplus", "kept", "reviewer", "author"]
    name = data.draw(st.sampled_from(fields))
    if data.draw(st.booleans()):
        body[name] = data.draw(odd)
    else:
        body.pop(name, None)
    assert accepts(kind, body) == VALIDATORS[kind].is_valid(body)


@pytest.mark.parametrize("body", [None, 1, "text", [], {}])
def test_what_is_no_body_at_all_is_refused_with_a_reason(body: Json) -> None:
    with pytest.raises(InputError) as refusal:
        require_body(EventType.ACCESS_REVIEW, body)
    assert refusal.value.facts["path"] in {"body", "body.id"}


@pytest.mark.parametrize(
    ("changed", "path", "expected", "got"),
    [
        ({"reviewed": "42"}, "body.reviewed", "a whole number from 0 on", "'42'"),
        ({"surplus": 1}, "body.surplus", "one of the fields", "another field"),
        ({"controls": [{"framework": "SOC 2"}]}, "body.controls[0].id", "a value", "nothing"),
        ({"controls": "CC6.1"}, "body.controls", "a list of at most 200", "'CC6.1'"),
        ({"controls": [[]]}, "body.controls[0]", "an object", "a list of 0"),
        ({"details": {"a": 1}, "kept": {}}, "body.kept", "a whole number from 0 on", "an object of 0"),
        ({"subject": "x" * 501}, "body.subject", "text of 1 to 500 characters", "x" * 40),
        ({"result": "fine"}, "body.result", "one of satisfied, not_satisfied, unknown", "'fine'"),
        ({"details": None}, "body.details", "an object", "None"),
    ],
)
def test_a_refusal_names_the_place_what_was_expected_and_what_came(
    changed: Body, path: str, expected: str, got: str
) -> None:
    with pytest.raises(InputError) as refusal:
        require_body(EventType.ACCESS_REVIEW, {**BODIES[EventType.ACCESS_REVIEW], **changed})
    facts = refusal.value.facts
    assert facts["path"] == path
    assert expected in str(facts["expected"])
    assert got in str(facts["got"])


def test_values_by_name_are_refused_by_their_name() -> None:
    body: Body = {**BODIES[EventType.SCAN_RESULT], "severities": {"high": -1}}
    with pytest.raises(InputError, match="not as its type") as refusal:
        require_body(EventType.SCAN_RESULT, body)
    assert refusal.value.facts["path"] == "body.severities.high"
    many: Body = {str(number): 1 for number in range(101)}
    assert not accepts(EventType.SCAN_RESULT, {**BODIES[EventType.SCAN_RESULT], "severities": many})
    with pytest.raises(InputError) as refusal:
        require_body(EventType.SCAN_RESULT, {**BODIES[EventType.SCAN_RESULT], "severities": many})
    assert refusal.value.facts["expected"] == "an object of at most 100 names"
    assert accepts(EventType.PREDICTION_GENERATED, {**BODIES[EventType.PREDICTION_GENERATED], "model": "m"})


def test_a_person_is_a_name_or_a_commitment() -> None:
    body: Body = BODIES[EventType.ACCESS_REVIEW]
    for person in ("Ada", {"commitment": DIGEST, "subject": DIGEST}):
        subjects: list[Json] = [{"principal": cast("Json", person), "decision": "kept"}]
        require_body(EventType.ACCESS_REVIEW, {**body, "reviewer": cast("Json", person), "subjects": subjects})
    with pytest.raises(InputError) as refusal:
        require_body(EventType.ACCESS_REVIEW, {**body, "reviewer": {"commitment": DIGEST}})
    assert "or a commitment" in str(refusal.value.facts["expected"])


def test_a_flag_and_a_form_are_named_in_words() -> None:
    body: Body = {**BODIES[EventType.CHANGE_RECORD], "tests_passed": 1, "approved_at": "yesterday"}
    with pytest.raises(InputError) as refusal:
        require_body(EventType.CHANGE_RECORD, body)
    assert [fault["expected"] for fault in cast("list[dict[str, str]]", refusal.value.facts["faults"])] == [
        "true or false",
        "a UTC time, RFC 3339",
    ]


def test_a_body_with_two_shapes_is_explained_by_the_nearer_one() -> None:
    with pytest.raises(InputError) as refusal:
        require_body(EventType.EVIDENCE_COLLECTED, {"id": "e", "subject": "s", "body": 1})
    assert refusal.value.facts["path"] == "body.body"


def test_the_logs_own_types_cannot_be_checked_and_so_not_be_sent() -> None:
    with pytest.raises(InputError, match="no schema"):
        require_body(EventType.BLOCK_SEALED, {})


def test_a_long_name_is_cut_where_it_is_quoted() -> None:
    with pytest.raises(InputError) as refusal:
        require_body(EventType.ACCESS_REVIEW, {**BODIES[EventType.ACCESS_REVIEW], "y" * 500: 1})
    assert len(str(refusal.value.facts["path"])) < 100
