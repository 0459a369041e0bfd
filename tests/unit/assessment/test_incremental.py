from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.beside import Beside, related_items
from assessment.evaluation import groups, kept_by, outcome
from assessment.incremental import Change, judge_again, judge_resource
from assessment.inputs import AssessedPolicy, required_paths
from assessment.policies import assessed_policy
from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.value import UNREAD, Json
from graph.build import build_snapshot
from graph.snapshot import EVERYWHERE, Snapshot
from policy.compile import Program
from policy.definition import parse_definition
from policy.evaluate import Lookups
from policy.incremental import ProgramIndex
from policy.interpret import violates
from policy.tree import Truth
from tests.unit.assessment.estate import AS_OF, TENANT
from tests.unit.policy.resources import ALIASES

GATES, BOLTS, LOGS = "Contoso.Net/gates", "Contoso.Net/gates/bolts", "Contoso.Log/settings"
VERDICTS = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}
IS_GATE: Json = {"field": "type", "equals": GATES}
HERE: Json = {"field": "location", "equals": "here"}


def policy(name: str, condition: Json, details: Json = None, effect: str = "auditIfNotExists") -> AssessedPolicy:
    then: Json = {"effect": "audit"} if details is None else {"effect": effect, "details": details}
    document: Json = {"name": name, "properties": {"mode": "All", "policyRule": {"if": condition, "then": then}}}
    return assessed_policy(parse_definition(document, origin=name), ALIASES, source="builtin")


POLICIES = [
    policy("open", {"allOf": [IS_GATE, {"field": f"{GATES}/isOpen", "equals": True}]}),
    policy("anywhere", HERE),
    policy("bolted", IS_GATE, {"type": BOLTS}),
    policy("bolted-here", {"allOf": [IS_GATE, HERE]}, {"type": BOLTS, "name": "a", "existenceCondition": HERE}),
    policy("logged", IS_GATE, {"type": LOGS}),
    policy(
        "logged-alike", HERE, {"type": LOGS, "existenceCondition": {"field": "location", "equals": "[field('name')]"}}
    ),
    policy("logged-in-account", IS_GATE, {"type": LOGS, "existenceScope": "subscription", "existenceCondition": HERE}),
    policy("logged-in-home", IS_GATE, {"type": LOGS, "resourceGroupName": "[field('tags.home')]"}),
    policy("gate-beside-log", {"field": "type", "equals": LOGS}, {"type": GATES, "name": "[field('name')]"}),
    policy("log-near-bolt", {"field": "type", "equals": LOGS}, {"type": BOLTS, "existenceCondition": HERE}),
    policy("disabled", IS_GATE, {"type": LOGS}, "disabled"),
]
PROGRAMS = [each.program for each in POLICIES if each.program is not None]
INDEX = ProgramIndex.of(PROGRAMS)


def item(kind: str, uid: str, **document: Json) -> ConfigurationItem:
    parts = uid.split("/")
    tags = document.get("tags", {})
    return ConfigurationItem(
        tenant=TENANT,
        uid=ResourceId(uid),
        provider=Provider.AZURE,
        type=kind,
        name=parts[-1],
        scope="/".join(parts[:5]) if len(parts) > 4 and parts[3] == "resourceGroups" else "/".join(parts[:3]),
        region=str(document.get("location", "")),
        tags=tags,  # type: ignore[arg-type]
        properties={"id": uid, "name": parts[-1], "type": kind, **document},
        captured_at=AS_OF,
        digest="0" * 64,
        origin=Origin("export.json", 1),
    )


GROUPS = [f"/subscriptions/{s}/resourceGroups/{g}" for s in "st" for g in "ab"]
WORDS = st.sampled_from(["here", "x", "y"])
BOLT = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from("ab"), "location": WORDS, "properties": st.just({})}),
    st.fixed_dictionaries({"name": st.sampled_from("ab")}),
)


