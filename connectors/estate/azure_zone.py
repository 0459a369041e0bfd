"""What the stacks of one Azure subscription share: hub network, logs and their archive, keys, backup, guard rails."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, child, group_of, hub_id, stack_id
from connectors.estate.azure_identity import (
    ASSIGNMENTS,
    CONTRIBUTOR,
    READER,
    WORKSPACES,
    assignment,
    diagnostics,
)
from connectors.estate.azure_network import NETWORKS, RULES, archive_id, subnet_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry, past
from domain.clock import format_instant
from domain.value import Json

_PLANS = ("VirtualMachines", "StorageAccounts", "SqlServers", "KeyVaults", "Containers", "AppServices", "Arm")


def azure_zone(stack: Stack) -> Iterator[Record]:
    """Every shared resource of one subscription; other stacks name them by `hub_id`."""
    name = f"rg-{stack.name}"
    yield arm(stack, "Microsoft.Resources/resourceGroups", name, {"properties": {}}, id_=group_of(stack))
    yield from _network(stack)
    yield from _logs(stack)
    yield from _keys(stack)
    yield _backup(stack)
    yield from _automation(stack)
    yield from _guard_rails(stack)


def _network(stack: Stack) -> Iterator[Record]:
    rules: dict[str, Json] = {"properties": {"provisioningState": "Succeeded", "securityRules": []}}
    yield arm(stack, RULES, f"nsg-{stack.name}", rules)
    subnets: list[Json] = [
        {"id": subnet_id(stack, "GatewaySubnet"), "name": "GatewaySubnet", "properties": {}},
        {"id": subnet_id(stack, "AzureFirewallSubnet"), "name": "AzureFirewallSubnet", "properties": {}},
        {
            "id": subnet_id(stack, "shared"),
            "name": "shared",
            "properties": {"networkSecurityGroup": {"id": stack_id(stack, RULES, "nsg")}},
        },
    ]
    body: dict[str, Json] = {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": subnets,
        "enableDdosProtection": True,
        "provisioningState": "Succeeded",
    }
    yield arm(stack, NETWORKS, f"vnet-{stack.name}", {"properties": body})
    wall: dict[str, Json] = {
        "sku": {"name": "AZFW_VNet", "tier": "Standard"},
        "ipConfigurations": [
            {"name": "hub", "properties": {"subnet": {"id": subnet_id(stack, "AzureFirewallSubnet")}}}
        ],
    }
    name = f"afw-{stack.name}"
    yield arm(stack, "Microsoft.Network/azureFirewalls", name, {"properties": wall}, cost=900, service="Azure Firewall")
    yield arm(stack, "Microsoft.Network/networkWatchers", f"nw-{stack.name}", {"properties": {}})


def _logs(stack: Stack) -> Iterator[Record]:
    workspace: dict[str, Json] = {"sku": {"name": "PerGB2018"}, "retentionInDays": stack.either(90, 30, 1.5)}
    yield arm(
        stack, WORKSPACES, f"log-{stack.name}", {"properties": workspace}, cost=520, service="Log Analytics",
        drift=("properties.retentionInDays", 30),
    )  # fmt: skip
    subscription = f"/subscriptions/{stack.place.subscription}"
    yield diagnostics(stack, subscription)
    archive: dict[str, Json] = {
        "sku": {"name": "Standard_GZRS", "tier": "Standard"},
        "kind": "StorageV2",
        "properties": {
            "supportsHttpsTrafficOnly": True,
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "allowCrossTenantReplication": False,
            "minimumTlsVersion": "TLS1_2",
            "publicNetworkAccess": "Disabled",
            "networkAcls": {"defaultAction": "Deny", "ipRules": []},
            "encryption": {"keySource": "Microsoft.Storage", "requireInfrastructureEncryption": True},
        },
    }
    name = archive_id(stack).rpartition("/")[2]
    yield arm(stack, "Microsoft.Storage/storageAccounts", name, archive, cost=210, service="Storage")


def _keys(stack: Stack) -> Iterator[Record]:
    vault = f"kv-{stack.name}"
    properties: dict[str, Json] = {
        "tenantId": stack.guid(9),
        "enableSoftDelete": True,
        "enablePurgeProtection": True,
        "enableRbacAuthorization": True,
        "publicNetworkAccess": "Disabled",
        "networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"},
        "sku": {"family": "A", "name": "premium"},
        "vaultUri": f"https://{vault}.vault.azure.net/",
    }
    yield arm(stack, "Microsoft.KeyVault/vaults", vault, {"properties": properties}, cost=8, service="Key Vault")
    attributes: dict[str, Json] = {
        "enabled": True,
        "created": int(past(stack).timestamp()),
        "exp": int(expiry(stack).timestamp()),
    }
    key: dict[str, Json] = {"kty": "RSA-HSM", "keySize": 4096, "attributes": attributes}
    yield child(stack, "Microsoft.KeyVault/vaults/keys", f"{vault}/key-{stack.name}", key)
    vault_id = hub_id(stack, "Microsoft.KeyVault/vaults", "kv")
    active: dict[str, Json] = {
        "sourceVault": {"id": vault_id},
        "keyUrl": f"https://{vault}.vault.azure.net/keys/key-{stack.name}",
    }
    body: dict[str, Json] = {"properties": {"activeKey": active, "encryptionType": "EncryptionAtRestWithCustomerKey"}}
    yield arm(stack, "Microsoft.Compute/diskEncryptionSets", f"des-{stack.name}", body)


def _backup(stack: Stack) -> Record:
    settings: dict[str, Json] = {
        "immutabilitySettings": {"state": stack.either("Unlocked", "Disabled", 1.5)},
        "softDeleteSettings": {"softDeleteState": stack.either("AlwaysON", "Disabled", 0.4)},
    }
    body: dict[str, Json] = {"sku": {"name": "RS0", "tier": "Standard"}, "properties": {"securitySettings": settings}}
    name = f"rsv-{stack.name}"
    return arm(stack, "Microsoft.RecoveryServices/vaults", name, body, cost=140, service="Backup")


def _automation(stack: Stack) -> Iterator[Record]:
    name = f"aa-{stack.name}"
    type_ = "Microsoft.Automation/automationAccounts"
    body: dict[str, Json] = {"properties": {"sku": {"name": "Basic"}, "publicNetworkAccess": False}}
    yield arm(stack, type_, name, body, cost=5, service="Automation")
    value: dict[str, Json] = {"isEncrypted": stack.either(True, False)}
    yield child(stack, f"{type_}/variables", f"{name}/schedule-{stack.name}", value)


def _guard_rails(stack: Stack) -> Iterator[Record]:
    subscription = f"/subscriptions/{stack.place.subscription}"
    yield assignment(stack, 3, stack.guid(1), READER, scope=subscription)
    if stack.is_flawed(2):
        yield assignment(stack, 4, stack.guid(5), CONTRIBUTOR, scope=subscription)
    people: dict[str, Json] = {
        "principalId": stack.guid(6),
        "principalType": "Group",
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}",
        "scope": subscription,
    }
    yield child(stack, ASSIGNMENTS, stack.guid(7), people, scope=subscription)
    actions: list[Json] = [stack.either("Microsoft.Compute/virtualMachines/restart/action", "*")]
    role: dict[str, Json] = {
        "roleName": "Synthetic operator",
        "type": "CustomRole",
        "permissions": [{"actions": actions, "notActions": []}],
        "assignableScopes": [subscription],
    }
    yield child(stack, "Microsoft.Authorization/roleDefinitions", stack.guid(8), role, scope=subscription)
    for plan in _PLANS:
        tier: dict[str, Json] = {"pricingTier": stack.either("Standard", "Free")}
        yield child(stack, "Microsoft.Security/pricings", plan, tier, scope=subscription)
    order = stack.guid(10)
    reservation: dict[str, Json] = {
        "displayName": "synthetic-vm",
        "renew": stack.either(True, False, 3),
        "expiryDate": format_instant(expiry(stack))[:10],
    }
    name = f"{order}/{stack.guid(11)}"
    yield child(stack, "Microsoft.Capacity/reservationOrders/reservations", name, reservation, scope="")
