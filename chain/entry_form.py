"""Many entries of one tenant, written around bodies that are canonical already.

`chain.entry` writes any event; here the body's bytes are given, so that whoever has checked ten thousand bodies does
not walk them once more. The result is byte for byte what `chain.entry` would write.
"""

from __future__ import annotations

from typing import Final

from chain.canonical import encode
from chain.entry import REQUEST_ID_LENGTH_MAX
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from domain.errors import InputError
from domain.evidence import EventType
from domain.tenancy import TenantId

_HEAD: Final = b'{"artifacts":{},"at":"'


class EntryForm:
    """The envelope of a tenant's entries without artifacts."""

    def __init__(self, tenant: TenantId) -> None:
        self._tenant = encode(str(tenant))
        self._tails: dict[EventType, bytes] = {}

    def write(self, event_type: EventType, *, request_id: str, at: str, body: bytes) -> bytes:
        """One entry.

        Args:
            request_id: of the caller's making, not one of the log's own.
            at: an instant in its one spelling.
            body: a JSON object in canonical form.

        Raises:
            InputError: the request id or the entry is too long.
        """
        if not 0 < len(request_id) <= REQUEST_ID_LENGTH_MAX:
            raise InputError(
                "request id is not valid", got=request_id[:80], expected=f"1 to {REQUEST_ID_LENGTH_MAX} characters"
            )
        tail = self._tails.get(event_type)
        if tail is None:
            tail = self._tails[event_type] = b',"tenant":%s,"type":%s,"v":1}' % (self._tenant, encode(event_type.value))
        entry = b'%s%s","body":%s,"request_id":%s%s' % (_HEAD, at.encode("ascii"), body, encode(request_id), tail)
        if len(entry) > ENTRY_SIZE_BYTES_MAX:
            raise InputError(
                "entry is too long",
                request_id=request_id,
                size_bytes=len(entry),
                size_bytes_max=ENTRY_SIZE_BYTES_MAX,
                todo="Keep the larger part elsewhere and record its digest",
            )
        return entry
