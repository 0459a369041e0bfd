"""Values that a template has only when it is applied: they stand as removed, so nothing is compared with them."""

from __future__ import annotations

from typing import Final

from connectors.redaction import removed
from domain.value import Json

UNKNOWN: Final = removed("known only when it is applied")


def is_unknown(value: Json) -> bool:
    """Whether a value, or any part of it, is not known."""
    if isinstance(value, dict):
        return any(is_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(is_unknown(each) for each in value)
    return value == UNKNOWN
