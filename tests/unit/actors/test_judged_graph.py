"""The graph judged between changes: equal to judging everything anew, and only what changed is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from threading import Event
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from numpy.typing import NDArray

from actors.judged_graph import FRESH, ITEM_BYTES, JudgedGraph
from actors.messages import EVERYTHING, Filters
from actors.policy_catalogue import Chosen
from assessment.applying import with_masks
from assessment.document import scan_document
from assessment.inputs import AssessedPolicy, AssessmentInputs, required_paths
from assessment.result import Assessment
from assessment.scan import assess
from domain.change import ChangeEvent
from domain.resource import ConfigurationItem, ResourceId, resource_key
from graph.build import build_snapshot
from graph.columns import Table
from graph.live import LiveGraph
from graph.stores.contract import Changes
from graph.stores.memory import MemoryStore
from graph.view import GraphView
from policy.compile import Program
from policy.evaluate import evaluate
from tests.unit.assessment.estate import AS_OF, TENANT, registry
from tests.unit.assessment.gates import GATES, LOGS, POLICIES, UNPROVEN, policy, registries, some_item
from tests.unit.assessment.test_assigned import OTHER_GROUP, assigned, one
from tests.unit.cost.rows import frame, row

ASSIGNED = assigned(one("everywhere"), one("there", OTHER_GROUP))
EXPIRED = policy("expired", {"field": "tags.until", "less": "[utcNow('yyyy-MM-dd')]"})
LOGGED_AND_EXPIRED = policy(
    "logged-late",
    {"field": "type", "equals": GATES},
    {"type": LOGS, "existenceCondition": {"field": "tags.until", "less": "[utcNow('yyyy-MM-dd')]"}},
)
RULES = (*POLICIES, *ASSIGNED, EXPIRED, LOGGED_AND_EXPIRED)
SECOND = timedelta(seconds=1)


class Rules:
    """The policies that judge a tenant."""

    def __init__(self, *policies: AssessedPolicy) -> None:
        self.policies = policies

    def chosen(self, sources: Sequence[str]) -> Chosen:
        return Chosen(self.policies)


class Still:
    """A graph that changes only between questions."""

    @contextmanager
    def settled(self) -> Iterator[None]:
        yield


class Tenant:
    """A tenant's state, as far as judging asks for it; counts the documents that are read."""

    def __init__(self, *items: ConfigurationItem | str, unproven: frozenset[str] = frozenset()) -> None:
        self.tenant, self.store, self.unproven = TENANT, MemoryStore(TENANT), unproven
        self.billing: tuple[pl.DataFrame, ...] = ()
        self.policies, self.updates = Rules(*RULES), Still()
        self.now, self.read, self.judged = AS_OF - timedelta(days=3), 0, 0
        self.live = LiveGraph.from_items(TENANT, (), as_of=AS_OF, documents=self.store.documents, unproven=unproven)
        self.become(*items)
        self.live.fold()
        self.graph = JudgedGraph(self, self._judge)

    def view(self) -> GraphView:
        return self.live.view()

    def items(self) -> Sequence[ConfigurationItem]:
        found = self.store.items()
        self.read += len(found)
        return found

    def documents(self, uids: Sequence[str]) -> Sequence[ConfigurationItem]:
        self.read += len(uids)
        return self.store.documents(uids)

    def changes(self, as_of: datetime) -> Changes:
        return self.store.changes(as_of - timedelta(days=30), as_of)

    def become(self, *states: ConfigurationItem | str) -> None:
        """New states, and ids of what is gone."""
        self.now += SECOND
        events = [_event(each, self.now) for each in states]
        self.live.apply(self.store.apply(events).changes)

    def anew(self, as_of: datetime, filters: Filters = EVERYTHING) -> Assessment:
        """Everything read and judged from the beginning."""
        items = sorted(self.store.items(), key=lambda each: resource_key(each.uid))
        policies = with_masks(self.policies.policies, items)
        paths = required_paths(policies, items)
        snapshot = build_snapshot(TENANT, items, as_of=as_of, paths_by_type=paths, unproven=self.unproven)
        return assess(
            AssessmentInputs(TENANT, as_of, snapshot, items, policies, changes=self.changes(as_of), scope=filters.scope)
        )

    def _judge(self, inputs: AssessmentInputs) -> Assessment:
        self.judged += 1
        return assess(inputs)


