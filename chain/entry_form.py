"""Many entries of one tenant, written around bodies that are canonical already.

`chain.entry` writes any event; here the body's bytes are given, so that whoever has checked ten thousand bodies does
not walk them once more. The result is byte for byte what `chain.entry` would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from chain.canonical import encode
from chain.entry import REQUEST_ID_LENGTH_MAX
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from domain.errors import InputError
from domain.evidence import EventType
from domain.tenancy import TenantId


class EntryForm:
    """The envelope of a tenant's entries without artifacts."""

    def __init__(self, tenant: TenantId) -> None:
        self._tenant = encode(str(tenant))

    def write(self, event_type: EventType, *, request_id: str, at: str, body: bytes) -> bytes:
        """One entry.

        Args:
            request_id: of the caller's making, not one of the log's own.
            at: an instant in its one spelling.
            body: a JSON object in canonical form.

        Raises:
            InputError: the request id or the entry is too long.
        """
        return self.write_all(event_type, request_ids=(request_id,), times=(at,), bodies=(body,))[0]

    def write_all(
        self, event_type: EventType, *, request_ids: Sequence[str], times: Sequence[str], bodies: Sequence[bytes]
    ) -> list[bytes]:
        """Entries of one type; as `write` of each."""
        if wrong := [name for name in request_ids if not 0 < len(name) <= REQUEST_ID_LENGTH_MAX]:
            raise InputError(
                "request id is not valid", got=wrong[0][:80], expected=f"1 to {REQUEST_ID_LENGTH_MAX} characters"
            )
        spelled = {at: b'{"artifacts":{},"at":"%s","body":' % at.encode("ascii") for at in set(times)}
        tail = b',"tenant":%s,"type":%s,"v":1}' % (self._tenant, encode(event_type.value))
        entries = [
            b'%s%s,"request_id":%s%s' % (spelled[at], body, name, tail)
            for at, body, name in zip(times, bodies, _texts(request_ids), strict=True)
        ]
        if max(map(len, entries)) > ENTRY_SIZE_BYTES_MAX:
            place = next(place for place, entry in enumerate(entries) if len(entry) > ENTRY_SIZE_BYTES_MAX)
            raise InputError(
                "entry is too long",
                request_id=request_ids[place],
                size_bytes=len(entries[place]),
                size_bytes_max=ENTRY_SIZE_BYTES_MAX,
                todo="Keep the larger part elsewhere and record its digest",
            )
        return entries


def _texts(request_ids: Iterable[str]) -> list[bytes]:
    """Request ids as canonical JSON: for text alone the fast encoder is exact, and what it refuses has none."""
    try:
        return list(map(orjson.dumps, request_ids))
    except TypeError as error:
        raise InputError("request id has no canonical JSON form", reason=str(error)) from error
