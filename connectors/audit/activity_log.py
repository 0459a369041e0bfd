"""Azure Activity Log entries as audit entries: as the API answers them, and as diagnostic settings export them.

Source: https://learn.microsoft.com/azure/azure-monitor/essentials/activity-log-schema.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.aws.config import instant
from connectors.baseline.shape import objects
from connectors.observation import Document, text
from domain.drift import AuditEntry
from domain.resource import Provider
from domain.value import Json

_CHANGES: Final = re.compile(r"/(write|delete|action)$", re.IGNORECASE)
_FAILED: Final = frozenset({"failed", "failure", "canceled"})
_BEGUN: Final = frozenset({"started", "start", "accept", "accepted"})
_CHILD: Final = re.compile(r"^(.+/providers/[^/]+/[^/]+/[^/]+)(/.+)$", re.IGNORECASE)


def is_entry(body: Document) -> bool:
    """Whether this is one entry."""
    has_operation = isinstance(body.get("operationName"), str | dict)
    return has_operation and bool(_resource(body)) and bool(body.get("eventTimestamp") or body.get("time"))


def entries_of(body: Document) -> list[Document] | None:
    """The entries of an answer or an exported file; None where it is neither."""
    for key in ("value", "records"):
        found = objects(body.get(key))
        if found and all(map(is_entry, found)):
            return found
    return None


def entry(body: Document) -> AuditEntry | None:
    """An entry that may have changed something; None for what only began, and for other categories."""
    operation = _word(body.get("operationName"))
    status = _word(body.get("status") or body.get("resultType")).lower()
    at = instant(body.get("eventTimestamp") or body.get("time"))
    if at is None or not _CHANGES.search(operation) or status in _BEGUN:
        return None
    uid = _resource(body)
    child = _CHILD.match(uid)
    return AuditEntry(
        resources=(uid, child[1]) if child else (uid,),
        at=at,
        principal=text(body.get("caller")) or _claimed(body),
        operation=operation,
        provider=Provider.AZURE,
        event_id=text(body.get("eventDataId")) or text(body.get("correlationId")),
        source_address=text(body.get("callerIpAddress")) or _address(body.get("httpRequest")),
        is_success=status not in _FAILED,
    )


def _resource(body: Document) -> str:
    return text(body.get("resourceId")) or text(body.get("resourceUri"))


def _word(value: Json) -> str:
    return text(value.get("value")) if isinstance(value, dict) else text(value)


def _claimed(body: Document) -> str:
    """Who called by the token's claims: a person's name, else the application's id."""
    identity = body.get("identity")
    claims = identity.get("claims") if isinstance(identity, dict) else body.get("claims")
    if not isinstance(claims, dict):
        return ""
    names = ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "upn", "name", "appid")
    return next((text(claims.get(name)) for name in names if claims.get(name)), "")


def _address(request: Json) -> str:
    return text(request.get("clientIpAddress")) if isinstance(request, dict) else ""