def _event(state: ConfigurationItem | str, at: datetime) -> ChangeEvent:
    if isinstance(state, str):
        return ChangeEvent(ResourceId(state), at, None)
    digest = sha256(orjson.dumps(state.properties, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return ChangeEvent(state.uid, at, replace(state, digest=digest))


def gate(name: str, *, is_open: bool) -> ConfigurationItem:
    return registry(name, admin=is_open)


@pytest.mark.parametrize("seed", range(40))
def test_after_any_changes_the_answer_is_that_of_judging_everything_anew(seed: int) -> None:
    chance = Random(seed)
    tenant = Tenant(*_states(chance, 12), unproven=chance.choice(UNPROVEN))
    for day in range(8):
        tenant.become(*_states(chance, chance.randint(0, 4)))
        _disturb(tenant, chance)
        as_of = AS_OF + timedelta(days=chance.choice((day // 2, day)))
        filters = Filters(scope=OTHER_GROUP) if chance.random() < 0.3 else EVERYTHING
        found, wanted = tenant.graph.at(as_of, filters), tenant.anew(as_of, filters)
        assert scan_document(found, None) == scan_document(wanted, None)
        assert _verdicts(found) == _verdicts(wanted)


def test_a_question_reads_the_documents_of_what_changed_and_no_others() -> None:
    tenant = Tenant(*(gate(f"r{number}", is_open=True) for number in range(60)))
    before = tenant.graph.at(AS_OF, EVERYTHING)
    tenant.read = 0
    assert len(tenant.graph.at(AS_OF + SECOND, EVERYTHING).violations) == len(before.violations)
    assert tenant.read == 0
    tenant.become(gate("r7", is_open=False))
    after = tenant.graph.at(AS_OF + SECOND, EVERYTHING)
    assert (tenant.read, len(after.violations)) == (1, len(before.violations) - 1)


def test_a_question_judges_what_changed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(*(gate(f"r{number}", is_open=True) for number in range(60)))
    tenant.policies = Rules(*POLICIES, *ASSIGNED)
    tenant.graph.at(AS_OF, EVERYTHING)
    rows: list[int] = []

    def counting(program: Program, table: Table, **given: Any) -> NDArray[np.uint8]:
        rows.append(table.size)
        return evaluate(program, table, **given)

    monkeypatch.setattr("assessment.kept.evaluate", counting)
    tenant.graph.at(AS_OF + SECOND, EVERYTHING)
    assert rows == [], "nothing has changed, and no policy here asks for the time"
    tenant.become(gate("r7", is_open=False))
    tenant.graph.at(AS_OF + SECOND, EVERYTHING)
    assert set(rows) == {1}


def test_what_is_kept_counts_and_goes_when_the_tenant_is_cooled() -> None:
    tenant = Tenant(*(gate(f"r{number}", is_open=True) for number in range(5)))
    assert tenant.graph.size_bytes == 0
    judged = tenant.graph.at(AS_OF, EVERYTHING)
    assert tenant.graph.size_bytes > 5 * ITEM_BYTES
    assert tenant.graph.size_bytes - 5 * ITEM_BYTES >= sum(len(outcome) for outcome in judged.outcomes)
    tenant.graph.forget()
    assert tenant.graph.size_bytes == 0


def test_the_same_question_is_judged_once_while_nothing_has_changed() -> None:
    tenant = Tenant(gate("a", is_open=True))
    first = tenant.graph.at(AS_OF, EVERYTHING)
    assert tenant.graph.at(AS_OF, EVERYTHING) is first
    tenant.become(gate("a", is_open=False))
    assert tenant.graph.at(AS_OF, EVERYTHING) is not first
    assert tenant.judged == 2


def test_who_asks_about_now_is_answered_by_what_was_found_within_a_minute() -> None:
    tenant = Tenant(gate("a", is_open=True))
    first = tenant.graph.lately(AS_OF)
    assert tenant.graph.lately(AS_OF + FRESH) is first
    assert tenant.graph.lately(AS_OF - SECOND) is first, "the clock of another caller is ahead"
    assert first.inputs.as_of == AS_OF
    tenant.graph.at(AS_OF, Filters(scope=OTHER_GROUP))
    assert tenant.graph.lately(AS_OF + FRESH) is first, "a question about a part does not put out the whole"
    assert tenant.graph.lately(AS_OF + FRESH + SECOND).inputs.as_of == AS_OF + FRESH + SECOND


@pytest.mark.parametrize("disturbed", ["graph", "billing", "policies"])
def test_what_was_found_lately_holds_only_while_nothing_has_changed(disturbed: str) -> None:
    tenant = Tenant(gate("a", is_open=True))
    assert len(tenant.graph.lately(AS_OF).violations) == 1
    match disturbed:
        case "graph":
            tenant.become(gate("a", is_open=False))
        case "billing":
            tenant.billing = (frame(row()),)
        case _:
            tenant.policies = Rules()
            tenant.graph.forget()
    tenant.judged = 0
    found = tenant.graph.lately(AS_OF + SECOND)
    assert (tenant.judged, len(found.violations)) == (1, int(disturbed == "billing"))


def test_callers_together_judge_once_and_while_one_judges_others_get_what_was_found_before() -> None:
    tenant = Tenant(*(gate(f"r{number}", is_open=True) for number in range(20)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: tenant.graph.lately(AS_OF + at * SECOND), range(8)))
    assert (tenant.judged, len(set(map(id, found)))) == (1, 1)
    begun, go_on = Event(), Event()
    judge = tenant.graph._judge

    def slowly(inputs: AssessmentInputs) -> Assessment:
        begun.set()
        assert go_on.wait(20)
        return judge(inputs)

    tenant.graph._judge = slowly
    later = found[0].inputs.as_of + FRESH + SECOND
    with ThreadPoolExecutor(1) as pool:
        anew = pool.submit(tenant.graph.lately, later)
        assert begun.wait(20)
        assert tenant.graph.lately(later) is found[0]
        go_on.set()
        assert anew.result(20).inputs.as_of == later


def test_other_policies_are_judged_by_after_those_before_are_forgotten() -> None:
    tenant = Tenant(gate("a", is_open=True))
    assert len(tenant.graph.at(AS_OF, EVERYTHING).violations) == 1
    tenant.policies = Rules()
    tenant.graph.forget()
    assert len(tenant.graph.at(AS_OF, EVERYTHING).violations) == 0


def test_what_a_collection_could_not_read_is_unknown_and_no_violation() -> None:
    chance = Random(3)
    items = [state for state in _states(chance, 12) if not isinstance(state, str)]
    read, unread = Tenant(*items), Tenant(*items, unproven=frozenset({"*"}))
    whole, part = (tenant.graph.at(AS_OF, EVERYTHING) for tenant in (read, unread))
    assert len(part.unknown) > len(whole.unknown)


def _disturb(tenant: Tenant, chance: Random) -> None:
    """What happens to a tenant beside changes of its resources."""
    match chance.randint(0, 9):
        case 0 | 1:
            tenant.live.fold()
        case 2:
            tenant.policies = Rules(*chance.sample(RULES, chance.randint(0, len(RULES))))
            tenant.graph.forget()
        case 3:
            tenant.unproven = chance.choice(UNPROVEN)
            tenant.live.mark_unproven(tenant.unproven)
        case 4:
            tenant.graph.forget()


def _verdicts(found: Assessment) -> list[tuple[list[int], list[int]]]:
    return [(each.rows.tolist(), each.verdicts.tolist()) for each in found.outcomes]


def _states(chance: Random, count: int) -> list[ConfigurationItem | str]:
    """States of different resources, some of them gone."""
    states: dict[str, ConfigurationItem | str] = {}
    for _ in range(count):
        each = some_item(chance) if chance.random() < 0.7 else registries(chance)
        if not isinstance(each, str):
            until = (AS_OF + timedelta(days=chance.randint(-2, 8))).date().isoformat()
            each = each.uid if chance.random() < 0.3 else replace(each, tags={**each.tags, "until": until})
        states[resource_key(each if isinstance(each, str) else each.uid)] = each
    return list(states.values())
