"""The event feed in files, followed by any process of this machine. It survives a crash, not a power cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from connectors.stream.feed import BLOCK_S_MAX, KEPT, PAYLOAD_BYTES_MAX, READ_MAX, FeedItem
from connectors.stream.file_log import FileLog
from connectors.stream.log_shelf import LogShelf
from connectors.stream.position import Position, require_next, text_of
from domain.clock import Clock
from domain.errors import InputError
from domain.tenancy import TenantId

_TOPIC: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


class FileFeed:
    """Messages below a folder: a folder a tenant, one below it a topic."""

    def __init__(self, folder: Path, *, clock: Clock | None = None, kept: int = KEPT) -> None:
        self._shelf = LogShelf(folder, is_synced=False, clock=clock)
        self._kept = kept

    def append(self, tenant: TenantId, topic: str, payloads: Sequence[bytes]) -> tuple[str, ...]:
        require_payloads(payloads)
        if not payloads:
            return ()
        log = self._log(tenant, topic)
        placed = log.append([(b"", payload) for payload in payloads])
        newest = placed[-1]
        if newest.number // self._kept != (newest.number - len(payloads)) // self._kept:
            log.shorten(self._kept)
        return tuple(map(str, placed))

    def read(
        self, tenant: TenantId, topic: str, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[FeedItem, ...]:
        begin = Position.parse(after)
        found = self._log(tenant, topic).read(begin, min(limit, READ_MAX), block_s=min(block_s, BLOCK_S_MAX))
        if found and begin.number:
            require_next(begin, found[0].position)
        return tuple(FeedItem(str(entry.position), entry.payload) for entry in found)

    def last(self, tenant: TenantId, topic: str) -> str:
        return text_of(self._log(tenant, topic).last())

    def close(self) -> None:
        """Nothing is held open."""

    def _log(self, tenant: TenantId, topic: str) -> FileLog:
        return self._shelf.log(tenant, require_topic(topic))


def require_topic(topic: str) -> str:
    """A topic's name: lower-case letters, digits, hyphens and points.

    Raises:
        InputError: it is not such a name.
    """
    if _TOPIC.fullmatch(topic) is None:
        raise InputError("not the name of a topic", got=topic[:100], expected=_TOPIC.pattern)
    return topic


def require_payloads(payloads: Sequence[bytes]) -> None:
    """Raise unless all messages are small enough.

    Raises:
        InputError: one is not.
    """
    largest = max(map(len, payloads), default=0)
    if largest > PAYLOAD_BYTES_MAX:
        raise InputError(
            "a message is too large for a feed", got=largest, expected=f"at most {PAYLOAD_BYTES_MAX} bytes"
        )
