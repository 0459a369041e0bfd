"""One Azure stack: network, compute, data, secrets and identity in a resource group, as Resource Manager returns it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.estate.company import Record, Stack, dollars
from domain.clock import format_instant
from domain.resource import Provider
from domain.value import Json


def azure_stack(stack: Stack) -> Iterator[Record]:
    """Every resource of one stack, referring to each other by ARM id."""
    group = f"/subscriptions/{stack.subscription()}/resourceGroups/rg-{stack.name}"
    yield _record(stack, group, "Microsoft.Resources/resourceGroups", f"rg-{stack.name}", {"properties": {}}, id_=group)
    yield from _network(stack, group)
    identity = _id(group, "Microsoft.ManagedIdentity/userAssignedIdentities", f"id-{stack.name}")
    yield _record(
        stack, group, "Microsoft.ManagedIdentity/userAssignedIdentities", f"id-{stack.name}", {"properties": {}}
    )
    yield from _vault(stack, group)
    yield from _data(stack, group)
    for index in range(stack.random.randint(2, 5)):
        yield from _machine(stack, group, index, identity)
    if stack.random.random() < 0.5:
        yield from _cluster(stack, group, identity)
    if stack.is_flawed(2):
        yield _disk(stack, group, "disk-left-behind", attached_to=None)


def _id(group: str, type_: str, name: str) -> str:
    return f"{group}/providers/{type_}/{name}"


def _record(
    stack: Stack,
    group: str,
    type_: str,
    name: str,
    body: dict[str, Json],
    *,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
    id_: str | None = None,
) -> Record:
    uid = id_ or _id(group, type_, name)
    tags = stack.tags()
    document: dict[str, Json] = {
        "id": uid,
        "name": name.rsplit("/", maxsplit=1)[-1],
        "type": type_,
        "location": stack.region,
        "tags": dict(tags),
        **body,
    }
    return Record(
        provider=Provider.AZURE,
        uid=uid,
        name=name,
        type=type_,
        region=stack.region,
        account=stack.subscription(),
        document=document,
        wrapper="resource",
        service=service or type_.split("/", maxsplit=1)[0].removeprefix("Microsoft."),
        cost_month=dollars(cost * stack.environment.size),
        tags=tags,
        beside={},
        drift=drift,
    )


def _network(stack: Stack, group: str) -> Iterator[Record]:
    nsg = _id(group, "Microsoft.Network/networkSecurityGroups", f"nsg-{stack.name}")
    vnet = _id(group, "Microsoft.Network/virtualNetworks", f"vnet-{stack.name}")
    source = "*" if stack.is_flawed() else "10.0.0.0/8"
    rule: Json = {
        "name": "allow-admin",
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "protocol": "Tcp",
            "priority": 100,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": stack.random.choice(("22", "3389")),
        },
    }
    yield _record(
        stack,
        group,
        "Microsoft.Network/networkSecurityGroups",
        f"nsg-{stack.name}",
        {"properties": {"provisioningState": "Succeeded", "securityRules": [rule]}},
        drift=("properties.securityRules", []),
    )
    subnet: Json = {
        "id": f"{vnet}/subnets/workload",
        "name": "workload",
        "properties": {"addressPrefix": "10.1.0.0/24", "networkSecurityGroup": {"id": nsg}},
    }
    yield _record(
        stack,
        group,
        "Microsoft.Network/virtualNetworks",
        f"vnet-{stack.name}",
        {
            "properties": {
                "provisioningState": "Succeeded",
                "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
                "subnets": [subnet],
                "enableDdosProtection": not stack.is_flawed(),
            }
        },
    )


def _vault(stack: Stack, group: str) -> Iterator[Record]:
    vault = f"kv-{stack.short}"
    properties: dict[str, Json] = {
        "enableSoftDelete": True,
        "enablePurgeProtection": not stack.is_flawed(),
        "enableRbacAuthorization": not stack.is_flawed(),
        "publicNetworkAccess": "Enabled" if stack.is_flawed() else "Disabled",
        "networkAcls": {"defaultAction": "Allow" if stack.is_flawed() else "Deny", "bypass": "AzureServices"},
        "sku": {"family": "A", "name": "standard"},
        "vaultUri": f"https://{vault}.vault.azure.net/",
    }
    yield _record(
        stack,
        group,
        "Microsoft.KeyVault/vaults",
        vault,
        {"properties": properties},
        cost=4,
        service="Key Vault",
        drift=("properties.publicNetworkAccess", "Enabled"),
    )
    created = stack.as_of - timedelta(days=stack.random.randint(30, 700))
    expires = stack.as_of + timedelta(hours=stack.random.choice((30, 75, 118, 160, 900, 2400, 6000)))
    attributes: dict[str, Json] = {"enabled": True, "created": int(created.timestamp())}
    if not stack.is_flawed(0.5):
        attributes["exp"] = int(expires.timestamp())
    yield _record(
        stack,
        group,
        "Microsoft.KeyVault/vaults/keys",
        f"{vault}/disk-encryption",
        {"properties": {"kty": "RSA", "keySize": 3072, "attributes": attributes}},
        id_=f"{_id(group, 'Microsoft.KeyVault/vaults', vault)}/keys/disk-encryption",
    )
    yield _record(
        stack,
        group,
        "Microsoft.Web/certificates",
        f"cert-{stack.name}",
        {
            "properties": {
                "subjectName": f"{stack.application}.example",
                "expirationDate": format_instant(expires),
                "issueDate": format_instant(created),
                "keyVaultId": _id(group, "Microsoft.KeyVault/vaults", vault),
            }
        },
    )


def _data(stack: Stack, group: str) -> Iterator[Record]:
    account: dict[str, Json] = {
        "sku": {"name": "Standard_LRS" if stack.is_flawed() else "Standard_ZRS", "tier": "Standard"},
        "kind": "StorageV2",
        "properties": {
            "supportsHttpsTrafficOnly": not stack.is_flawed(),
            "allowBlobPublicAccess": stack.is_flawed(),
            "allowSharedKeyAccess": stack.is_flawed(2),
            "minimumTlsVersion": "TLS1_0" if stack.is_flawed() else "TLS1_2",
            "publicNetworkAccess": "Enabled" if stack.is_flawed(2) else "Disabled",
            "networkAcls": {"defaultAction": "Allow" if stack.is_flawed() else "Deny", "ipRules": []},
            "encryption": {"keySource": "Microsoft.Storage", "requireInfrastructureEncryption": not stack.is_flawed(2)},
            "provisioningState": "Succeeded",
        },
    }
    yield _record(
        stack,
        group,
        "Microsoft.Storage/storageAccounts",
        f"st{stack.short}",
        account,
        cost=85,
        service="Storage",
        drift=("properties.allowBlobPublicAccess", True),
    )
    server = f"sql-{stack.name}"
    yield _record(
        stack,
        group,
        "Microsoft.Sql/servers",
        server,
        {
            "properties": {
                "version": "12.0",
                "state": "Ready",
                "minimalTlsVersion": "1.0" if stack.is_flawed() else "1.2",
                "publicNetworkAccess": "Enabled" if stack.is_flawed() else "Disabled",
                "administrators": {"azureADOnlyAuthentication": not stack.is_flawed(2)},
            }
        },
        drift=("properties.publicNetworkAccess", "Enabled"),
    )
    yield _record(
        stack,
        group,
        "Microsoft.Sql/servers/databases",
        f"{server}/main",
        {
            "sku": {"name": "GP_Gen5", "tier": "GeneralPurpose", "capacity": 4},
            "properties": {"status": "Online", "zoneRedundant": not stack.is_flawed(2)},
        },
        id_=f"{_id(group, 'Microsoft.Sql/servers', server)}/databases/main",
        cost=740,
        service="SQL Database",
    )


def _disk(stack: Stack, group: str, name: str, *, attached_to: str | None) -> Record:
    state = "Attached" if attached_to else "Unattached"
    body: dict[str, Json] = {
        "sku": {"name": "Premium_LRS"},
        "properties": {
            "diskSizeGB": 256,
            "diskState": state,
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll" if stack.is_flawed() else "DenyAll",
        },
    }
    if attached_to:
        body["managedBy"] = attached_to
    return _record(stack, group, "Microsoft.Compute/disks", name, body, cost=38, service="Storage")


def _machine(stack: Stack, group: str, index: int, identity: str) -> Iterator[Record]:
    name, nic = f"vm-{stack.name}-{index}", f"nic-{stack.name}-{index}"
    machine = _id(group, "Microsoft.Compute/virtualMachines", name)
    subnet = f"{_id(group, 'Microsoft.Network/virtualNetworks', f'vnet-{stack.name}')}/subnets/workload"
    interface: dict[str, Json] = {"privateIPAddress": f"10.1.0.{index + 4}", "subnet": {"id": subnet}}
    if stack.is_flawed():
        address = f"pip-{stack.name}-{index}"
        interface["publicIPAddress"] = {"id": _id(group, "Microsoft.Network/publicIPAddresses", address)}
        yield _record(
            stack,
            group,
            "Microsoft.Network/publicIPAddresses",
            address,
            {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}},
            cost=4,
            service="Virtual Network",
        )
    yield _record(
        stack,
        group,
        "Microsoft.Network/networkInterfaces",
        nic,
        {
            "properties": {
                "enableIPForwarding": stack.is_flawed(),
                "ipConfigurations": [{"name": "primary", "properties": interface}],
                "networkSecurityGroup": {
                    "id": _id(group, "Microsoft.Network/networkSecurityGroups", f"nsg-{stack.name}")
                },
                "virtualMachine": {"id": machine},
            }
        },
    )
    disk = f"disk-{stack.name}-{index}"
    yield _disk(stack, group, disk, attached_to=machine)
    yield _record(
        stack,
        group,
        "Microsoft.Compute/virtualMachines",
        name,
        {
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
            "properties": {
                "hardwareProfile": {"vmSize": stack.random.choice(("Standard_D4s_v5", "Standard_D2_v2"))},
                "storageProfile": {"osDisk": {"managedDisk": {"id": _id(group, "Microsoft.Compute/disks", disk)}}},
                "networkProfile": {
                    "networkInterfaces": [{"id": _id(group, "Microsoft.Network/networkInterfaces", nic)}]
                },
                "osProfile": {"linuxConfiguration": {"disablePasswordAuthentication": not stack.is_flawed()}},
                "securityProfile": {"encryptionAtHost": not stack.is_flawed(2)},
            },
        },
        cost=140,
        service="Virtual Machines",
        drift=("properties.hardwareProfile.vmSize", "Standard_D8s_v5"),
    )


def _cluster(stack: Stack, group: str, identity: str) -> Iterator[Record]:
    yield _record(
        stack,
        group,
        "Microsoft.ContainerService/managedClusters",
        f"aks-{stack.name}",
        {
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
            "properties": {
                "kubernetesVersion": stack.random.choice(("1.28.9", "1.32.4", "1.33.1")),
                "enableRBAC": not stack.is_flawed(),
                "disableLocalAccounts": not stack.is_flawed(2),
                "apiServerAccessProfile": {"enablePrivateCluster": not stack.is_flawed(2)},
                "agentPoolProfiles": [
                    {
                        "name": "system",
                        "count": 3,
                        "vnetSubnetID": (
                            f"{_id(group, 'Microsoft.Network/virtualNetworks', f'vnet-{stack.name}')}/subnets/workload"
                        ),
                    }
                ],
            },
        },
        cost=420,
        service="Azure Kubernetes Service",
        drift=("properties.enableRBAC", False),
    )
