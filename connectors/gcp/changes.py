"""Change messages of Cloud Asset Inventory's feeds: as published, or in the envelopes of Pub/Sub's push and pull.

**Source**: Google Cloud, "Monitor asset changes", `TemporalAsset`; Pub/Sub `PubsubMessage`.
"""

from __future__ import annotations

from typing import Final

from connectors.change_message import Told, base64_text, nested_json, require_instant
from connectors.gcp import normalize
from connectors.observation import Document, member, text
from domain.errors import InputError
from domain.inventory import RecordClass

_WELCOME: Final = "You have successfully configured"


def is_message(body: Document) -> bool:
    """Whether this is a feed's message, bare or in Pub/Sub's envelope."""
    asset, message = body.get("asset"), body.get("message")
    if isinstance(asset, dict) and normalize.is_asset(asset):
        return True
    return isinstance(message, dict) and isinstance(message.get("data"), str)


def read(body: Document, message_id: str = "") -> tuple[Told, ...]:
    """What a message tells; nothing where it is the welcome message of a feed.

    Raises:
        InputError: it is not whole, or holds a policy and not the resource.
    """
    message = body.get("message")
    if isinstance(message, dict):
        inside = base64_text(message.get("data"), what="message.data")
        if inside.startswith(_WELCOME):
            return ()
        return read(nested_json(inside, what="message.data"), text(member(message, "messageId", "message_id")))
    asset = nested_json(body.get("asset"), what="asset")
    if not normalize.is_asset(asset):
        raise InputError("the message is without an asset's name and type")
    window = body.get("window")
    started = window.get("startTime") if isinstance(window, dict) else None
    at = require_instant(started or member(asset, "updateTime", "update_time"), what="window.startTime")
    name = text(asset["name"])
    if body.get("deleted") is True:
        return (Told(name, at, message_id=message_id),)
    found = normalize.classify_asset(asset)
    if found.kind is RecordClass.GAP:
        raise InputError(found.reason, uid=name, todo=found.todo)
    return (Told(name, at, found.observations, message_id=message_id),)


def carried(body: Document) -> Document:
    """What stands in Pub/Sub's envelope, readable; a message without one, or one that cannot be opened, as it is."""
    message = body.get("message")
    if not isinstance(message, dict):
        return body
    try:
        return nested_json(base64_text(message.get("data"), what="message.data"), what="message.data")
    except InputError:
        return body
