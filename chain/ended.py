"""Marks of logs that have ended: one small file in the state of each, kept for good.

The journal may hold a log's entries longer than the log is kept, because a part of it belongs to many logs. The mark
keeps such a log from rising again, and says whose files may still have to be deleted after a stop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chain.durable import make_private_directory, replace_file
from domain.evidence import LogName
from domain.tenancy import TenantId

MARK: Final = "ended"


def ended_logs(states: Path) -> set[tuple[TenantId, LogName]]:
    """Every log that has ended.

    Args:
        states: one folder a tenant, one a log below.
    """
    paths = states.glob(f"*/*/{MARK}")
    return {(TenantId(path.parts[-3]), name) for path in paths if (name := LogName.find(path.parts[-2])) is not None}


def keep_mark(state: Path, content: bytes) -> None:
    """Set the mark; durable on return."""
    make_private_directory(state)
    replace_file(state / MARK, content, mode=0o600)