@st.composite
def gates(draw: st.DrawFn) -> ConfigurationItem:
    group, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy"))
    properties = draw(st.fixed_dictionaries({"isOpen": st.booleans()}, optional={"bolts": st.lists(BOLT, max_size=2)}))
    tags = draw(st.fixed_dictionaries({}, optional={"home": st.sampled_from("ab")}))
    document: dict[str, Any] = {"location": draw(WORDS), "properties": properties, "tags": tags}
    return item(GATES, f"{group}/providers/{GATES}/{name}", **document)


@st.composite
def bolts(draw: st.DrawFn) -> ConfigurationItem:
    group, gate, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy")), draw(st.sampled_from("ab"))
    return item(BOLTS, f"{group}/providers/{GATES}/{gate}/bolts/{name}", location=draw(WORDS))


@st.composite
def logs(draw: st.DrawFn) -> ConfigurationItem:
    group, name = draw(st.sampled_from(GROUPS)), draw(st.sampled_from("xy"))
    place = draw(st.sampled_from([group, f"{group}/providers/{GATES}/x", group.rpartition("/resourceGroups")[0]]))
    return item(LOGS, f"{place}/providers/{LOGS}/{name}", location=draw(WORDS))


ITEMS = st.one_of(gates(), bolts(), logs())
ESTATES = st.lists(ITEMS, max_size=6, unique_by=lambda one: resource_key(one.uid))
UNPROVEN = st.sampled_from([frozenset(), frozenset({"/subscriptions/s"}), EVERYWHERE])


def snapshot_of(items: list[ConfigurationItem], unproven: frozenset[str]) -> Snapshot:
    paths = required_paths(POLICIES, items)
    return build_snapshot(TENANT, items, as_of=AS_OF, paths_by_type=paths, unproven=unproven)


def everything(snapshot: Snapshot) -> dict[tuple[str, PolicyId], Verdict]:
    """A full run."""
    by_type, lookups = groups(snapshot, np.ones(len(snapshot), dtype=bool)), Lookups()
    found = {}
    for program in PROGRAMS:
        if program.is_enabled:
            judged = outcome(program, by_type, lookups, now=AS_OF)
            for row, verdict in zip(judged.rows.tolist(), judged.verdicts.tolist(), strict=True):
                found[resource_key(snapshot.uids[row]), program.policy_id] = Verdict(verdict)
    return found


@settings(max_examples=300, deadline=None)
@given(ESTATES, st.data(), UNPROVEN)
def test_one_changed_resource_judged_again_equals_a_full_run(
    items: list[ConfigurationItem], data: st.DataObject, unproven: frozenset[str]
) -> None:
    old = data.draw(st.sampled_from([None, *items]))
    new = data.draw(st.none() | ITEMS if old is not None else ITEMS)
    if old is not None and new is not None:  # another state of the same resource
        new = replace(old, properties={**old.properties, **new.properties, "id": old.uid}, region=new.region)
    if old is None and new is not None:
        old = next((one for one in items if one.uid == new.uid), None)
    rest = [one for one in items if one is not old]
    after_items = rest if new is None else [*rest, new]
    before, after = snapshot_of(items, unproven), snapshot_of(after_items, unproven)
    expected = everything(after)
    found = judge_again(Change(old, new), INDEX, before, after, Lookups(), now=AS_OF)
    keys = {resource_key(one.uid) for one in (old, new) if one is not None}
    patched = {pair: verdict for pair, verdict in everything(before).items() if pair[0] not in keys}
    patched |= {(resource_key(new.uid), name): verdict for name, verdict in found.own.items()} if new else {}
    assert patched | dict(found.others) == expected


