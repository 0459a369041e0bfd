"""Machines, scale sets and clusters of an Azure stack, with their disks and interfaces."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, hub_id, stack_id
from connectors.estate.azure_identity import IDENTITIES, WORKSPACES
from connectors.estate.azure_network import ADDRESSES, RULES, address, subnet_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation
from domain.clock import format_instant
from domain.value import Json

MACHINES = "Microsoft.Compute/virtualMachines"
DISKS = "Microsoft.Compute/disks"
INTERFACES = "Microsoft.Network/networkInterfaces"


def compute(stack: Stack) -> Iterator[Record]:
    """A few machines, and in some stacks a cluster, a scale set, or a disk that was left behind."""
    encryption_set = hub_id(stack, "Microsoft.Compute/diskEncryptionSets", "des")
    for index in range(stack.random.randint(2, 4)):
        yield from _machine(stack, index, encryption_set)
    if stack.has(0.5):
        yield _cluster(stack)
    if stack.has(0.25):
        yield _scale_set(stack)
    if stack.is_flawed(2):
        yield _disk(stack, f"disk-{stack.name}-left-behind", encryption_set, attached_to="")
    if stack.has(0.6):
        yield _snapshot(stack)


def _disk(stack: Stack, name: str, encryption_set: str, *, attached_to: str) -> Record:
    encryption: dict[str, Json] = {"type": "EncryptionAtRestWithPlatformKey"}
    if not stack.is_flawed(2):
        encryption = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": encryption_set}
    body: dict[str, Json] = {
        "sku": {"name": "Premium_LRS"},
        "properties": {
            "diskSizeGB": 256,
            "diskState": "Attached" if attached_to else "Unattached",
            "encryption": encryption,
            "networkAccessPolicy": stack.either("DenyAll", "AllowAll"),
        },
    }
    if attached_to:
        body["managedBy"] = attached_to
    return arm(stack, DISKS, name, body, cost=38, service="Storage")


def _snapshot(stack: Stack) -> Record:
    body: dict[str, Json] = {
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "timeCreated": format_instant(creation(stack, days_max=180)),
            "creationData": {
                "createOption": "Copy",
                "sourceResourceId": f"{stack_id(stack, DISKS, 'disk')}-0",
            },
            "networkAccessPolicy": stack.either("DenyAll", "AllowAll"),
        },
    }
    return arm(stack, "Microsoft.Compute/snapshots", f"snap-{stack.name}", body, cost=6, service="Storage")


def _machine(stack: Stack, index: int, encryption_set: str) -> Iterator[Record]:
    suffix = f"{stack.name}-{index}"
    machine = f"{stack_id(stack, MACHINES, 'vm')}-{index}"
    interface = f"{stack_id(stack, INTERFACES, 'nic')}-{index}"
    settings: dict[str, Json] = {
        "privateIPAddress": f"10.1.0.{index + 4}",
        "privateIPAllocationMethod": "Dynamic",
        "subnet": {"id": subnet_id(stack)},
    }
    if stack.is_flawed():
        settings["publicIPAddress"] = {"id": f"{stack_id(stack, ADDRESSES, 'pip')}-{index}"}
        yield address(stack, f"pip-{suffix}", held_by=f"{interface}/ipConfigurations/primary")
    nic: dict[str, Json] = {
        "enableIPForwarding": stack.either(False, True, 0.6),
        "ipConfigurations": [{"name": "primary", "properties": settings}],
        "networkSecurityGroup": {"id": stack_id(stack, RULES, "nsg")},
        "virtualMachine": {"id": machine},
    }
    yield arm(stack, INTERFACES, f"nic-{suffix}", {"properties": nic})
    yield _disk(stack, f"disk-{suffix}", encryption_set, attached_to=machine)
    yield arm(
        stack,
        MACHINES,
        f"vm-{suffix}",
        _machine_body(stack, disk=f"{stack_id(stack, DISKS, 'disk')}-{index}", interface=interface),
        cost=140,
        service="Virtual Machines",
        drift=("properties.hardwareProfile.vmSize", "Standard_D8s_v5"),
    )


def _machine_body(stack: Stack, *, disk: str, interface: str) -> dict[str, Json]:
    state = stack.either("running", "stopped" if stack.has(0.5) else "deallocated", 0.8)
    security: dict[str, Json] = {"encryptionAtHost": stack.either(True, False)}
    if not stack.is_flawed(1.5):
        security |= {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    return {
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {stack_id(stack, IDENTITIES, "id"): {}},
        },
        "properties": {
            "hardwareProfile": {"vmSize": stack.either("Standard_D4s_v5", "Standard_D2_v2")},
            "storageProfile": {"osDisk": {"osType": "Linux", "managedDisk": {"id": disk}}},
            "networkProfile": {"networkInterfaces": [{"id": interface}]},
            "osProfile": {
                "adminUsername": "operator",
                "linuxConfiguration": {"disablePasswordAuthentication": stack.either(True, False, 0.6)},
            },
            "securityProfile": security,
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            "extended": {"instanceView": {"powerState": {"code": f"PowerState/{state}"}}},
        },
    }


def _scale_set(stack: Stack) -> Record:
    profile: dict[str, Json] = {
        "networkInterfaceConfigurations": [
            {
                "name": "primary",
                "properties": {
                    "ipConfigurations": [{"name": "primary", "properties": {"subnet": {"id": subnet_id(stack)}}}]
                },
            }
        ]
    }
    body: dict[str, Json] = {
        "sku": {"name": "Standard_D4s_v5", "capacity": 3},
        "properties": {
            "upgradePolicy": {
                "mode": "Rolling",
                "automaticOSUpgradePolicy": {"enableAutomaticOSUpgrade": stack.either(True, False)},
            },
            "virtualMachineProfile": {"networkProfile": profile},
        },
    }
    name = f"vmss-{stack.name}"
    drift: tuple[str, Json] = ("sku.capacity", 6)
    return arm(
        stack, "Microsoft.Compute/virtualMachineScaleSets", name, body,
        cost=400, service="Virtual Machines", drift=drift,
    )  # fmt: skip


def _cluster(stack: Stack) -> Record:
    body: dict[str, Json] = {
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {stack_id(stack, IDENTITIES, "id"): {}},
        },
        "properties": {
            "kubernetesVersion": stack.either("1.33.1", "1.28.9"),
            "enableRBAC": stack.either(True, False, 0.4),
            "disableLocalAccounts": stack.either(True, False),
            "apiServerAccessProfile": {"enablePrivateCluster": stack.either(True, False)},
            "autoUpgradeProfile": {"upgradeChannel": stack.either("stable", "none")},
            "networkProfile": {
                "networkPlugin": "azure",
                **({} if stack.is_flawed() else {"networkPolicy": "cilium"}),
            },
            "addonProfiles": {
                "omsagent": {
                    "enabled": True,
                    "config": {"logAnalyticsWorkspaceResourceID": hub_id(stack, WORKSPACES, "log")},
                }
            },
            "agentPoolProfiles": [{"name": "system", "count": 3, "vnetSubnetID": subnet_id(stack)}],
        },
    }
    return arm(
        stack,
        "Microsoft.ContainerService/managedClusters",
        f"aks-{stack.name}",
        body,
        cost=420,
        service="Azure Kubernetes Service",
        drift=("properties.enableRBAC", False),
    )
