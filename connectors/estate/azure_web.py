"""App Service in an Azure stack: a plan, a site and its configuration."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, child, stack_id
from connectors.estate.azure_identity import IDENTITIES
from connectors.estate.azure_network import subnet_id
from connectors.estate.company import Record, Stack
from domain.value import Json

PLANS = "Microsoft.Web/serverfarms"
SITES = "Microsoft.Web/sites"


def web(stack: Stack) -> Iterator[Record]:
    """A site in most stacks; here and there a plan that nobody uses any more."""
    if not stack.has(0.6):
        return
    yield _plan(stack, f"plan-{stack.name}", sites=1)
    site = f"app-{stack.name}"
    identity: dict[str, Json] = {
        "type": "UserAssigned",
        "userAssignedIdentities": {stack_id(stack, IDENTITIES, "id"): {}},
    }
    body: dict[str, Json] = {
        "kind": "app,linux",
        "identity": identity if not stack.is_flawed() else {"type": "None"},
        "properties": {
            "state": "Running",
            "httpsOnly": stack.either(True, False),
            "serverFarmId": stack_id(stack, PLANS, "plan"),
            "virtualNetworkSubnetId": subnet_id(stack),
            "defaultHostName": f"{site}.azurewebsites.net",
        },
    }
    yield arm(stack, SITES, site, body, drift=("properties.httpsOnly", False))
    yield child(stack, f"{SITES}/config", f"{site}/web", {
        "ftpsState": stack.either("Disabled", "AllAllowed"),
        "minTlsVersion": stack.either("1.2", "1.0"),
        "remoteDebuggingEnabled": stack.either(False, True, 0.7),
    })  # fmt: skip
    if stack.is_flawed():
        yield _plan(stack, f"plan-{stack.name}-old", sites=0)


def _plan(stack: Stack, name: str, *, sites: int) -> Record:
    body: dict[str, Json] = {
        "sku": {"name": "P1v3", "tier": "PremiumV3", "capacity": 2},
        "properties": {"numberOfSites": sites, "status": "Ready", "reserved": True},
    }
    return arm(stack, PLANS, name, body, cost=160, service="App Service")
