"""One Google Cloud stack, as Cloud Asset Inventory exports it, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.company import Record, Stack
from connectors.estate.gcp_compute import machines
from connectors.estate.gcp_data import data
from connectors.estate.gcp_identity import identity
from connectors.estate.gcp_network import network
from connectors.estate.gcp_services import services


def gcp_stack(stack: Stack) -> Iterator[Record]:
    """Every asset of one stack, referring to each other by self-link or name."""
    yield from network(stack)
    yield from identity(stack)
    yield from data(stack)
    yield from machines(stack)
    yield from services(stack)
