"""The network of an Azure stack: rules, a peered network, flow logs, and a gateway in front."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, arm_id, child, hub_group, hub_id, stack_id
from connectors.estate.company import Record, Stack
from domain.value import Json

RULES = "Microsoft.Network/networkSecurityGroups"
NETWORKS = "Microsoft.Network/virtualNetworks"
ADDRESSES = "Microsoft.Network/publicIPAddresses"
GATEWAYS = "Microsoft.Network/applicationGateways"


def subnet_id(stack: Stack, name: str = "workload") -> str:
    """The id of one of the stack's subnets."""
    return f"{stack_id(stack, NETWORKS, 'vnet')}/subnets/{name}"


def network(stack: Stack) -> Iterator[Record]:
    """Rules and network of every stack; a gateway for those that face the Internet."""
    yield _rules(stack)
    yield _network(stack)
    name = f"{_watcher(stack)}/fl-{stack.name}"
    logs: dict[str, Json] = {
        "targetResourceId": stack_id(stack, NETWORKS, "vnet"),
        "storageId": archive_id(stack),
        "enabled": stack.either(True, False),
        "retentionPolicy": {"enabled": True, "days": stack.either(90, 30)},
    }
    yield child(stack, "Microsoft.Network/networkWatchers/flowLogs", name, logs, scope=hub_group(stack))
    if stack.has(0.4):
        yield from _gateway(stack)


def archive_id(stack: Stack) -> str:
    """The id of the storage account that keeps a landing zone's logs."""
    place = stack.place
    name = f"stlogs{place.environment.name[:3]}{place.subscription[:8]}"
    return f"{hub_group(stack)}/providers/Microsoft.Storage/storageAccounts/{name}"


def _watcher(stack: Stack) -> str:
    return f"nw-{stack.place.hub}"


def _rule(name: str, priority: int, port: str, source: str, protocol: str = "Tcp") -> Json:
    return {
        "name": name,
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "protocol": protocol,
            "priority": priority,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": port,
        },
    }


def _rules(stack: Stack) -> Record:
    admin = stack.random.choice(("22", "22", "3389"))
    factor = 0.3 if admin == "3389" else 0.7
    rules = [
        _rule("allow-https", 100, "443", "Internet"),
        _rule("allow-admin", 110, admin, stack.either("10.0.0.0/8", "*", factor)),
        _rule("allow-database", 120, "5432", stack.either("VirtualNetwork", "Internet", 0.5)),
    ]
    if stack.is_flawed(0.5):
        rules.append(_rule("allow-names", 130, "53", "*", "Udp"))
    if stack.is_flawed(0.1):
        rules.append(_rule("allow-everything", 4000, "*", "*", "*"))
    return arm(
        stack,
        RULES,
        f"nsg-{stack.name}",
        {"properties": {"provisioningState": "Succeeded", "securityRules": rules}},
        drift=("properties.securityRules", [_rule("allow-https", 100, "443", "Internet")]),
    )


def _network(stack: Stack) -> Record:
    protected: dict[str, Json] = {"networkSecurityGroup": {"id": stack_id(stack, RULES, "nsg")}}
    data: dict[str, Json] = {"addressPrefix": "10.1.1.0/24"}
    if not stack.is_flawed():
        data |= protected
    peering: Json = {
        "name": "to-hub",
        "properties": {
            "peeringState": "Connected",
            "remoteVirtualNetwork": {"id": hub_id(stack, NETWORKS, "vnet")},
        },
    }
    body: dict[str, Json] = {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [
            {
                "id": subnet_id(stack),
                "name": "workload",
                "properties": {"addressPrefix": "10.1.0.0/24", **protected},
            },
            {"id": subnet_id(stack, "data"), "name": "data", "properties": data},
        ],
        "virtualNetworkPeerings": [peering],
        "enableDdosProtection": stack.either(True, False),
    }
    return arm(stack, NETWORKS, f"vnet-{stack.name}", {"properties": body})


def address(stack: Stack, name: str, *, held_by: str) -> Record:
    """A public address; some were left behind when what held them went."""
    properties: dict[str, Json] = {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"}
    if not stack.is_flawed():
        properties["ipConfiguration"] = {"id": held_by}
    body: dict[str, Json] = {"sku": {"name": stack.either("Standard", "Basic")}, "properties": properties}
    return arm(stack, ADDRESSES, name, body, cost=4, service="Virtual Network")


def _gateway(stack: Stack) -> Iterator[Record]:
    gateway, name = stack_id(stack, GATEWAYS, "agw"), f"pip-agw-{stack.name}"
    yield address(stack, name, held_by=f"{gateway}/frontendIPConfigurations/public")
    public = arm_id(gateway.partition("/providers/")[0], ADDRESSES, name)
    properties: dict[str, Json] = {
        "sku": {"name": "WAF_v2", "tier": stack.either("WAF_v2", "Standard_v2"), "capacity": 2},
        "sslPolicy": {
            "policyType": "Custom",
            "minProtocolVersion": stack.either("TLSv1_2", "TLSv1_0"),
        },
        "gatewayIPConfigurations": [{"name": "gateway", "properties": {"subnet": {"id": subnet_id(stack)}}}],
        "frontendIPConfigurations": [{"name": "public", "properties": {"publicIPAddress": {"id": public}}}],
    }
    yield arm(
        stack,
        GATEWAYS,
        f"agw-{stack.name}",
        {"properties": properties},
        cost=260,
        service="Application Gateway",
        drift=("properties.sslPolicy", {"policyType": "Custom", "minProtocolVersion": "TLSv1_1"}),
    )
