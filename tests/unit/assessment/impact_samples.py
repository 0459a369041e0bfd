"""Two machines behind a balancer, on disks encrypted by one key, in one subnet; with tags and a bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import polars as pl

from assessment.facts import FactBook
from assessment.failure_estate import FailureEstate, costs_of
from domain.resource import ConfigurationItem, resource_key
from domain.value import Json
from graph.build import build_snapshot
from graph.failing import Failures
from graph.whole import AnyGraph, WholeGraph
from tests.unit.assessment.estate import AS_OF, GROUP, TENANT, azure
from tests.unit.cost.rows import frame, row


def uid(kind: str, name: str) -> str:
    return f"{GROUP}/providers/{kind}/{name}"


VAULT = uid("Microsoft.KeyVault/vaults", "keys")
SET = uid("Microsoft.Compute/diskEncryptionSets", "set")
NETWORK = uid("Microsoft.Network/virtualNetworks", "net")
BALANCER = uid("Microsoft.Network/loadBalancers", "lb")


def vm(number: int) -> str:
    return uid("Microsoft.Compute/virtualMachines", f"vm-{number}")


def disk(number: int) -> str:
    return uid("Microsoft.Compute/disks", f"disk-{number}")


def nic(number: int) -> str:
    return uid("Microsoft.Network/networkInterfaces", f"nic-{number}")


def made(
    uid_: str, properties: Mapping[str, Json], *, zone: str = "", tags: Mapping[str, str] | None = None
) -> ConfigurationItem:
    kind, _, name = uid_.removeprefix(f"{GROUP}/providers/").rpartition("/")
    zones: dict[str, Json] = {"zones": [zone]} if zone else {}
    return replace(azure(kind, name, {**zones, "properties": dict(properties)}), tags=dict(tags or {}))


def items() -> list[ConfigurationItem]:
    found = [
        made(VAULT, {}, tags={"criticality": "Mission-Critical"}),
        made(SET, {"activeKey": {"sourceVault": {"id": VAULT}}}),
        made(NETWORK, {}),
        made(
            BALANCER,
            {"backendAddressPools": [{"properties": {"backendIPConfigurations": [{"id": nic(1)}, {"id": nic(2)}]}}]},
        ),
    ]
    for number in (1, 2):
        found += [
            made(disk(number), {"encryption": {"diskEncryptionSetId": SET}}, zone=str(number),
                 tags={"data-classification": "restricted"}),
            made(nic(number), {"ipConfigurations": [{"properties": {"subnet": {"id": NETWORK}}}]}),
            made(vm(number), {
                "storageProfile": {"osDisk": {"managedDisk": {"id": disk(number)}}},
                "networkProfile": {"networkInterfaces": [{"id": nic(number)}]},
            }, zone=str(number), tags={"env": "prod"}),
        ]  # fmt: skip
    return sorted(found, key=lambda item: resource_key(item.uid))


def estate(*, with_bill: bool = True) -> FailureEstate:
    known = items()
    snapshot = build_snapshot(TENANT, known, as_of=AS_OF, paths_by_type={})
    bill = frame(
        row(ResourceId=vm(1), EffectiveCost=Decimal("99"), ProviderName="Microsoft"),
        row(ResourceId=disk(1), EffectiveCost=Decimal("9.50"), ProviderName="Microsoft"),
    )
    return estate_of(WholeGraph(snapshot), known, [bill] if with_bill else [])


def estate_of(graph: AnyGraph, known: Sequence[ConfigurationItem], bill: Sequence[pl.DataFrame] = ()) -> FailureEstate:
    """The estate of a graph of some items."""
    by_id = {resource_key(item.uid): item for item in known}
    facts = FactBook(lambda uids: [by_id[resource_key(uid)] for uid in uids]).facts(graph)
    return FailureEstate(graph, Failures(graph.base), facts, costs_of(graph.base, bill, as_of=AS_OF), AS_OF)
