"""Forms that every OSCAL document has: its version, its tokens and its times.

Source: NIST OSCAL 1.2.1, metaschema data types.
"""

from __future__ import annotations

from typing import Final

from domain.value import Json

OSCAL_VERSION: Final = "1.2.1"
NAMESPACE_URI: Final = "urn:policycortex:oscal"


def instant(text: str) -> str:
    """A time with the offset that OSCAL asks for."""
    return text.replace("Z", "+00:00")


def token(text: str) -> str:
    """An OSCAL token: a letter or underscore, then letters, digits, dots, hyphens and underscores."""
    cleaned = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in text)
    return cleaned if cleaned[:1].isalpha() else f"_{cleaned}"


def nonempty(name: str, items: list[dict[str, Json]]) -> dict[str, Json]:
    """A list under its name; OSCAL knows no empty lists."""
    return {name: list[Json](items)} if items else {}
