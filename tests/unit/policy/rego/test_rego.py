from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from typing import Any

import pytest

from domain.finding import Verdict
from domain.resource import Provider
from graph.shred import shred
from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.evaluate import evaluate
from policy.explain import explain
from policy.rego.decide import matches, policy_of, says
from policy.rego.doubts import doubts
from policy.rego.engine import FAILURES_MAX, INPUT_SIZE_MAX, Engine, RegoSource, engine, held_bytes
from policy.rego.program import compile_policy, named_types
from policy.rego.review import asset_of, check_match, is_meant, review_of
from policy.rego.source import prepared, with_named_iterations
from policy.rego.template import GATEKEEPER_TARGET, GCP_TARGET, RegoPolicy, is_constraint, joined, parse_template
from policy.rego.worker import Loaded, Session, answers, decoded
from policy.tree import Truth
from tests.unit.policy.resources import NOW, resource

pytest.importorskip("regopy")

GCP = """package templates.gcp.GCPPlace

import data.validator.gcp.lib as lib

deny[{"msg": message, "details": {}}] {
	lib.get_constraint_params(input.constraint, params)
	asset := input.asset
	asset.asset_type == "storage.googleapis.com/Bucket"
	not lib.get_default(params, "places", {})[asset.resource.data.location]
	message := sprintf("%v is in \\"%v\\"", [asset.name, asset.resource.data.location])
}
"""
LABELS = """package k8slabels

violation[{"msg": msg}] {
  wanted := input.parameters.label
  not input.review.object.metadata.labels[wanted]
  msg := sprintf("no label %v", [wanted])
}
"""


def template(rego: str = GCP, kind: str = "GCPPlace", target: str = GCP_TARGET, **more: Any) -> dict[str, Any]:
    spec = {"crd": {"spec": {"names": {"kind": kind}}}, "targets": [{"target": target, "rego": rego, **more}]}
    return {"kind": "ConstraintTemplate", "metadata": {"name": kind.lower()}, "spec": spec}


def policy(
    document: dict[str, Any] | None = None,
    *,
    match: dict[str, Any] | None = None,
    parameters: Any = None,
    severity: str | None = None,
) -> RegoPolicy:
    body = document or template()
    kind = body["spec"]["crd"]["spec"]["names"]["kind"]
    spec = {"match": match or {}, "parameters": parameters, **({"severity": severity} if severity else {})}
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": "c"},
        "spec": spec,
    }
    return policy_of({"template": body, "constraint": constraint}, origin="p.yaml")


def labelled(match: dict[str, Any] | None = None) -> RegoPolicy:
    return policy(template(LABELS, "K8sLabels", GATEKEEPER_TARGET), match=match, parameters={"label": "team"})


def whole(
    properties: dict[str, Any], *, scope: str = "", unread: tuple[str, ...] = (), kind: str = "x"
) -> dict[str, Any]:
    return {"id": "id", "type": kind, "name": "n", "location": "", "scope": scope, "tags": {},
            "properties": properties, "unread": list(unread)}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _ended() -> Iterator[None]:
    yield
    engine().close()


@pytest.fixture
def own() -> Iterator[Engine]:
    found = Engine(deadline_s=1.0)
    yield found
    found.close()


def source(body: str, package: str = "x") -> RegoSource:
    return RegoSource(package, "deny", ((f"{package}.rego", f"package {package}\n{body}"),))


def test_a_violation_has_its_message_in_both_evaluators() -> None:
    program = compile_policy(policy(parameters={"places": {"EU": True}}, severity="HIGH"))
    kind = "storage.googleapis.com/Bucket"
    bad = replace(resource({"type": kind, "location": "US"}, provider=Provider.GCP), type=kind)
    good = replace(resource({"type": kind, "location": "EU"}, provider=Provider.GCP), type=kind)

    found = explain(program, bad, now=NOW)

    assert found.verdict is Verdict.VIOLATION
    assert found.leaves[0].found == [' is in "US"']
    assert found.leaves[0].expected == "GCPPlace/c"
    assert evaluate(program, shred([bad, good], program.paths), now=NOW).tolist() == [1, 0]
    assert program.types == frozenset({kind.casefold()})
    assert program.definition.metadata["severity"] == "high"
    assert explain(program, good, now=NOW).verdict is Verdict.COMPLIANT


