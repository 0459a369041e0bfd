"""Reading governance documents field by field: what is wrong is named with file, JSON path, expected and got.

Assignments, initiatives, exemptions and bundles share this. Fields that are not ours to judge are left alone, so that
documents which a cloud exported are read as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.value import Json
from policy.errors import InvalidDefinition

SHOWN_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a document.

    Args:
        origin: the file, for messages.
        path: JSON path of the object in it.
    """

    body: Mapping[str, Json]
    origin: str
    path: str = "$"

    @staticmethod
    def of(document: Json, origin: str, path: str = "$") -> Fields:
        """Read an object.

        Raises:
            InvalidDefinition: it is none.
        """
        if not isinstance(document, dict):
            raise _wrong("not an object", origin, path, expected="an object", got=document)
        return Fields(document, origin, path)

    def text(self, name: str) -> str:
        """A text that must be there and not be empty."""
        found = self.optional(name)
        if found is None:
            raise self.wrong("text is missing", name, expected="text", got=self.body.get(name))
        return found

    def optional(self, name: str) -> str | None:
        """A text; None where it is absent, null or empty."""
        found = self.body.get(name)
        if found is None or (isinstance(found, str) and not found.strip()):
            return None
        if not isinstance(found, str):
            raise self.wrong("not text", name, expected="text", got=found)
        return found.strip()

    def inner(self, name: str) -> Fields:
        """An object; an empty one where it is absent or null."""
        found = self.body.get(name)
        return Fields.of({} if found is None else found, self.origin, f"{self.path}.{name}")

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts; None where it is absent or null."""
        found = self.body.get(name)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self.wrong("not a list of texts", name, expected="a list of texts", got=found)
        return tuple(str(each) for each in found)

    def objects(self, name: str) -> Iterator[Fields]:
        """The objects of a list; none where it is absent or null."""
        found = self.body.get(name)
        if found is None:
            return iter(())
        if not isinstance(found, list):
            raise self.wrong("not a list", name, expected="a list", got=found)
        return (Fields.of(each, self.origin, f"{self.path}.{name}[{at}]") for at, each in enumerate(found))

    def wrong(self, summary: str, name: str, **facts: object) -> InvalidDefinition:
        """What is wrong with one field."""
        return _wrong(summary, self.origin, f"{self.path}.{name}", **facts)


def _wrong(summary: str, origin: str, path: str, **facts: object) -> InvalidDefinition:
    shown = {name: _short(value) if name == "got" else value for name, value in facts.items()}
    return InvalidDefinition(summary, **{"where": origin, "path": path, "todo": "Correct the document", **shown})


def _short(value: object) -> object:
    text = repr(value)
    return value if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"
