from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.finding import Verdict
from domain.resource import ConfigurationItem
from domain.value import Json
from graph.columns import take
from graph.shred import shred
from policy.compile import Program
from policy.evaluate import Lookups, Related, evaluate
from policy.interpret import violates
from policy.tree import Truth
from tests.unit.policy.resources import NOW, program, resource
from tests.unit.policy.test_existence import GATE, GROUP, IS_GATE, LOGS, SUBSCRIPTION, gate, item, looking

VERDICTS = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}


def joined(
    compiled: Program,
    triggers: list[ConfigurationItem],
    related: list[ConfigurationItem],
    *,
    is_read: bool = True,
    lookups: Lookups | None = None,
    cuts: int = 1,
) -> list[int]:
    """What columns say, with the related resources in so many tables."""
    assert compiled.existence is not None
    tables = tuple(shred(related[at::cuts], compiled.existence.paths) for at in range(cuts))
    found = evaluate(
        compiled, shred(triggers, compiled.paths), now=NOW, lookups=lookups, related=Related(tables, is_read=is_read)
    )
    return [int(verdict) for verdict in found]


def interpreted(compiled: Program, triggers: list[ConfigurationItem], related: list[ConfigurationItem]) -> list[int]:
    truths = [violates(compiled.condition, compiled.existence, one, related, NOW) for one in triggers]
    return [int(VERDICTS[truth]) for truth in truths]


def test_absence_proves_nothing_where_the_type_was_not_read() -> None:
    other = resource({"id": f"{GROUP}/providers/Contoso.Net/gates/h", "type": "Contoso.Net/gates"})
    below = [item(f"{GATE}/{LOGS}/a")]
    child = looking("Contoso.Net/gates/bolts")
    assert joined(child, [gate()], []) == [Verdict.VIOLATION]
    assert joined(child, [gate()], [], is_read=False) == [Verdict.UNKNOWN]
    assert joined(looking(), [gate()], below, is_read=False) == [Verdict.COMPLIANT]
    assert joined(looking(), [other], below, is_read=False) == [Verdict.UNKNOWN]
    assert evaluate(child, shred([gate()], child.paths), now=NOW).tolist() == [Verdict.UNKNOWN]


def test_what_was_read_can_differ_from_row_to_row() -> None:
    compiled = looking("Contoso.Net/gates/bolts")
    gates = shred([gate(), gate()], compiled.paths)
    related = Related((), np.array([True, False]))
    assert evaluate(compiled, gates, now=NOW, related=related).tolist() == [Verdict.VIOLATION, Verdict.UNKNOWN]


def test_a_condition_that_never_holds_looks_for_nothing() -> None:
    compiled = looking("Contoso.Log/settings", {"field": "type", "equals": "Contoso.Net/other"})
    assert joined(compiled, [gate()], []) == [Verdict.COMPLIANT]


def test_places_are_kept_beside_the_columns() -> None:
    compiled, lookups = looking(), Lookups()
    related = Related((shred([item(f"{GATE}/{LOGS}/a")], compiled.existence.paths),), is_read=True)  # type: ignore[union-attr]
    gates = shred([gate()], compiled.paths)
    answers = {int(evaluate(compiled, gates, now=NOW, lookups=lookups, related=related)[0]) for _ in range(2)}
    assert answers == {Verdict.COMPLIANT}
    assert len(lookups.places) == 1


def test_rows_of_a_table_are_taken_with_the_elements_of_their_arrays() -> None:
    documents: list[dict[str, Json]] = [
        {"name": "a", "r": [{"x": 1, "s": [1, 2]}, {"x": 2}]},
        {"name": "b"},
        {"name": "c", "r": [{"x": 3, "s": [3]}]},
    ]
    items = [resource(document, unread=("r",) if document["name"] == "b" else ()) for document in documents]
    paths = ["@name", "r[*].x", "r[*].s[*]"]
    rows = [2, 0, 1, 2]
    got, wanted = take(shred(items, paths), np.array(rows)), shred([items[row] for row in rows], paths)
    for path in ("@name",):
        assert [got.columns[path].value(at) for at in range(4)] == [wanted.columns[path].value(at) for at in range(4)]
    outer, expected = got.children["r[*]"], wanted.children["r[*]"]
    for child, same in ((outer, expected), (outer.children["r[*].s[*]"], expected.children["r[*].s[*]"])):
        assert child.size == same.size
        assert child.parents.tolist() == same.parents.tolist()
        assert child.states.tolist() == same.states.tolist()
        for path, column in child.columns.items():
            assert [column.value(at) for at in range(child.size)] == [
                same.columns[path].value(at) for at in range(child.size)
            ]
    assert take(got, np.zeros(0, np.int64)).children["r[*]"].size == 0


