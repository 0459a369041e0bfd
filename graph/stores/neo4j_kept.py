"""What the store itself needs of a state, as one text beside the properties that people query.

The server's work for a node grows with the number of its properties, and faster than it; what nobody asks for by hand
is one of them. The text has two lines, so that a state can be seen again, retired or begin again without its item: the
first says what belongs to the item, the second what belongs to the state's place in time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from domain.errors import IntegrityError
from domain.resource import ConfigurationItem
from graph.stores.bodies import encode
from graph.stores.instants import us_from_instant
from graph.stores.known import Known

BREAK: Final = "\n"
"""JSON as we write it has none in it."""


class Sight(NamedTuple):
    """A state's place in time; instants are microseconds since 1970.

    Args:
        written: the store's write that last changed the state.
    """

    fingerprint: str
    valid_from: int
    seen_at: int
    captured_at: int | None
    file: str
    line: int
    retired: bool
    told: bool
    written: int

    @property
    def text(self) -> str:
        """The second line."""
        return encode(list(self))[0].decode()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node says of an item beside its properties.

    Args:
        is_plain: whether the standard library wrote the document.
    """

    digest: str
    synthetic: bool
    tags: dict[str, str]
    unread: Sequence[str]
    is_plain: bool


def item_text(item: ConfigurationItem, *, is_plain: bool) -> str:
    """The first line."""
    return encode([item.digest, item.synthetic, item.tags, item.unread, is_plain])[0].decode()


def facts_of(kept: str) -> Facts:
    """What the first line says."""
    return Facts(*parsed(kept.partition(BREAK)[0]))


def sight_of(kept: str) -> Sight:
    """What the second line says."""
    return Sight(*parsed(kept.partition(BREAK)[2]))


def known_sight(known: Known, written: int = 0) -> Sight:
    """The place in time of a state that is known; its node may have another where only the ledger was written."""
    captured_at, file, line = known.seen
    return Sight(
        known.fingerprint,
        us_from_instant(known.valid_from),
        us_from_instant(known.seen_at),
        None if captured_at is None else us_from_instant(captured_at),
        file,
        line,
        known.is_retired,
        known.is_told,
        written,
    )


def parsed(line: str) -> list[Any]:
    """A line of JSON.

    Raises:
        IntegrityError: it is none.
    """
    try:
        found = orjson.loads(line)
    except ValueError:  # a lone surrogate, if anything
        try:
            found = json.loads(line)
        except ValueError as error:
            raise IntegrityError("a node of the graph cannot be read", reason=str(error)) from None
    return list(found)
