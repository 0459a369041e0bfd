"""The logs of many tenants below a folder; what is known of the least recently used is forgotten, and read again."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final

from connectors.stream.file_log import SEGMENT_BYTES_MAX, FileLog
from domain.clock import Clock
from domain.recent import Recent
from domain.tenancy import TenantId

LOGS_MAX: Final = 2_000


class LogShelf:
    """Opens a tenant's logs by name. Safe for several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        is_synced: bool,
        clock: Clock | None = None,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        logs_max: int = LOGS_MAX,
    ) -> None:
        self._folder = folder
        self._is_synced = is_synced
        self._clock = clock
        self._segment_bytes_max = segment_bytes_max
        self._logs = Recent[tuple[TenantId, str], FileLog](logs_max)
        self._mutex = Lock()

    def folder(self, tenant: TenantId) -> Path:
        """Where a tenant's logs are."""
        return self._folder / tenant

    def log(self, tenant: TenantId, name: str) -> FileLog:
        """A tenant's log of this name."""
        with self._mutex:
            log = self._logs.get((tenant, name)) or self._open(tenant, name)
            self._logs.put((tenant, name), log)
            return log

    def _open(self, tenant: TenantId, name: str) -> FileLog:
        return FileLog(
            self.folder(tenant) / name,
            is_synced=self._is_synced,
            clock=self._clock,
            segment_bytes_max=self._segment_bytes_max,
        )
