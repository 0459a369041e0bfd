"""One AWS stack, as AWS Config records it and as API calls answer, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_compute import compute
from connectors.estate.aws_data import data
from connectors.estate.aws_identity import identity
from connectors.estate.aws_messaging import messaging
from connectors.estate.aws_network import network
from connectors.estate.aws_services import services
from connectors.estate.company import Record, Stack


def aws_stack(stack: Stack) -> Iterator[Record]:
    """Every resource of one stack, referring to each other by id or ARN."""
    yield from network(stack)
    yield from identity(stack)
    yield from data(stack)
    yield from compute(stack)
    yield from services(stack)
    yield from messaging(stack)
