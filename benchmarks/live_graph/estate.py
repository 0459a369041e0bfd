"""Azure machines with their cards, disks, vaults and networks, of any number, made when they are asked for.

Nothing is kept: a document follows from its id, so that an estate of a million resources takes no memory of its own.
Each resource group has a hundred resources, which have about four relationships each; labelled synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import pyarrow as pa

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.tenancy import TenantId, tenant_id
from domain.value import Json
from graph.build import resource_table

AS_OF: Final = datetime(2026, 11, 24, tzinfo=UTC)
TENANT: Final = tenant_id("demo")
PER_GROUP: Final = 100
_GROUPS_PER_SUBSCRIPTION = 100
_MACHINES = 32
_KINDS: Final = {
    "vm": "Microsoft.Compute/virtualMachines",
    "nic": "Microsoft.Network/networkInterfaces",
    "disk": "Microsoft.Compute/disks",
    "vnet": "Microsoft.Network/virtualNetworks",
    "nsg": "Microsoft.Network/networkSecurityGroups",
    "kv": "Microsoft.KeyVault/vaults",
    "des": "Microsoft.Compute/diskEncryptionSets",
}
_NAMES: Final = (
    "",
    "vnet0",
    "nsg0",
    *(f"{short}{number}" for short in ("vm", "nic", "disk") for number in range(_MACHINES)),
    "kv0",
)


@dataclass(slots=True)
class MadeEstate:
    """An estate of so many groups, and what was changed in it.

    Args:
        changed: resources that are not as they were made; None where they are gone.
    """

    groups: int
    tenant: TenantId = TENANT
    changed: dict[str, ConfigurationItem | None] = field(default_factory=dict)

    def documents(self, uids: Sequence[str]) -> list[ConfigurationItem]:
        """Documents by id, as a store gives them."""
        found = (self.item(uid) for uid in uids)
        return [item for item in found if item is not None]

    def item(self, uid: str) -> ConfigurationItem | None:
        """One resource as it is now."""
        key = resource_key(uid)
        return self.changed[key] if key in self.changed else _made(self.tenant, ResourceId(uid))

    def uids(self) -> Iterator[ResourceId]:
        """Every id, as made."""
        for number in range(self.groups):
            group = _group(number)
            yield from (ResourceId(_uid(group, name)) for name in _NAMES)

    def items(self) -> Iterator[ConfigurationItem]:
        """Every resource, as made."""
        return (_made(self.tenant, uid) for uid in self.uids())

    def resources(self) -> pa.Table:
        """What a store reads out of it."""
        ordered = sorted(self.uids(), key=resource_key)
        tables = [
            resource_table([_made(self.tenant, uid, has_document=False) for uid in ordered[start : start + 100_000]])
            for start in range(0, len(ordered), 100_000)
        ]
        return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def with_tag(item: ConfigurationItem, value: int) -> ConfigurationItem:
    """The resource with another tag, which is a change of its document."""
    document: dict[str, Json] = {**item.properties, "tags": {"round": str(value)}}
    return replace(item, properties=document, digest=f"{value:064x}", tags={"round": str(value)})


def _group(number: int) -> str:
    subscription = f"{number // _GROUPS_PER_SUBSCRIPTION:08x}-0000-4000-8000-000000000000"
    return f"/subscriptions/{subscription}/resourceGroups/rg-{number:06}"


def _uid(group: str, name: str) -> str:
    return f"{group}/providers/{_KINDS[name.rstrip('0123456789')]}/{name}" if name else group


def _made(tenant: TenantId, uid: ResourceId, *, has_document: bool = True) -> ConfigurationItem:
    parts = uid.split("/")
    group, name = "/".join(parts[:5]), parts[-1]
    is_group = len(parts) == 5
    kind = "Microsoft.Resources/resourceGroups" if is_group else _KINDS[name.rstrip("0123456789")]
    return ConfigurationItem(
        tenant=tenant,
        uid=uid,
        provider=Provider.AZURE,
        type=kind,
        name=name,
        scope="/".join(parts[:3]) if is_group else group,
        region="westeurope",
        tags={"round": "0"},
        properties=_document(uid, group, "" if is_group else name, kind) if has_document else {},
        captured_at=AS_OF,
        digest=sha256(uid.encode()).hexdigest(),
        origin=Origin("made"),
        synthetic=True,
    )


def _document(uid: str, group: str, name: str, kind: str) -> dict[str, Json]:
    short, number = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz")
    properties = _PROPERTIES[short](group, number) if short in _PROPERTIES else {}
    common: dict[str, Json] = {"provisioningState": "Succeeded", "uniqueId": sha256(uid.encode()).hexdigest()[:32]}
    return {
        "id": uid,
        "name": name,
        "type": kind,
        "location": "westeurope",
        "tags": {"round": "0", "owner": f"team-{number or 0}", "env": "prod"},
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {**common, **properties},
    }


def _machine(group: str, number: str) -> dict[str, Json]:
    return {
        "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
        "osProfile": {"computerName": f"vm{number}", "adminUsername": "operator", "secrets": [
            {"sourceVault": {"id": _uid(group, "kv0")}}]},
        "networkProfile": {"networkInterfaces": [{"id": _uid(group, f"nic{number}"), "properties": {"primary": True}}]},
        "storageProfile": {"osDisk": {
            "name": f"disk{number}", "osType": "Linux", "managedDisk": {"id": _uid(group, f"disk{number}")}}},
    }  # fmt: skip


def _card(group: str, number: str) -> dict[str, Json]:
    return {
        "networkSecurityGroup": {"id": _uid(group, "nsg0")},
        "virtualMachine": {"id": _uid(group, f"vm{number}")},
        "enableAcceleratedNetworking": True,
        "ipConfigurations": [
            {
                "name": "ipconfig1",
                "properties": {
                    "privateIPAddress": f"10.0.0.{number}",
                    "privateIPAllocationMethod": "Dynamic",
                    "subnet": {"id": f"{_uid(group, 'vnet0')}/subnets/default"},
                },
            }
        ],
        "hostedWorkloads": [_uid(group, "kv0")],
    }


def _disk(group: str, number: str) -> dict[str, Json]:
    return {
        "diskSizeGB": 128,
        "diskState": "Attached",
        "encryption": {"type": "EncryptionAtRestWithCustomerKey", "keyVault": {"id": _uid(group, "kv0")}},
        "securityProfile": {"network": {"id": _uid(group, "vnet0")}, "rules": {"id": _uid(group, "nsg0")}},
        "managedBy": _uid(group, f"vm{number}"),
    }


_PROPERTIES = {"vm": _machine, "nic": _card, "disk": _disk}
