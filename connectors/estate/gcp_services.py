"""Functions and managed certificates that some Google Cloud stacks have."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry
from connectors.estate.gcp_document import account_email, asset
from domain.clock import format_instant
from domain.value import Json


def services(stack: Stack) -> Iterator[Record]:
    """A function in every second stack, a certificate in every third."""
    if stack.has(0.5):
        yield _function(stack)
    if stack.has(0.35):
        yield _certificate(stack)


def _function(stack: Stack) -> Record:
    path = f"projects/{stack.place.project}/locations/{stack.region}/functions/fn-{stack.name}"
    data: dict[str, Json] = {
        "name": path,
        "status": "ACTIVE",
        "runtime": stack.either("python313", "python38"),
        "ingressSettings": stack.either("ALLOW_INTERNAL_AND_GCLB", "ALLOW_ALL"),
        "serviceAccountEmail": account_email(stack),
        "httpsTrigger": {
            "url": f"https://{stack.name}.example",
            "securityLevel": stack.either("SECURE_ALWAYS", "SECURE_OPTIONAL"),
        },
    }
    type_ = "cloudfunctions.googleapis.com/CloudFunction"
    return asset(stack, type_, path, data, cost=5, service="Cloud Functions")


def _certificate(stack: Stack) -> Record:
    path = f"projects/{stack.place.project}/locations/global/certificates/cert-{stack.name}"
    data: dict[str, Json] = {
        "name": path,
        "sanDnsnames": [f"{stack.application}.example"],
        "expireTime": format_instant(expiry(stack)),
    }
    return asset(stack, "certificatemanager.googleapis.com/Certificate", path, data)
