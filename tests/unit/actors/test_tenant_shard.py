"""A shard as a plain class over real stores: steps of a scan, answers, and what a restart leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.folders import Folders
from actors.messages import EVERYTHING, ScanRequest, ScenarioKind, SimulationRequest
from actors.simulation import Simulation, simulation_id
from actors.tenant_shard import TenantShard
from connectors.files import read_inputs
from domain.errors import InputError, NotFound, UnavailableError
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.duckdb import DuckDbStore
from graph.stores.memory import MemoryStore

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2026, 1, 15, tzinfo=UTC)
GROUP = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/shop"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/shopdata"
POLICY = "pcg-azure-storage-secure-transfer"
RULE = {
    "if": {
        "allOf": [
            {"field": "type", "equals": "Microsoft.Storage/storageAccounts"},
            {"field": "Made.Up/storageAccounts/color", "equals": "red"},
        ]
    },
    "then": {"effect": "audit"},
}
ALIAS_ROW = {
    "provider": "Microsoft.Storage",
    "resourceType": "storageAccounts",
    "apiVersions": ["2025-01-01"],
    "aliases": {"Made.Up/storageAccounts/color": "properties.color"},
}


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[TenantShard]:
    opened = TenantShard(Folders(tmp_path / "store"), DuckDbStore)
    yield opened
    opened.close()


@pytest.fixture
def request_of_scan(tmp_path: Path) -> ScanRequest:
    export(tmp_path, supportsHttpsTrafficOnly=False, color="red")
    return ScanRequest(ACME, (str(tmp_path / "exports"),), NOW)


def export(folder: Path, **properties: object) -> None:
    document = {
        "id": ACCOUNT,
        "type": "Microsoft.Storage/storageAccounts",
        "name": "shopdata",
        "location": "westeurope",
    }
    (folder / "exports").mkdir(exist_ok=True)
    (folder / "exports" / "storage.json").write_text(json.dumps({**document, "properties": properties}))


def scan(shard: TenantShard, request: ScanRequest, ticket: str = "t") -> dict[str, Any]:
    shard.ingest(request.tenant, ticket, request, read_inputs(request.paths, tenant=request.tenant))
    shard.assess(request.tenant, ticket)
    return dict(shard.conclude(request.tenant, ticket, None))


def violated(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["policy_id"]: row for row in document["violations"]}


def test_the_same_scan_again_is_the_same_scan(shard: TenantShard, request_of_scan: ScanRequest) -> None:
    first = scan(shard, request_of_scan)
    assert scan(shard, request_of_scan) == first


def test_a_step_after_a_restart_says_that_the_scan_was_interrupted(
    shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path
) -> None:
    shard.ingest(ACME, "t", request_of_scan, read_inputs(request_of_scan.paths, tenant=ACME))
    shard.close()
    restarted = TenantShard(Folders(tmp_path / "store"), DuckDbStore)
    with pytest.raises(UnavailableError) as refusal:
        restarted.assess(ACME, "t")
    assert refusal.value.facts["is_interrupted"]
    assert scan(restarted, request_of_scan)["resources"]["total"] == 1
    restarted.close()


def test_what_the_former_scan_had_is_not_new(shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path) -> None:
    scan(shard, request_of_scan)
    export(tmp_path, supportsHttpsTrafficOnly=False, minimumTlsVersion="TLS1_0")
    later = violated(scan(shard, replace(request_of_scan, as_of=NOW + timedelta(days=1))))
    assert not later[POLICY]["is_new"]
    assert later[POLICY]["first_found"] == "2026-01-15T00:00:00Z"


def test_a_scan_with_other_filters_makes_nothing_new(shard: TenantShard, request_of_scan: ScanRequest) -> None:
    scan(shard, request_of_scan)
    scan(shard, replace(request_of_scan, as_of=NOW + timedelta(days=1), type="No.Such/type"))
    third = violated(scan(shard, replace(request_of_scan, as_of=NOW + timedelta(days=2))))
    assert not third[POLICY]["is_new"]


def test_a_scan_judges_what_it_read_and_the_graph_keeps_everything(
    shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path
) -> None:
    scan(shard, request_of_scan)
    other = tmp_path / "other.json"
    other.write_text((tmp_path / "exports" / "storage.json").read_text().replace("shopdata", "logs"))
    assert scan(shard, replace(request_of_scan, paths=(str(other),)))["resources"]["total"] == 1
    assert shard.analysis(ACME, as_of=NOW, filters=EVERYTHING)["resources"] == 2


def test_another_tenant_sees_nothing(shard: TenantShard, request_of_scan: ScanRequest) -> None:
    scan(shard, request_of_scan)
    assert shard.analysis(GLOBEX, as_of=NOW, filters=EVERYTHING)["resources"] == 0
    with pytest.raises(NotFound):
        shard.document(GLOBEX)
    with pytest.raises(NotFound):
        shard.explain(GLOBEX, ACCOUNT, POLICY, as_of=NOW)
    with pytest.raises(NotFound):
        shard.timeline(GLOBEX, ACCOUNT, as_of=NOW)


def test_a_timeline_has_changes_of_every_scan(shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path) -> None:
    scan(shard, request_of_scan)
    export(tmp_path, supportsHttpsTrafficOnly=True)
    scan(shard, replace(request_of_scan, as_of=NOW + timedelta(days=1)))
    points = shard.timeline(ACME, ACCOUNT, as_of=NOW + timedelta(days=2))["points"]
    assert next(point["at"] for point in points if point["moment"] == "change") == "2026-01-15T00:00:00Z"


def test_imported_definitions_are_judged_by_with_the_aliases_they_came_with(
    shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path
) -> None:
    definitions, aliases = tmp_path / "own.json", tmp_path / "aliases.json"
    definitions.write_text(json.dumps({"name": "no-red", "properties": {"mode": "All", "policyRule": RULE}}))
    aliases.write_text(json.dumps([ALIAS_ROW]))
    assert shard.import_definitions(ACME, definitions, [])[0]["state"] == "missing_alias"
    assert shard.import_definitions(ACME, definitions, [aliases])[0]["state"] == "runs"
    aliases.unlink()
    found = scan(shard, replace(request_of_scan, policies=("imported",)))
    assert list(violated(found)) == ["no-red"]
    assert shard.explain(ACME, ACCOUNT, "no-red", as_of=NOW)["verdict"] == "violation"
    assert shard.definition(ACME, "NO-RED")["properties"]["policyRule"]["if"] == RULE["if"]
    with pytest.raises(NotFound):
        shard.definition(GLOBEX, "no-red")


def test_a_policy_that_the_last_scan_read_from_a_file_can_be_explained(
    shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path
) -> None:
    rule = {"if": {"field": "location", "equals": "westeurope"}, "then": {"effect": "audit"}}
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"name": "not-west", "properties": {"policyRule": rule}}))
    scan(shard, replace(request_of_scan, policies=(str(own),)))
    assert shard.explain(ACME, ACCOUNT, "not-west", as_of=NOW)["verdict"] == "violation"


def test_a_folder_without_definitions_is_refused(
    shard: TenantShard, request_of_scan: ScanRequest, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as refusal:
        scan(shard, replace(request_of_scan, policies=(str(tmp_path / "empty"),)))
    assert refusal.value.facts["where"] == str(tmp_path / "empty")


def test_a_scenario_travels_without_documents_and_gives_what_the_scan_gave(
    shard: TenantShard, request_of_scan: ScanRequest
) -> None:
    scan(shard, request_of_scan)
    request = SimulationRequest(ACME, ScenarioKind.REMOVE_POLICY, POLICY, NOW)
    estate, scenario = shard.scenario(ACME, request)
    assert all(not item.properties for item in estate.items)
    assert Simulation().run(request, (estate, scenario)).closed == (ACCOUNT,)


def test_assigning_what_is_in_force_opens_nothing_and_another_version_does(
    shard: TenantShard, request_of_scan: ScanRequest
) -> None:
    scan(shard, request_of_scan)
    same = SimulationRequest(ACME, ScenarioKind.ASSIGN_POLICY, POLICY, NOW)
    assert Simulation().run(same, shard.scenario(ACME, same)).opened == ()
    rule: Json = {"if": {"field": "location", "equals": "westeurope"}, "then": {"effect": "deny"}}
    stricter = replace(same, policy={"name": POLICY, "properties": {"policyRule": rule}})
    assert Simulation().run(stricter, shard.scenario(ACME, stricter)).opened == (ACCOUNT,)
    assert simulation_id(same) != simulation_id(stricter)


def test_a_scenario_that_needs_parameters_says_so(shard: TenantShard, request_of_scan: ScanRequest) -> None:
    scan(shard, request_of_scan)
    rule = {"if": {"field": "location", "equals": "[parameters('place')]"}, "then": {"effect": "deny"}}
    properties: dict[str, Any] = {"policyRule": rule, "parameters": {"place": {"type": "String"}}}
    request = SimulationRequest(ACME, ScenarioKind.ASSIGN_POLICY, {"name": "p", "properties": properties}, NOW)
    with pytest.raises(InputError, match="cannot run"):
        Simulation().run(request, shard.scenario(ACME, request))
    given = replace(request, parameters={"place": "westeurope"})
    assert Simulation().run(given, shard.scenario(ACME, given)).opened == (ACCOUNT,)


def test_any_store_will_do(tmp_path: Path, request_of_scan: ScanRequest) -> None:
    shard = TenantShard(Folders(tmp_path / "memory"), lambda _, tenant: MemoryStore(tenant))
    assert POLICY in violated(scan(shard, request_of_scan))
    assert shard.ping() == "ok"