def test_what_was_not_read_is_unknown() -> None:
    program = compile_policy(policy(parameters={"places": {"EU": True}}))
    kind = "storage.googleapis.com/Bucket"
    half = replace(resource({"type": kind, "location": "EU"}, provider=Provider.GCP, unread=("acl",)), type=kind)

    assert explain(program, half, now=NOW).verdict is Verdict.UNKNOWN


def test_kubernetes_objects_are_reviewed() -> None:
    program = compile_policy(labelled())
    pod = {"apiVersion": "apps/v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"team": "a"}}}
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}

    verdicts = [explain(program, resource(body, provider=Provider.KUBERNETES), now=NOW).verdict for body in (pod, bare)]  # type: ignore[arg-type]

    assert verdicts == [Verdict.COMPLIANT, Verdict.VIOLATION]
    assert program.types is None
    assert program.clouds == {Provider.KUBERNETES}


def test_a_constraint_that_is_not_meant_for_a_resource_finds_nothing() -> None:
    program = compile_policy(labelled({"kinds": [{"apiGroups": ["apps"], "kinds": ["Deployment"]}]}))
    item = resource({"apiVersion": "v1", "kind": "Pod"}, provider=Provider.KUBERNETES)

    assert explain(program, item, now=NOW).verdict is Verdict.COMPLIANT
    assert explain(program, item, now=NOW).leaves[0].found == []


def test_types_are_known_only_where_every_rule_names_one() -> None:
    assert named_types(policy(template(GCP + '\ndeny[{"msg": "x"}] {\n\tinput.asset.name == "x"\n}\n'))) is None
    assert named_types(labelled()) is None


@pytest.mark.parametrize(
    ("match", "scope", "is_covered"),
    [
        ({}, "/organizations/1/projects/p", True),
        ({"ancestries": ["organizations/**"]}, "/organizations/1/projects/p", True),
        ({"target": ["organization/*/project/*"]}, "/organizations/1/projects/p", True),
        ({"ancestries": ["organizations/2/**"]}, "/organizations/1/projects/p", False),
        (
            {"ancestries": ["organizations/**"], "excludedAncestries": ["**/projects/p"]},
            "/organizations/1/projects/p",
            False,
        ),
        ({"ancestries": ["organizations/2/**"]}, "", False),
        ({"ancestries": ["organizations/**"]}, "", True),
        ({}, "", True),
    ],
)
def test_places_of_assets(match: dict[str, Any], scope: str, is_covered: bool) -> None:
    assert is_meant(policy(match=match), whole({}, scope=scope)) is is_covered


@pytest.mark.parametrize(
    ("match", "is_covered"),
    [
        ({"kinds": [{"apiGroups": ["*"], "kinds": ["Pod"]}]}, True),
        ({"kinds": [{"apiGroups": ["apps"], "kinds": ["*"]}]}, False),
        ({"kinds": [{"kinds": ["Pod"]}]}, True),
        ({"namespaces": ["prod-*"]}, True),
        ({"namespaces": ["dev"]}, False),
        ({"excludedNamespaces": ["prod-a"]}, False),
        ({"scope": "Cluster"}, False),
        ({"scope": "Namespaced"}, True),
        ({"name": "p*"}, True),
        ({"name": "q*"}, False),
        ({"labelSelector": {"matchLabels": {"a": "1"}}}, True),
        ({"labelSelector": {"matchLabels": {"a": "2"}}}, False),
        ({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}}, True),
        ({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}}, False),
        ({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}, True),
        ({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}}, False),
    ],
)
def test_matches_of_objects(match: dict[str, Any], is_covered: bool) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "prod-a", "labels": {"a": "1"}}}

    assert is_meant(labelled(match), whole(pod)) is is_covered


