"""Queues, events, images and models that some Azure stacks have."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm
from connectors.estate.company import Record, Stack
from domain.value import Json


def messaging(stack: Stack) -> Iterator[Record]:
    """One service in one stack, another in the next."""
    if stack.has(0.3):
        yield _namespace(stack, "Microsoft.ServiceBus/namespaces", "sb", 70)
    if stack.has(0.2):
        yield _namespace(stack, "Microsoft.EventHub/namespaces", "evh", 90)
    if stack.has(0.2):
        yield _registry(stack)
    if stack.has(0.15):
        yield _models(stack)


def _namespace(stack: Stack, type_: str, prefix: str, cost: float) -> Record:
    body: dict[str, Json] = {
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "disableLocalAuth": stack.either(True, False, 1.5),
            "minimumTlsVersion": stack.either("1.2", "1.0"),
            "status": "Active",
        },
    }
    drift: tuple[str, Json] = ("properties.disableLocalAuth", False)
    return arm(stack, type_, f"{prefix}-{stack.name}", body, cost=cost, drift=drift)


def _registry(stack: Stack) -> Record:
    body: dict[str, Json] = {
        "sku": {"name": "Premium", "tier": "Premium"},
        "properties": {
            "adminUserEnabled": stack.either(False, True),
            "publicNetworkAccess": stack.either("Disabled", "Enabled"),
            "networkRuleSet": {"defaultAction": stack.either("Deny", "Allow", 4)},
        },
    }
    name = f"cr{stack.short}"
    return arm(stack, "Microsoft.ContainerRegistry/registries", name, body, cost=50, service="Container Registry")


def _models(stack: Stack) -> Record:
    body: dict[str, Json] = {
        "kind": "CognitiveServices",
        "sku": {"name": "S0"},
        "properties": {
            "disableLocalAuth": stack.either(True, False),
            "publicNetworkAccess": stack.either("Disabled", "Enabled", 2),
            "networkAcls": {"defaultAction": stack.either("Deny", "Allow", 4)},
        },
    }
    name = f"cog-{stack.name}"
    return arm(stack, "Microsoft.CognitiveServices/accounts", name, body, cost=120, service="Cognitive Services")
