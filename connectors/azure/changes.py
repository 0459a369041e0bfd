"""Change messages of Azure: Event Grid in its own schema or as CloudEvents, and entries of the activity log.

Only the resource notifications carry a resource's state. The older events of subscriptions and resource groups, and the
activity log, say who did what; of these a deletion is a state, and a write only where the answer's body is there.

**Source**: Microsoft, "Azure Resource Notifications - Resource Management events in Azure Event Grid"; "Azure
subscription as an Event Grid source"; "Azure activity log event schema".
"""

from __future__ import annotations

from typing import Final

from connectors.azure import normalize
from connectors.change_message import Told, nested_json, principal_in, require_instant
from connectors.observation import Document, Observation, member, text
from domain.errors import InputError
from domain.resource import resource_key
from domain.value import Json

_STATE: Final = "microsoft.resourcenotifications.resources."
_PLAIN: Final = "microsoft.resources.resource"
_VALIDATION: Final = "microsoft.eventgrid."
_TODO: Final = "Subscribe to the system topic of resource notifications, whose events carry the resource"
_CALLERS: Final = (
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "appid",
)
_SUCCESS: Final = frozenset({"success", "succeeded", "accepted"})


def is_message(body: Document) -> bool:
    """Whether this is an event of Event Grid or an entry of the activity log."""
    if isinstance(body.get("data"), dict) and _kind(body).lower().startswith("microsoft."):
        return True
    return isinstance(body.get("resourceId"), str) and "operationName" in body


def read(body: Document) -> tuple[Told, ...]:
    """What a message tells; nothing where it reports no change of a resource.

    Raises:
        InputError: it is not whole, or says that something changed and not how.
    """
    if not isinstance(body.get("data"), dict):
        return _of_activity(body)
    kind = _kind(body).lower()
    if kind.startswith(_STATE):
        return _of_notification(body, kind)
    if kind.startswith(_PLAIN):
        return _of_plain_event(body, kind)
    if kind.startswith(_VALIDATION):
        return ()
    raise InputError("the event is not one of resources", got=_kind(body)[:100], todo=_TODO)


def _kind(body: Document) -> str:
    return text(body.get("eventType")) or text(body.get("type"))


def _of_notification(body: Document, kind: str) -> tuple[Told, ...]:
    data = nested_json(body["data"], what="data")
    info = nested_json(data.get("resourceInfo"), what="data.resourceInfo")
    uid = _uid(info.get("id"))
    operational = data.get("operationalInfo")
    told_at = operational.get("resourceEventTime") if isinstance(operational, dict) else None
    at = require_instant(told_at or member(body, "eventTime", "time"), what="operationalInfo.resourceEventTime")
    is_gone = kind.endswith(".deleted")
    return (Told(uid, at, () if is_gone else (_whole(info),), message_id=text(body.get("id"))),)


def _of_plain_event(body: Document, kind: str) -> tuple[Told, ...]:
    """An event of a subscription or resource group: only its deletions are states; failures change nothing."""
    data = nested_json(body["data"], what="data")
    if not kind.endswith("success"):
        return ()
    operation = text(data.get("operationName"))
    if not kind.endswith("deletesuccess"):
        raise InputError("the event says that a resource changed, not how", got=_kind(body), todo=_TODO)
    at = require_instant(member(body, "eventTime", "time"), what="eventTime")
    principal = principal_in(data.get("claims"), _CALLERS)
    return (Told(_uid(data.get("resourceUri")), at, (), principal, operation, text(body.get("id"))),)


def _of_activity(body: Document) -> tuple[Told, ...]:
    operation, status = _named(body.get("operationName")), _named(member(body, "status", "resultType"))
    if status.lower() not in _SUCCESS or operation.lower().rpartition("/")[2] not in {"write", "delete"}:
        return ()
    uid = _uid(body.get("resourceId"))
    at = require_instant(member(body, "eventTimestamp", "time"), what="eventTimestamp")
    principal = text(body.get("caller")) or principal_in(_claims(body), _CALLERS)
    message_id = text(body.get("eventDataId"))
    if operation.lower().endswith("/delete"):
        return (Told(uid, at, (), principal, operation, message_id),)
    properties = body.get("properties")
    answer = properties.get("responseBody") if isinstance(properties, dict) else None
    if not answer:
        raise InputError("the entry says that a resource was written, not how", got=operation, todo=_TODO)
    document = nested_json(answer, what="properties.responseBody")
    if resource_key(text(document.get("id"))) != resource_key(uid):
        raise InputError("the answer in the entry is not the resource", uid=uid, got=text(document.get("id"))[:200])
    return (Told(uid, at, (_whole(document),), principal, operation, message_id),)


def _whole(document: Document) -> Observation:
    if not isinstance(document.get("properties"), dict):
        raise InputError("the message is without the resource's properties", uid=text(document.get("id")), todo=_TODO)
    seen = normalize.observe(document)
    if seen is None:
        raise InputError("the resource's id names no type", uid=text(document.get("id")))
    return seen


def _uid(value: Json) -> str:
    uid = text(value)
    if not normalize.is_resource({"id": uid}):
        raise InputError("the message names no resource of Azure", got=uid[:200])
    return uid


def _named(value: Json) -> str:
    """A name that the activity log writes as text, or with a translation beside it."""
    return text(value.get("value")) if isinstance(value, dict) else text(value)


def _claims(body: Document) -> Json:
    identity = body.get("identity")
    return identity.get("claims") if isinstance(identity, dict) else body.get("claims")