def test_a_match_by_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedDefinition):
        check_match(labelled({"namespaceSelector": {}}))
    with pytest.raises(UnsupportedDefinition):
        check_match(policy(match={"kinds": []}))


def test_policies_of_an_asset_stand_beside_its_data() -> None:
    found = asset_of(whole({"iamPolicy": {"bindings": []}, "a": 1}, scope="/projects/p"))

    assert found["iam_policy"] == {"bindings": []}
    assert found["resource"] == {"data": {"a": 1}}
    assert found["ancestry_path"] == "projects/p"
    assert review_of(whole({}))["kind"] == {"group": "", "version": "", "kind": ""}


def test_old_names_of_functions_are_given_back() -> None:
    text = 'a { re_match("re_match(", x) } # re_match(\nb = y { y := cast_set(x) }\nc { x.re_match(1) }'

    found = prepared(text)

    assert found.startswith('a { regex.match("re_match(", x) } # re_match(\n')
    assert "x.re_match(1)" in found
    assert "cast_set(values) = found" in found
    assert prepared("cast_set(x) = x { true }\na { cast_set(1) }").count("cast_set(") == 2
    assert prepared("a { b }") == "a { b }"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a {\n\tf(x[_], 1)\n}", "a {\n iterated0 := x[_];\tf(iterated0, 1)\n}"),
        ("a { y; f(x.z[_].w) }", "a { y; iterated0 := x.z[_].w; f(iterated0) }"),
        ("a { y = [m | m = f([x[_]])] }", "a { y = [m | iterated0 := x[_]; m = f([iterated0])] }"),
        ("a { f(g(1), x[_]) }", "a { iterated0 := x[_]; f(g(1), iterated0) }"),
        ("a { f(x[_]) }", "a { iterated0 := x[_]; f(iterated0) }"),
        ("a { not f(x[_]) }", "a { not f(x[_]) }"),
        ("a { x[_] == 1 }", "a { x[_] == 1 }"),
        ("a { (x[_]) }", "a { (x[_]) }"),
        ('a { y == "f(x[_])" }', 'a { y == "f(x[_])" }'),
        ("f(x[_])", "f(x[_])"),
        ("b\nf(x[_]) { true }", "b\nf(x[_]) { true }"),
    ],
)
def test_arguments_that_iterate_are_named_first(source: str, expected: str) -> None:
    assert with_named_iterations(source) == expected


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "ConstraintTemplate", "spec": {}},
        {"kind": "ConstraintTemplate", "spec": {"crd": {"spec": {"names": {"kind": "X"}}}, "targets": []}},
        {"kind": "ConstraintTemplate", "spec": {"targets": [{"rego": "package x"}]}},
        template("deny[x] { true }"),
        template("package x\nviolation[x] { true }"),
        template("package x\ndeny[x] { true }" + "#" * 1_100_000),
    ],
)
def test_templates_that_are_not_whole_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidDefinition):
        parse_template(document, origin="t.yaml")


def test_templates_for_other_targets_are_refused() -> None:
    with pytest.raises(UnsupportedDefinition):
        parse_template(template(target="elsewhere"), origin="t.yaml")


def test_targets_of_the_first_templates_and_libraries_are_read() -> None:
    document = template(libs=["package lib.a\nb = 1"])
    document["spec"]["targets"] = {GCP_TARGET: document["spec"]["targets"][0]}

    found = parse_template(document, origin="t.yaml")

    assert [name for name, _ in found.source.modules] == ["GCPPlace.rego", "GCPPlace-lib0.rego", "validator.rego"]


