"""One Azure stack, as Resource Manager returns it, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_compute import compute
from connectors.estate.azure_data import data
from connectors.estate.azure_document import arm, group_of
from connectors.estate.azure_identity import identity
from connectors.estate.azure_messaging import messaging
from connectors.estate.azure_network import network
from connectors.estate.azure_web import web
from connectors.estate.company import Record, Stack


def azure_stack(stack: Stack) -> Iterator[Record]:
    """Every resource of one stack, referring to each other by ARM id."""
    name = f"rg-{stack.name}"
    yield arm(stack, "Microsoft.Resources/resourceGroups", name, {"properties": {}}, id_=group_of(stack))
    yield from network(stack)
    yield from identity(stack)
    yield from data(stack)
    yield from compute(stack)
    yield from web(stack)
    yield from messaging(stack)
