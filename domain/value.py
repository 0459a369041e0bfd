"""JSON values as providers return them, and the two ways of not having one.

``MISSING`` means the provider was asked and the attribute is not set. ``UNREAD`` means nobody asked, so a
policy that needs it is undecidable.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Absent(Enum):
    """Why a path has no value."""

    MISSING = "missing"
    UNREAD = "unread"

    def __repr__(self) -> str:
        return self.name


MISSING: Final[Literal[Absent.MISSING]] = Absent.MISSING
UNREAD: Final[Literal[Absent.UNREAD]] = Absent.UNREAD

Value: TypeAlias = "Json | Absent"
