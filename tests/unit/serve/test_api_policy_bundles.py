"""Policies as code over HTTP: the same face as in this process, every tenant for itself, every refusal a problem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from actors.messages import AssignmentChange, BundleOrder, ScanRequest
from domain.errors import ConflictError, InputError, NotFound
from domain.tenancy import TenantId
from serve.remote import RemotePlatform
from serve.remote_bundles import RemoteBundles
from serve.run_file import RunningPlatform
from tests.unit.policy.governance import assignment_document
from tests.unit.serve.api_fixture import GROUP, NOW, OPERATOR_KEY, Api
from tests.unit.serve.over_http import sent_to

NUMBERS = count(1)
POLICY = "pcg-azure-storage-secure-transfer"


def files(version: str = "1.0.0", scope: str = GROUP, **properties: Any) -> dict[str, Any]:
    return {
        "bundle.json": {"name": "web", "version": version},
        "assignments/https.json": assignment_document("https", scope, policyDefinitionId=POLICY, **properties),
    }


@dataclass(frozen=True, slots=True)
class World:
    """A client whose requests go to the application, and a tenant with two accounts without encryption."""

    platform: RemotePlatform
    tenant: TenantId

    @property
    def bundles(self) -> RemoteBundles:
        return self.platform.bundles

    def order(self, version: str = "1.0.0", **more: Any) -> BundleOrder:
        return BundleOrder(self.tenant, files(version, **more), NOW, by="role:lead")


@pytest.fixture
def world(api: Api, monkeypatch: pytest.MonkeyPatch) -> World:
    sent_to(api, monkeypatch)
    found = World(RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY)), TenantId(f"bundles{next(NUMBERS)}"))
    request = ScanRequest(found.tenant, (str(api.folder / "exports"),), NOW, policies=("builtin", "applied"))
    found.platform.scan(request)
    return found


def test_a_bundle_is_tested_planned_applied_and_taken_back(world: World) -> None:
    bundles = world.bundles
    assert bundles.check(world.order())["failed"] == 0
    plan = bundles.plan(world.order(), tries=True)
    assert (plan["what_if"]["opened"], plan["base"]["revision"]) == (2, 0)

    first = bundles.apply(replace(world.order(), base_state=plan["base"]["state"], commit="3f2a9c1"))
    assert (first["revision"], first["is_changed"]) == (1, True)
    assert bundles.apply(world.order())["is_changed"] is False
    assert bundles.plan(world.order("1.1.0", scope="/subscriptions/none"), tries=True)["what_if"]["closed"] == 2
    assert bundles.apply(world.order("1.1.0", scope="/subscriptions/none"))["revision"] == 2
    back = bundles.roll_back(world.tenant, 1, by="role:lead", at=NOW)

    assert (back["action"], back["of_revision"]) == ("rolled_back", 1)
    assert [row["revision"] for row in bundles.history(world.tenant)] == [3, 2, 1]
    assert bundles.history(TenantId("other")) == ()


def test_refusals_are_the_errors_that_they_are_here(world: World) -> None:
    bundles = world.bundles
    bundles.apply(world.order())

    with pytest.raises(ConflictError, match="another state"):
        bundles.apply(replace(world.order("2.0.0"), base_state="0" * 64))
    with pytest.raises(ConflictError, match="other documents"):
        bundles.apply(world.order(scope="/"))
    with pytest.raises(InputError, match="not known") as unknown:
        bundles.plan(BundleOrder(world.tenant, {**files("3.0.0"), **_lost()}, NOW), tries=False)
    assert unknown.value.facts["got"] == ["gone in assignments/lost.json"]
    with pytest.raises(NotFound):
        bundles.roll_back(world.tenant, 7, by="role:lead", at=NOW)
    with pytest.raises(InputError):
        bundles.check(BundleOrder(world.tenant, {"bundle.json": {}}, NOW))


def _lost() -> dict[str, Any]:
    return {"assignments/lost.json": assignment_document("lost", policyDefinitionId="/x/policyDefinitions/gone")}


def test_assignments_are_tried_before_they_are_made(world: World) -> None:
    quiet = assignment_document("quiet", GROUP, policyDefinitionId=POLICY, enforcementMode="DoNotEnforce")

    found = world.bundles.what_if(AssignmentChange(world.tenant, NOW, (quiet,)))

    assert (found["opened"], found["policies"][0]["enforcement_after"]) == (2, "DoNotEnforce")
    assert world.bundles.history(world.tenant) == ()
    with pytest.raises(NotFound):
        world.bundles.what_if(AssignmentChange(world.tenant, NOW, remove=("quiet",)))


def test_what_is_assigned_is_what_questions_between_scans_are_answered_by(world: World, api: Api) -> None:
    world.bundles.apply(world.order(scope=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/shoplogs"))
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}", "PolicyCortex-Tenant": world.tenant}

    def closed(kind: str) -> list[str]:
        body = {"kind": kind, "policy": POLICY, "as_of": "2026-01-15T12:00:00Z"}
        started = api.client.post("/api/v2/simulator/run", json=body, headers=headers).json()
        result: dict[str, Any] = api.wait(headers, started["operation_id"])["result"]
        return [name.rpartition("/")[2] for name in result["closed"]]

    assert closed("remove_policy") == ["shoplogs"]
