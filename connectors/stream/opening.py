"""The stream and the feed of a platform: files of this machine, or Redis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors.stream.contract import ChangeStream
from connectors.stream.feed import Feed
from connectors.stream.file_feed import FileFeed
from connectors.stream.file_stream import FileChangeStream
from domain.errors import InputError


@dataclass(frozen=True, slots=True)
class Streams:
    """What changes come through, and what events go out by."""

    changes: ChangeStream
    feed: Feed

    def close(self) -> None:
        """Let go of connections."""
        self.changes.close()
        self.feed.close()


def open_streams(folder: Path, redis_url: str | None = None) -> Streams:
    """Open both.

    Args:
        folder: where they are kept without Redis.
        redis_url: with its secrets.

    Raises:
        InputError: the URL is none, or Redis' client is not installed.
    """
    if redis_url is None:
        return Streams(FileChangeStream(folder), FileFeed(folder))
    try:
        from connectors.stream.redis_opening import open_redis  # noqa: PLC0415 (an extra that only this way needs)
    except ModuleNotFoundError as error:
        raise InputError(
            "Redis' client is not installed", got=error.name, todo="Install policycortex with its redis extra"
        ) from None
    return Streams(*open_redis(redis_url))
