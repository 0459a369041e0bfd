"""CloudTrail records as audit entries.

A record names what it changed in many ways: `resources`, ARNs anywhere in the request, and parameters that are called
ids or names. All of them are kept; which of them is a resource's own is decided where they are matched.
Source: AWS CloudTrail record contents, https://docs.aws.amazon.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from connectors.aws.config import instant
from connectors.baseline.shape import objects, parsed
from connectors.observation import Document, text
from domain.drift import AuditEntry
from domain.resource import Provider
from domain.value import Json

_NAMING: Final = re.compile(r"(id|ids|name|arn|arns|url|identifier|set)$", re.IGNORECASE)
_READS: Final = re.compile(
    r"(Get|List|Describe|Head|Lookup|Batch(Get|Describe)|Search|Select|Simulate|Test|Check)[A-Z]"
)
_IDS_MAX: Final = 200
_DEPTH_MAX: Final = 8


def is_record(body: Document) -> bool:
    """Whether this is one record."""
    return isinstance(body.get("eventName"), str) and isinstance(body.get("eventSource"), str)


def records_of(body: Document) -> list[Document] | None:
    """The records of a log file or of a lookup's answer; None where it is neither."""
    if isinstance(body.get("Records"), list):
        return [each for each in objects(body["Records"]) if is_record(each)]
    if isinstance(body.get("Events"), list):
        events = [parsed(each.get("CloudTrailEvent")) for each in objects(body["Events"])]
        return [each for each in events if isinstance(each, dict) and is_record(each)]
    return None


def entry(body: Document) -> AuditEntry | None:
    """A record that may have changed something; None for reads, and for what says no time."""
    name = text(body["eventName"])
    at = instant(body.get("eventTime"))
    if at is None or body.get("readOnly") is True or _READS.match(name):
        return None
    found = dict.fromkeys(_ids(body))
    return AuditEntry(
        resources=tuple(list(found)[:_IDS_MAX]),
        at=at,
        principal=_principal(body.get("userIdentity")),
        operation=f"{text(body['eventSource']).removesuffix('.amazonaws.com')}:{name}",
        provider=Provider.AWS,
        event_id=text(body.get("eventID")),
        source_address=text(body.get("sourceIPAddress")),
        is_success=not body.get("errorCode"),
    )


def _principal(identity: Json) -> str:
    """The caller: of a role, the role's session; a service by its name."""
    if not isinstance(identity, dict):
        return ""
    for key in ("arn", "invokedBy", "userName", "principalId", "type"):
        if identity.get(key):
            return text(identity[key])
    return ""


def _ids(body: Document) -> Iterator[str]:
    for resource in objects(body.get("resources")):
        yield text(resource.get("ARN"))
    for part in ("requestParameters", "responseElements"):
        yield from _named(body.get(part), 0)


def _named(value: Json, depth: int) -> Iterator[str]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str):
                if each.startswith("arn:") or _NAMING.search(key):
                    yield each
            else:
                yield from _named(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, str) and each.startswith("arn:"):
                yield each
            else:
                yield from _named(each, depth + 1)