def test_constraints_find_their_templates() -> None:
    known = parse_template(template(), origin="t.yaml")
    lonely = parse_template(template(kind="Lonely"), origin="t.yaml")
    constraint = dict(policy().constraint)

    policies, left = joined([known, lonely], [(constraint, "c.yaml"), ({**constraint, "kind": "No"}, "d.yaml")])

    assert [each.policy_id for each in policies] == ["GCPPlace/c"]
    assert is_constraint(constraint)
    assert not is_constraint({"apiVersion": "v1"})
    assert [(failure.state, failure.facts["name"]) for failure in left] == [
        ("invalid", "No@d.yaml"),
        ("needs_parameters", "Lonely"),
    ]


def test_a_policy_needs_both_parts() -> None:
    with pytest.raises(InvalidDefinition):
        policy_of({"template": template()}, origin="p.yaml")


def test_rego_that_does_not_load_is_refused_with_the_reason() -> None:
    broken = template("package templates.gcp.GCPPlace\ndeny[x] { x := }")

    with pytest.raises(InvalidDefinition) as caught:
        compile_policy(policy(broken))

    assert "p.yaml" in str(caught.value.facts["where"])
    assert caught.value.facts["reason"]


@pytest.mark.parametrize(
    ("body", "is_doubtful"),
    [
        ("a { input.n[_] == 3 }", False),
        ("a { input.n[_].m[_] == 3 }", False),
        ("a { input.n[i] == input.m[j] }", True),
        ("a { x := input.n[i]; y := input.n[j]; x + y == 4 }", False),
        ("f(i) { input.n[i] == input.m[i] }", False),
        ("a { i := 1; input.n[i] == input.m[i] }", False),
        ('a { "input.n[i] == input.m[j]" == x } # input.n[i] == input.m[j]', False),
        ("s[v] { v := input.l[_] }\na { s[_] == 1 }", True),
        ("s[v] { v := input.l[_] }\na { x := s }", True),
        ("s contains v { v := input.l[_] }\na { x := s - {1} }", True),
        ('s[v] { v := input.l[_] }\na { s[v] }\nb { count(s) == 1; s["x"] }', False),
    ],
)
def test_rego_that_would_be_answered_wrongly_is_found(body: str, is_doubtful: bool) -> None:
    assert bool(doubts(body)) is is_doubtful


def test_doubtful_rego_is_refused() -> None:
    rego = GCP + "\nother { input.a[i] == input.b[j] }\n"

    with pytest.raises(UnsupportedDefinition) as caught:
        compile_policy(policy(template(rego)))

    assert "line 13" in str(caught.value.facts["got"])


def test_errors_are_no_answer(own: Engine) -> None:
    wrong = source('deny[{"msg": m}] { m := sprintf("%v", [to_number(input.a)]) }')

    assert own.check(wrong) == "" or own.check(wrong)
    found = own.ask(wrong, {"a": "x"})

    assert found.error
    assert own.ask(wrong, {"a": "1"}).messages == ("1",)


def test_an_error_makes_the_verdict_unknown() -> None:
    rego = 'package x\n\ndeny[{"msg": m}] { m := sprintf("%v", [to_number(input.asset.resource.data.a)]) }'
    program = compile_policy(policy(template(rego)))
    item = resource({"a": "x"}, provider=Provider.GCP)

    found = explain(program, item, now=NOW)

    assert found.verdict is Verdict.UNKNOWN
    assert found.leaves[0].found != []


def test_a_violation_without_a_message_is_one() -> None:
    rego = 'package templates.gcp.GCPPlace\n\ndeny[{"details": d}] { d := input.asset.name }'
    program = compile_policy(policy(template(rego)))

    found = explain(program, resource({}, provider=Provider.GCP), now=NOW)

    assert found.verdict is Verdict.VIOLATION
    assert found.leaves[0].found == ["violation without a message"]


HOSTILE = """deny[{"msg": m}] {
  a := input.n[_]; b := input.n[_]; c := input.n[_]; d := input.n[_]; e := input.n[_]
  a + b + c + d + e == -1
  m := "x"
}"""


