"""Changes of a platform that is reached over HTTP: the face of `serve.change_desk`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import urlencode

from domain.tenancy import TenantId
from domain.value import Json

Row = dict[str, Any]
Get = Callable[[TenantId, str], Row]
Change = Callable[[TenantId, str, Mapping[str, Json]], Row]
Send = Callable[[TenantId, str, bytes], Row]

_PART_BYTES: Final = 16 << 20
_PART_LINES: Final = 10_000


class RemoteChanges:
    """Speaks to one running platform."""

    def __init__(self, get: Get, change: Change, send: Send) -> None:
        self._get = get
        self._change = change
        self._send = send

    def publish(self, tenant: TenantId, lines: bytes) -> Row:
        """Publish lines there, in parts that a request may have."""
        whole: Row = {"batches": [], "events": 0, "refused": [], "silent": 0}
        first = 0
        for part in _parts(lines):
            done = self._send(tenant, "/changes", b"".join(part))
            whole["batches"] += done["batches"]
            whole["refused"] += [_moved(each, first) for each in done["refused"]]
            whole["events"] += done["events"]
            whole["silent"] += done["silent"]
            first += len(part)
        return whole

    def waiting(self, tenant: TenantId, *, after: str = "", limit: int = 100) -> Row:
        """What the stream there holds."""
        cursor = {"cursor": after} if after else {}
        return self._get(tenant, f"/changes?{urlencode({**cursor, 'limit': limit})}")

    def parked(self, tenant: TenantId) -> Row:
        """What was put aside there."""
        return self._get(tenant, "/changes/parked")

    def retry(self, tenant: TenantId, parked_ids: Sequence[str] | None = None) -> Row:
        """Publish what was put aside there once more."""
        ids: list[Json] | None = None if parked_ids is None else list(parked_ids)
        return self._change(tenant, "/changes/parked/retry", {"ids": ids})

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> Row:
        """Forget what was put aside there."""
        return self._change(tenant, "/changes/parked/discard", {"ids": list(parked_ids)})

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _parts(lines: bytes) -> Iterator[list[bytes]]:
    """Whole lines, as many as one request takes."""
    part: list[bytes] = []
    size = 0
    for line in lines.splitlines(keepends=True):
        if part and (size + len(line) > _PART_BYTES or len(part) == _PART_LINES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _moved(row: Row, lines: int) -> Row:
    return {**row, "line": row["line"] + lines} if "line" in row else row
