"""Tenants: our customers. Every store, log and route belongs to exactly one."""

from __future__ import annotations

import re
from typing import Final, NewType

from domain.errors import InputError

TenantId = NewType("TenantId", str)

PLATFORM: Final = TenantId("_platform")
"""The platform itself, where a log or an event needs an owner; no customer can have this name."""

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def tenant_id(text: str) -> TenantId:
    """Check a tenant name: lower-case letters, digits and hyphens, 1 to 63 characters.

    Raises:
        InputError: the text is not such a name.
    """
    if _TENANT.fullmatch(text) is None:
        raise InputError(
            "tenant name is not valid",
            got=text,
            expected="1 to 63 lower-case letters, digits or hyphens, not starting with a hyphen",
            todo="Choose another name with --tenant",
        )
    return TenantId(text)
