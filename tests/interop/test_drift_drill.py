"""A real drill: Terraform applies an estate to a server, somebody changes it behind its back, and both are asked.

Skipped by name where Terraform or its AWS provider is absent (see `tests.servers.terraform`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import pytest

from actors.drift_desk import TOPIC, DriftDesk
from actors.drift_pages import DriftQuery
from actors.policy_catalogue import builtin_policies
from assessment.inputs import AssessedPolicy
from connectors.baseline.read import read_baselines
from connectors.files import read_inputs
from connectors.stream.memory import MemoryFeed
from domain.drift import Baseline
from domain.finding import Severity
from domain.inventory import Inventory
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from graph.drift.detect import Coverage, detect
from graph.stores.memory import MemoryStore
from tests.interop.collect_aws import collect
from tests.interop.drift_changes import PLANTED
from tests.interop.drift_explained import AspectOf, explained
from tests.servers.moto import moto
from tests.servers.terraform import Terraform, absence

TENANT = TenantId("acme")
ESTATE = Path(__file__).parent / "drift_estate"
DETECTED_S_MAX = 5.0

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(absence("hashicorp/aws")), reason=absence("hashicorp/aws") or "-"),
]


class Rules:
    """What judges the estate: the built-in policies."""

    def of(self, sources: Sequence[str]) -> tuple[AssessedPolicy, ...]:
        return builtin_policies()


class Estate:
    """A tenant's resources in a store, as the desk asks for them."""

    def __init__(self) -> None:
        self.tenant = TENANT
        self.store = MemoryStore(TENANT)
        self.policies = Rules()

    def items(self) -> tuple[ConfigurationItem, ...]:
        return self.store.items()


@dataclass(frozen=True, slots=True)
class Drill:
    """What the drill came to."""

    baseline: Baseline
    before: Inventory
    after: Inventory
    told: list[dict[str, Any]]
    detected_s: float
    plan: dict[str, Any]
    shown: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    shutil.copy(ESTATE / "main.tf", folder / "main.tf")
    with moto(folder) as endpoint:
        terraform = Terraform(folder, {"endpoint": endpoint})
        terraform.init()
        terraform.apply()
        baseline = read_baselines([str(terraform.state)], name="drill")[0]
        before = _collected(endpoint, folder / "before.ndjson")
        ids = _ids(orjson.loads(terraform.state.read_bytes()))
        feed, estate = MemoryFeed(), Estate()
        estate.store.put_inventory(before, "account", datetime.now(UTC))
        desk = DriftDesk(estate, folder / "desk", feed.append)
        assert not desk.declare([baseline], datetime.now(UTC)), "nothing drifts before anything was changed"
        for planted in PLANTED:
            planted.do(endpoint, ids)
        after = _collected(endpoint, folder / "after.ndjson")
        begun_s = monotonic()
        applied = estate.store.put(after, "account", datetime.now(UTC))
        desk.observe(applied.changes, datetime.now(UTC))
        told = [orjson.loads(each.payload) for each in feed.read(TENANT, TOPIC, "")]
        detected_s = monotonic() - begun_s
        page = desk.active(DriftQuery(limit=1_000), datetime.now(UTC))
        shown = {str(row["resource_id"]): row for row in page.items}
        yield Drill(baseline, before, after, told, detected_s, terraform.shown_plan("-refresh-only"), shown)


def _collected(endpoint: str, file: Path) -> Inventory:
    collect(endpoint, file)
    inventory = read_inputs([str(file)], tenant=TENANT).inventory
    assert inventory.is_complete, inventory.gaps
    return inventory


def _ids(state: dict[str, Any]) -> dict[str, str]:
    found = {}
    for row in state["resources"]:
        values = row["instances"][0]["attributes"]
        is_arn = row["type"] in {"aws_iam_policy", "aws_sns_topic"}
        found[f"{row['type']}.{row['name']}"] = values["arn"] if is_arn else values["id"]
    return found


def test_an_unchanged_estate_does_not_drift(drill: Drill) -> None:
    found = detect(TENANT, [drill.baseline], drill.before.items, Coverage(is_everything=True))
    assert found == ()


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_every_change_is_found(drill: Drill, planted: Any) -> None:
    found = [
        row["drift"]
        for row in drill.told
        if row["drift"]["kind"] == planted.kind and planted.address == _place(row["drift"])
    ]
    assert len(found) == 1, [row["drift"] for row in drill.told]
    if planted.path:
        paths = [attribute["path"] for attribute in found[0]["attributes"]]
        assert any(path.startswith(planted.path) for path in paths), paths


def test_nothing_but_the_changes_is_found(drill: Drill) -> None:
    allowed = {(planted.kind, planted.address) for planted in PLANTED} | {("unmanaged", "everything")}
    found = {(row["drift"]["kind"], _place(row["drift"])) for row in drill.told}
    assert found <= allowed, found - allowed


def test_drift_is_told_within_five_seconds_of_the_collection(drill: Drill) -> None:
    assert drill.detected_s <= DETECTED_S_MAX


def test_severity_comes_from_the_policies_that_read_the_attribute(drill: Drill) -> None:
    by_address = {row["address"]: row for row in drill.shown.values()}
    open_group, log_group = by_address["aws_security_group.web"], by_address["aws_cloudwatch_log_group.app"]
    assert Severity(open_group["severity"]).rank <= Severity.HIGH.rank
    assert open_group["policies"]
    assert by_address["aws_sns_topic.alerts"]["severity"] == "low"
    assert log_group["severity"] in set(Severity)


def test_every_difference_from_terraform_is_explained(drill: Drill) -> None:
    ours = {
        (row["drift"]["address"], attribute["path"])
        for row in drill.told
        for attribute in row["drift"]["attributes"] or [{"path": ""}]
        if row["drift"]["kind"] != "unmanaged"
    }
    theirs = list(_terraform_drifts(drill.plan))
    unexplained = [each for each in theirs if not explained(each, ours)]
    assert unexplained == []
    places = [AspectOf.of(each) for each in theirs]
    only_ours = {
        (address, path)
        for address, path in ours
        if not any(address == place.address and path.startswith(place.start) for place in places)
    }
    assert only_ours == set(), "what only we say, Terraform must have seen as well"


def _place(drift: dict[str, Any]) -> str:
    """A resource's address, or its name where nothing declares it."""
    return str(drift["address"] or drift["resource_id"].replace("/", ":").rpartition(":")[2])


def _terraform_drifts(plan: dict[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """Address, attribute, before and after of every difference; of a resource that is gone, one row."""
    for row in plan.get("resource_drift", []):
        before, after = row["change"]["before"], row["change"]["after"]
        if after is None:
            yield row["address"], "", before, None
            continue
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield row["address"], name, before.get(name), after.get(name)
