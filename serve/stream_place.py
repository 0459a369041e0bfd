"""Where changes and events go through, by the settings: made at the composition root, opened where they are used.

Only a reference to an address with a password travels; it is followed in the process that connects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connectors.stream.contract import ChangeStream
from connectors.stream.feed import Feed
from connectors.stream.opening import Streams, open_streams
from domain.errors import InputError, NotFound
from serve.settings import Settings, secret_of

FOLDER: Final = "streams"
_VARIABLE: Final = "env:"
_FILE: Final = "file:"


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """The change stream and the event feed of a platform.

    Args:
        folder: where they are kept without Redis.
        redis: an address without a password, or a reference to one; None for the folder.
    """

    folder: Path
    redis: str | None = None

    def open(self) -> Streams:
        """Open both; connections are made at the first call.

        Raises:
            NotFound: the reference leads nowhere.
            InputError: what it leads to is not an address of Redis.
        """
        return open_streams(self.folder, None if self.redis is None else _address(self.redis))

    def open_changes(self) -> ChangeStream:
        """Open the change stream alone.

        Raises:
            NotFound, InputError: as `open`.
        """
        return self.open().changes

    def open_feed(self) -> Feed:
        """Open the event feed alone.

        Raises:
            NotFound, InputError: as `open`.
        """
        return self.open().feed


def stream_place(settings: Settings) -> StreamPlace:
    """What the settings say; a reference is checked for its form and not followed.

    Raises:
        InputError: the address holds a password.
    """
    folder, named = (settings.store_dir / FOLDER).resolve(), settings.redis_url
    if named is None or named.startswith(_VARIABLE):
        return StreamPlace(folder, named)
    if named.startswith(_FILE):
        return StreamPlace(folder, _FILE + str(Path(named.removeprefix(_FILE)).resolve()))
    if urlsplit(named).password is not None:
        raise InputError(
            "settings must not hold a password",
            where="redis_url",
            todo="Put the whole address into a variable or a file, and set redis_url to env:NAME or file:PATH",
        )
    return StreamPlace(folder, named)


def _address(named: str) -> str:
    if named.startswith(_VARIABLE):
        return secret_of(named.removeprefix(_VARIABLE)).strip()
    if not named.startswith(_FILE):
        return named
    path = Path(named.removeprefix(_FILE))
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotFound("file of Redis' address cannot be read", path=str(path), reason=error.strerror) from error
