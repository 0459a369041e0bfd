"""What the log asks of whatever keeps its files. Folders and object stores promise the same here, or refuse.

An object appears whole or not at all, and what was acknowledged is durable. A read that fails is an error, never
"nothing there". Names are those that every store keeps as they are: a test holds each store to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol, Self

from domain.errors import InputError

NAME_SIZE_BYTES_MAX: Final = 800
SEGMENT_SIZE_BYTES_MAX: Final = 200
TEMPORARY_SUFFIX: Final = ".partial-write"
CHUNK_SIZE_BYTES: Final = 1 << 20
BATCH_SIZE_BYTES: Final = 64 << 20

_SEGMENT = re.compile(r"[A-Za-z0-9!$&'()+,;=@_ .-]+")

Source = Callable[[], Iterable[bytes]]
"""Gives an object's content from its start, as often as it is asked: an attempt may have to be repeated."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which content of an object: opaque, and given back as it was.

    Args:
        generation: what some stores want beside the tag.
    """

    tag: str
    generation: str | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """What a store that serves strangers tells them about an object; a folder has nowhere to keep it."""

    media_type: str = "application/octet-stream"
    cache_control: str = "no-cache"


@dataclass(frozen=True, slots=True)
class Blob:
    """An object as it was read."""

    content: bytes
    version: Version


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing names it."""

    name: str
    size_bytes: int


NO_HINTS: Final = Hints()

Item = tuple[str, bytes, Hints]
"""An object to put: name, content, hints."""


class BlobStore(Protocol):
    """Objects by name. A name has no meaning but its folders; a name is never also a folder.

    Every method may raise:
        InputError: not a name, or not a folder's name.
        UnavailableError: no answer, or a broken one; nothing is known to have happened. Repeating is safe.
        AccessDenied: the store does not let us.
    """

    @property
    def location(self) -> str:
        """Where this is, for people."""

    def get(self, name: str) -> Blob:
        """Read an object whole.

        Raises:
            NotFound: no such object, and the store is sure of it.
        """

    def part(self, name: str, *, start: int, size_bytes: int) -> bytes:
        """Read some of an object: this much from a place within it, less only where the object ends.

        Raises:
            NotFound: no such object, and the store is sure of it.
        """

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read an object in parts; only when the iterator ends was it read whole.

        Raises:
            NotFound: no such object, and the store is sure of it.
        """

    def size_bytes(self, name: str) -> int:
        """Size of an object.

        Raises:
            NotFound: no such object, and the store is sure of it.
        """

    def put(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        """Make the object hold this content, whatever it held before."""

    def put_new(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        """Make an object that does not exist: of two that try, one wins.

        A lost answer is asked for again. If the object then holds this very content it is taken for ours: contents of
        writers who must not be confused differ by something that only one of them can write.

        Raises:
            ConflictError: the object exists.
        """

    def put_if_match(self, name: str, content: bytes, version: Version, hints: Hints = NO_HINTS) -> Version:
        """Replace the object if it still holds what was read under that version. A lost answer is as in `put_new`.

        Raises:
            ConflictError: the object holds something else, or is gone.
        """

    def put_chunks(self, name: str, source: Source, hints: Hints = NO_HINTS) -> None:
        """Make the object hold what the source gives; if the source raises, the object stays what it was."""

    def put_all(self, items: Iterable[Item]) -> None:
        """Put many objects, all of them durable on return; no order among them is promised."""

    def listing(self, folder: str = "") -> Iterator[Listed]:
        """Everything below a folder, by name in order; a folder that nobody wrote to is empty.

        Args:
            folder: ends with a slash; empty for everything.
        """

    def delete(self, name: str) -> None:
        """See to it that no such object exists."""

    def delete_all(self, names: Iterable[str]) -> None:
        """See to it that none of these objects exists; some may be gone when this raises."""

    def tidy(self) -> None:
        """Remove what interrupted writers left that is no object. Only while nobody else writes."""

    def below(self, folder: str) -> Self:
        """The same store, seen from within a folder.

        Args:
            folder: ends with a slash.
        """


def require_name(name: str) -> str:
    """A name that every store keeps as it is.

    Raises:
        InputError: empty or too long, a segment that is a reference, or a character that some store alters.
    """
    if len(name) > NAME_SIZE_BYTES_MAX or not all(_is_segment(segment) for segment in name.split("/")):
        raise InputError(
            "not a name that every store can keep",
            got=name[:120],
            expected="segments of letters, digits and !$&'()+,;=@_.- with single slashes between them",
            todo="Rename it, or encode what is special in it",
        )
    return name


def require_folder(folder: str) -> str:
    """A folder's name with its slash, or nothing for the whole store.

    Raises:
        InputError: no slash at its end, or not a name before it.
    """
    if folder and not folder.endswith("/"):
        raise InputError("a folder's name ends with a slash", got=folder[:120])
    if folder:
        require_name(folder[:-1])
    return folder


def next_batch(items: Iterator[Item], *, count_max: int, size_bytes: int = BATCH_SIZE_BYTES) -> list[Item]:
    """Take the next objects of many, about as large in sum as `size_bytes`: what is held in memory at once."""
    batch: list[Item] = []
    for item in islice(items, count_max):
        batch.append(item)
        size_bytes -= len(item[1])
        if size_bytes <= 0:
            break
    return batch


def _is_segment(segment: str) -> bool:
    return (
        len(segment) <= SEGMENT_SIZE_BYTES_MAX
        and _SEGMENT.fullmatch(segment) is not None
        and not segment.endswith((".", " ", TEMPORARY_SUFFIX))
        and not segment.startswith(" ")
    )