@settings(max_examples=100, deadline=None)
@given(ESTATES, UNPROVEN, st.sampled_from([each for each in PROGRAMS if each.is_enabled]))
def test_one_changed_policy_on_its_types_equals_a_full_run_and_the_interpreter(
    items: list[ConfigurationItem], unproven: frozenset[str], program: Program
) -> None:
    snapshot = snapshot_of(items, unproven)
    ordered = sorted(items, key=lambda one: resource_key(one.uid))
    judged = outcome(program, groups(snapshot, kept_by(ordered, scope=None, kind=None)), Lookups(), now=AS_OF)
    expected = {row: verdict for (key, name), verdict in everything(snapshot).items()
                if name == program.policy_id for row in [snapshot.index_of(key)]}  # fmt: skip
    assert dict(zip(judged.rows.tolist(), map(Verdict, judged.verdicts.tolist()), strict=True)) == expected
    for row, verdict in expected.items():
        existence = program.existence
        related = [] if existence is None else related_items(existence, row, snapshot, ordered, now=AS_OF)
        truth = violates(program.condition, existence, ordered[row], related, AS_OF)
        assert VERDICTS[truth] is verdict


def test_a_resource_alone_leaves_existence_unknown() -> None:
    gate = item(GATES, f"{GROUPS[0]}/providers/{GATES}/x", location="x", properties={"isOpen": True})
    found = judge_resource(gate, INDEX, now=AS_OF)
    assert found == {
        "open": Verdict.VIOLATION,
        "anywhere": Verdict.COMPLIANT,
        "bolted": Verdict.UNKNOWN,
        "bolted-here": Verdict.COMPLIANT,
        "logged": Verdict.UNKNOWN,
        "logged-alike": Verdict.COMPLIANT,
        "logged-in-account": Verdict.UNKNOWN,
        "logged-in-home": Verdict.UNKNOWN,
    }


def test_an_unread_account_leaves_absence_unknown_but_not_presence() -> None:
    gate = item(GATES, f"{GROUPS[0]}/providers/{GATES}/x")
    bare = item(GATES, f"{GROUPS[0]}/providers/{GATES}/y")
    log = item(LOGS, f"{gate.uid}/providers/{LOGS}/l")
    items = sorted([gate, bare, log], key=lambda one: resource_key(one.uid))
    logged = next(program for program in PROGRAMS if program.policy_id == "logged-in-home")
    assert logged.existence is not None
    found = {}
    for unproven in (frozenset[str](), EVERYWHERE):
        snapshot = snapshot_of(items, unproven)
        rows = np.array([snapshot.index_of(gate.uid), snapshot.index_of(bare.uid)])
        found[unproven] = Beside(snapshot).of(logged.existence.type, rows).is_read
        is_here = replace(logged.existence, resource_group=None)
        assert related_items(is_here, int(rows[0]), snapshot, items, now=AS_OF) == [log]
    assert np.all(found[frozenset()])
    assert not np.any(found[EVERYWHERE])
    assert related_items(is_here, int(rows[1]), snapshot, items, now=AS_OF) is UNREAD


def test_programs_are_filed_by_what_they_look_at() -> None:
    assert [program.policy_id for program in INDEX.looking_for(LOGS)] == [
        "logged",
        "logged-alike",
        "logged-in-account",
        "logged-in-home",
    ]
    assert INDEX.judging(GATES, Provider.AWS) == ()
    assert "@id" in INDEX.paths(BOLTS, Provider.AZURE)


def test_a_child_inside_a_changed_document_is_found_by_those_that_look_for_it() -> None:
    def gate(**properties: Json) -> ConfigurationItem:
        return item(GATES, f"{GROUPS[0]}/providers/{GATES}/x", properties=properties)

    log = item(LOGS, f"{GROUPS[0]}/providers/{LOGS}/l")
    elsewhere = item(BOLTS, f"{GROUPS[1]}/providers/{GATES}/y/bolts/b", location="here")
    old, new = gate(bolts=[]), gate(bolts=[{"name": "b", "location": "here", "properties": {}}])
    before, after = (snapshot_of([one, log, elsewhere], frozenset()) for one in (old, new))
    found = judge_again(Change(old, new), INDEX, before, after, Lookups(), now=AS_OF)
    pair = resource_key(log.uid), PolicyId("log-near-bolt")
    assert everything(before)[pair] is Verdict.VIOLATION
    assert found.others[pair] is Verdict.COMPLIANT