def test_a_policy_that_never_ends_is_stopped_and_then_not_asked_again() -> None:
    own = Engine(deadline_s=0.2)
    hostile, fine = source(HOSTILE), source('deny[{"msg": "y"}] { input.n }', "y")
    asked = {"n": list(range(400))}
    try:
        found = [own.ask(hostile, asked).error for _ in range(FAILURES_MAX + 1)]

        assert found[0] == "the policy gave no answer within 0.2 s"
        assert found[-1] == "the policy failed to answer too often"
        assert own.ask(fine, asked).messages == ("y",)
    finally:
        own.close()


def test_a_policy_that_takes_memory_is_stopped(own: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.rego.engine.MEMORY_MAX", 1)

    assert "memory" in own.ask(source(HOSTILE), {"n": list(range(400))}).error


def test_a_process_that_ends_or_babbles_is_told_from_an_answer() -> None:
    for command in (("-c", "pass"), ("-c", "print('x', flush=True); import time; time.sleep(9)")):
        own = Engine(command=(sys.executable, *command))
        assert own.check(source("deny[x] { x := 1 }")) == "the policy ended the interpreter"
        assert own.ask(source("deny[x] { x := 1 }"), {}).error == "the policy ended the interpreter"
        own.close()


def test_an_input_that_is_too_large_is_not_asked_about(own: Engine) -> None:
    assert "larger" in own.ask(source("deny[x] { x := 1 }"), "x" * INPUT_SIZE_MAX).error
    assert own.process is None


def test_memory_is_read_where_the_system_tells() -> None:
    assert held_bytes(os.getpid()) >= 0
    assert held_bytes(-1) == 0


def test_a_process_with_a_thousand_open_files_still_asks(own: Engine) -> None:
    """As a server with many connections has them."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (max(soft, min(hard, 2_048)), hard))
    with ExitStack() as held:
        held.callback(setrlimit, RLIMIT_NOFILE, (soft, hard))
        for _ in range(1_100):
            held.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        assert own.check(source("deny[x] { x := 1 }")) == ""


def test_a_child_does_not_end_its_parents_process(own: Engine) -> None:
    own.check(source("deny[x] { x := 1 }"))
    process, owner = own.process, own.owner
    own.owner = -1
    own.close()
    assert process is not None
    assert process.poll() is None
    own.process, own.owner = process, owner


def test_what_has_no_answer_is_an_error() -> None:
    load = {"modules": source('deny[{"msg": "x"}] { to_number(input.a) }').modules, "package": "x", "rule": "deny"}

    assert Loaded(load).ask({"a": "x"}) == {"error": "the rule has no answer"}


def test_the_worker_answers_each_line() -> None:
    with tempfile.TemporaryFile() as said:
        session = Session(said)
        load = {
            "load": "a",
            "modules": source('deny[{"msg": "hi"}] { input.a == 1 }').modules,
            "package": "x",
            "rule": "deny",
        }
        asked = ['{"ask": "a", "input": {"a": 1}}', '{"ask": "b", "input": {}}', "{"]
        lines = [json.dumps(load), json.dumps({**load, "is_tried": True}), *asked]

        found = [json.loads(line) for line in answers(io.StringIO("\n".join(lines)), session)]

    assert found[0] == {"loaded": True}
    assert found[1]["loaded"]
    assert found[2] == {"count": 1, "messages": ["hi"]}
    assert all("error" in each for each in found[3:])


def test_a_message_that_is_not_encoded_stays_as_it_is() -> None:
    assert decoded("not base64!") == "not base64!"


def test_nothing_is_said_of_a_resource_that_a_policy_is_not_meant_for() -> None:
    program = compile_policy(policy(match={"ancestries": ["organizations/9/**"]}))
    plan = program.condition.expected.value  # type: ignore[union-attr]

    assert says(whole({}, scope="/organizations/1"), plan) == []
    assert matches(whole({}, scope="/o/1"), plan) is Truth.FALSE


def test_the_engine_belongs_to_the_process(tmp_path: Path) -> None:
    assert engine() is engine()
