"""Google Cloud audit log entries as audit entries.

Source: https://cloud.google.com/logging/docs/audit/understanding-audit-logs.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.aws.config import instant
from connectors.baseline.shape import objects
from connectors.observation import Document, text
from domain.drift import AuditEntry
from domain.resource import Provider, resource_key
from domain.value import Json

_READS: Final = re.compile(r"(^|\.)(get|list|search|query|aggregatedList|testIamPermissions|getIamPolicy)\w*$", re.I)


def is_entry(body: Document) -> bool:
    """Whether this is one entry."""
    payload = body.get("protoPayload") or body.get("jsonPayload")
    return isinstance(payload, dict) and isinstance(payload.get("methodName"), str)


def entries_of(body: Document) -> list[Document] | None:
    """The entries of an answer; None where it is none."""
    found = objects(body.get("entries"))
    return found if found and all(map(is_entry, found)) else None


def entry(body: Document) -> AuditEntry | None:
    """An entry that may have changed something; None for reads."""
    payload = body.get("protoPayload") or body.get("jsonPayload")
    assert isinstance(payload, dict)
    method = text(payload["methodName"])
    at = instant(body.get("timestamp"))
    if at is None or _READS.search(method):
        return None
    who = _object(payload.get("authenticationInfo"))
    where = _object(payload.get("requestMetadata"))
    status = _object(payload.get("status"))
    return AuditEntry(
        resources=tuple(_ids(payload)),
        at=at,
        principal=text(who.get("principalEmail")) or text(who.get("principalSubject")),
        operation=method,
        provider=Provider.GCP,
        event_id=text(body.get("insertId")),
        source_address=text(where.get("callerIp")),
        is_success=status.get("code") in {None, 0},
    )


def _ids(payload: Document) -> list[str]:
    """The resource's name, as the full resource name of its service and as it stands."""
    name, service = text(payload.get("resourceName")), text(payload.get("serviceName"))
    if not name:
        return []
    short = name.removeprefix("projects/_/buckets/")
    full = f"//{service}/{short}" if service else short
    found = [full, resource_key(f"https://{service}/{short}"), name]
    return list(dict.fromkeys(found))


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}
