"""Assignments, initiatives and exemptions as tests need them."""

from __future__ import annotations

from typing import Any

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from policy.assignment import Assignment, parse_assignment

SUBSCRIPTION = "/subscriptions/S-1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/web"
MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/corp"
DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/gate"


def assignment_document(name: str = "a", scope: str = SUBSCRIPTION, **properties: Any) -> dict[str, Any]:
    """An assignment as Azure exports it."""
    return {
        "id": f"{scope.rstrip('/')}/providers/Microsoft.Authorization/policyAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/policyAssignments",
        "properties": {"policyDefinitionId": DEFINITION, "scope": scope, **properties},
    }


def assignment(name: str = "a", scope: str = SUBSCRIPTION, **properties: Any) -> Assignment:
    return parse_assignment(assignment_document(name, scope, **properties), origin="a.json")


def initiative_document(*members: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """An initiative as Azure exports it."""
    return {"name": "set", "properties": {"policyDefinitions": list(members), **properties}}


def exemption_document(assigned: Assignment, scope: str = GROUP, **properties: Any) -> dict[str, Any]:
    """An exemption as Azure exports it."""
    inner = {"policyAssignmentId": assigned.assignment_id, "exemptionCategory": "Waiver", **properties}
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/policyExemptions/e",
        "name": "e",
        "properties": inner,
    }


def item(
    uid: str,
    kind: str = "Contoso.Net/gates",
    scope: str = "",
    provider: Provider = Provider.AZURE,
    region: str = "westeurope",
    **properties: Any,
) -> ConfigurationItem:
    """A resource of any cloud."""
    return ConfigurationItem(
        tenant=TenantId("t"),
        uid=ResourceId(uid),
        provider=provider,
        type=kind,
        name=uid.rpartition("/")[2],
        scope=scope,
        region=region,
        tags={},
        properties=properties,
        captured_at=None,
        digest="",
        origin=Origin("export.json"),
    )