PLACES = st.sampled_from(
    [
        f"{GATE}/{LOGS}/a",
        f"{GATE.upper()}/{LOGS}/B",
        f"{GROUP}/{LOGS}/a",
        f"{SUBSCRIPTION}/resourceGroups/H/{LOGS}/a",
        f"{SUBSCRIPTION}/{LOGS}/a",
        "",
    ]
)
BOLTS = st.sampled_from([f"{GATE}/bolts/a", f"{GROUP}/providers/Contoso.Net/gates/h/bolts/B"])
TRIGGERS = st.sampled_from([GATE, f"{GROUP}/providers/Contoso.Net/gates/h", SUBSCRIPTION, ""])
WORDS = st.sampled_from(["a", "b", "H"])
NAMES = st.sampled_from(["a", "b/?", "[field('name')]", "[field('tags.want')]", "[utcNow('yyyy')]"])
GROUPS = st.sampled_from(["h", "[field('tags.home')]", "[resourceGroup().name]"])
INNER: list[Json] = [
    {"field": "location", "equals": "a"},
    {"field": "location", "equals": "[field('location')]"},
    {"not": {"field": "tags.home", "equals": "[field('tags.home')]"}},
    {"field": "properties.r[*].x", "equals": "[field('name')]"},
    {"count": {"field": "properties.r[*]", "where": {"field": "properties.r[*].x", "equals": 1}}, "greater": 0},
    {"value": "[field('name')]", "equals": "a"},
]
CONDITIONS = st.one_of(
    st.sampled_from(INNER), st.builds(lambda one, two: {"anyOf": [one, two]}, *(st.sampled_from(INNER),) * 2)
)
DETAILS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Contoso.Log/settings", "Contoso.Net/gates/bolts"])},
    optional={
        "name": NAMES,
        "resourceGroupName": GROUPS,
        "existenceScope": st.sampled_from(["resourceGroup", "subscription"]),
        "existenceCondition": CONDITIONS,
    },
)
UNREAD = st.sampled_from([(), ("*",), ("tags", "properties")])


@st.composite
def documents(draw: st.DrawFn, uids: st.SearchStrategy[str], kind: str) -> ConfigurationItem:
    uid = draw(uids)
    elements = st.lists(st.fixed_dictionaries({}, optional={"x": st.sampled_from([1, "a", "b"])}), max_size=2)
    body: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {"properties": st.fixed_dictionaries({}, optional={"r": elements})},
            optional={
                "location": WORDS,
                "tags": st.fixed_dictionaries({}, optional={"home": WORDS, "want": WORDS}),
                "name": WORDS,
            },
        )
    )
    return resource({"id": uid, "type": kind, **body}, unread=draw(UNREAD))


@settings(max_examples=400, deadline=None)
@given(DETAILS, st.data(), st.integers(1, 2), st.booleans())
def test_joins_and_the_interpreter_agree_on_every_pair(
    details: dict[str, Json], data: st.DataObject, cuts: int, is_narrow: bool
) -> None:
    condition: Json = {"field": "location", "exists": True} if is_narrow else IS_GATE
    compiled = program(condition, effect="deployIfNotExists", details=details)
    kind = str(details["type"])
    related = data.draw(st.lists(documents(PLACES if "Log" in kind else BOLTS, kind), max_size=4))
    triggers = data.draw(st.lists(documents(TRIGGERS, "Contoso.Net/gates"), min_size=1, max_size=4))
    assert joined(compiled, triggers, related, cuts=cuts) == interpreted(compiled, triggers, related)


@pytest.mark.parametrize("is_read", [True, False])
def test_nothing_is_asked_where_nothing_is_related(is_read: bool) -> None:
    compiled = looking(name="[field('tags.want')]")
    assert joined(compiled, [gate()], [], is_read=is_read) == [Verdict.VIOLATION if is_read else Verdict.UNKNOWN]
