"""Who may do what in an Azure stack, and the vault with its keys, secrets and certificates."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, child, group_of, hub_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry, past
from domain.clock import format_instant
from domain.value import Json

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
VAULTS = "Microsoft.KeyVault/vaults"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
WORKSPACES = "Microsoft.OperationalInsights/workspaces"

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
"""Ids of the built-in roles, the same in every directory."""


def identity(stack: Stack) -> Iterator[Record]:
    """The workload's identity and its role, then the vault it reads."""
    principal = stack.guid(1)
    body: dict[str, Json] = {"properties": {"principalId": principal, "clientId": stack.guid(2)}}
    yield arm(stack, IDENTITIES, f"id-{stack.name}", body)
    subscription = f"/subscriptions/{stack.place.subscription}"
    yield assignment(stack, 3, principal, READER, scope=group_of(stack))
    role = stack.either(CONTRIBUTOR, OWNER, 0.5)
    scope = stack.either(group_of(stack), subscription, 0.8)
    yield assignment(stack, 4, principal, role, scope=scope)
    yield from _vault(stack)


def vault_id(stack: Stack) -> str:
    """The id of the stack's vault."""
    return f"{group_of(stack)}/providers/{VAULTS}/kv-{stack.short}"


def assignment(stack: Stack, index: int, principal: str, role: str, *, scope: str) -> Record:
    """One role given to one workload."""
    properties: dict[str, Json] = {
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "scope": scope,
        "createdOn": format_instant(past(stack)),
    }
    return child(stack, ASSIGNMENTS, stack.guid(index), properties, scope=scope)


def diagnostics(stack: Stack, target: str) -> Record:
    """Where a resource's logs go: the landing zone's workspace."""
    properties: dict[str, Json] = {
        "workspaceId": hub_id(stack, WORKSPACES, "log"),
        "logs": [{"categoryGroup": "audit", "enabled": stack.either(True, False)}],
        "metrics": [{"category": "AllMetrics", "enabled": True}],
    }
    return child(stack, "Microsoft.Insights/diagnosticSettings", "to-workspace", properties, scope=target)


def _vault(stack: Stack) -> Iterator[Record]:
    vault = f"kv-{stack.short}"
    properties: dict[str, Json] = {
        "tenantId": stack.guid(9),
        "enableSoftDelete": stack.either(True, False, 0.3),
        "enablePurgeProtection": stack.either(True, False, 0.6),
        "enableRbacAuthorization": stack.either(True, False),
        "publicNetworkAccess": stack.either("Disabled", "Enabled", 1.5),
        "networkAcls": {"defaultAction": stack.either("Deny", "Allow", 4), "bypass": "AzureServices"},
        "sku": {"family": "A", "name": "standard"},
        "vaultUri": f"https://{vault}.vault.azure.net/",
    }
    drift: tuple[str, Json] = ("properties.publicNetworkAccess", "Enabled")
    yield arm(stack, VAULTS, vault, {"properties": properties}, cost=4, service="Key Vault", drift=drift)
    yield diagnostics(stack, vault_id(stack))
    yield child(stack, f"{VAULTS}/keys", f"{vault}/key-{stack.name}", {
        "kty": "RSA",
        "keySize": stack.either(3072, 1024, 0.5),
        "attributes": _attributes(stack),
    })  # fmt: skip
    for name in ("database-password", "partner-token")[: stack.random.randint(1, 2)]:
        properties = {"contentType": "text/plain", "attributes": _attributes(stack)}
        yield child(stack, f"{VAULTS}/secrets", f"{vault}/{stack.name}-{name}", properties)
    if stack.has(0.6):
        yield _certificate(stack)


def _attributes(stack: Stack) -> Json:
    attributes: dict[str, Json] = {"enabled": True, "created": int(past(stack).timestamp())}
    if not stack.is_flawed():
        attributes["exp"] = int(expiry(stack).timestamp())
    return attributes


def _certificate(stack: Stack) -> Record:
    body: dict[str, Json] = {
        "properties": {
            "subjectName": f"{stack.application}.example",
            "expirationDate": format_instant(expiry(stack)),
            "issueDate": format_instant(past(stack, days_max=300)),
            "keyVaultId": vault_id(stack),
        }
    }
    return arm(stack, "Microsoft.Web/certificates", f"cert-{stack.name}", body)
