"""The synthetic estate against the own policies: most settings are right, and some become wrong within the week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connectors.estate import write_estate
from connectors.files import read_inputs
from domain.finding import Severity
from domain.resource import ConfigurationItem
from domain.tenancy import tenant_id
from graph.references import find_references
from graph.shred import shred
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.evaluate import evaluate
from policy.pack import PackPolicy, load_pack

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
RESOURCES = 2_000
WRONG, UNKNOWN = 1, 2


@dataclass
class Outcome:
    """What a policy says of the estate."""

    policy: PackPolicy
    resources: int = 0
    wrong: int = 0
    unknown: int = 0


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> tuple[ConfigurationItem, ...]:
    folder = tmp_path_factory.mktemp("estate") / "made"
    write_estate(folder, resources=RESOURCES, tenants=1, days=0, seed=1, as_of=AS_OF)
    return read_inputs([str(folder / "demo")], tenant=tenant_id("demo")).inventory.items


@pytest.fixture(scope="module")
def programs() -> list[tuple[PackPolicy, Program]]:
    aliases = AliasTable.builtin()
    return [(policy, compile_definition(policy.definition, aliases)) for policy in load_pack()]


@pytest.fixture(scope="module")
def outcomes(items: tuple[ConfigurationItem, ...], programs: list[tuple[PackPolicy, Program]]) -> dict[str, Outcome]:
    found = {str(policy.policy_id): Outcome(policy) for policy, _ in programs}
    for policy, _, verdicts in judged(items, programs, AS_OF):
        outcome = found[policy.policy_id]
        outcome.resources += len(verdicts)
        outcome.wrong += verdicts.count(WRONG)
        outcome.unknown += verdicts.count(UNKNOWN)
    return found


def judged(
    items: tuple[ConfigurationItem, ...], programs: list[tuple[PackPolicy, Program]], now: datetime
) -> Iterator[tuple[PackPolicy, list[ConfigurationItem], list[int]]]:
    by_type: dict[str, list[ConfigurationItem]] = {}
    for item in items:
        by_type.setdefault(item.type.lower(), []).append(item)
    for kind, members in by_type.items():
        wanted = [(policy, program) for policy, program in programs if program.applies_to(kind, members[0].provider)]
        table = shred(members, frozenset().union(*(program.paths for _, program in wanted)))
        for policy, program in wanted:
            yield policy, members, evaluate(program, table, now=now).tolist()


def test_most_policies_find_resources_to_judge(outcomes: dict[str, Outcome]) -> None:
    assert sum(outcome.resources > 0 for outcome in outcomes.values()) > len(outcomes) * 0.9


def test_most_settings_are_right(outcomes: dict[str, Outcome]) -> None:
    share = sum(each.wrong for each in outcomes.values()) / sum(each.resources for each in outcomes.values())
    assert 0.02 < share < 0.12


def test_no_policy_condemns_half_of_what_it_judges(outcomes: dict[str, Outcome]) -> None:
    condemning = [name for name, each in outcomes.items() if each.resources >= 20 and each.wrong > each.resources / 2]
    assert condemning == []


def test_critical_findings_are_few_but_there_are_some(outcomes: dict[str, Outcome]) -> None:
    critical = sum(each.wrong for each in outcomes.values() if each.policy.severity is Severity.CRITICAL)
    assert 3 <= critical <= 40


def test_little_is_unknown(outcomes: dict[str, Outcome]) -> None:
    unknown = sum(each.unknown for each in outcomes.values())
    assert 0 < unknown < 0.01 * sum(each.resources for each in outcomes.values())


def test_some_things_expire_on_different_days_of_the_week(
    items: tuple[ConfigurationItem, ...], programs: list[tuple[PackPolicy, Program]]
) -> None:
    dated = [(policy, program) for policy, program in programs if program.is_time_dependent]
    seen = {key for key, wrong in states(items, dated, AS_OF) if wrong}
    by_day: Counter[int] = Counter()
    for day in range(1, 8):
        now_wrong = {key for key, wrong in states(items, dated, AS_OF + timedelta(days=day)) if wrong}
        by_day[day] = len(now_wrong - seen)
        seen |= now_wrong
    assert 10 <= by_day.total() <= 40
    assert sum(count > 0 for count in by_day.values()) >= 5


def states(
    items: tuple[ConfigurationItem, ...], programs: list[tuple[PackPolicy, Program]], now: datetime
) -> Iterator[tuple[tuple[str, str], bool]]:
    for policy, members, verdicts in judged(items, programs, now):
        for item, verdict in zip(members, verdicts, strict=True):
            yield (policy.policy_id, item.uid), verdict == WRONG


def test_what_a_resource_names_is_there(items: tuple[ConfigurationItem, ...]) -> None:
    found = find_references(items)
    assert len(found.sources) > len(items)
    assert len(found.dangling) < len(items) * 0.01
