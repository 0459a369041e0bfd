"""Reading DER in its one spelling: definite lengths, each as short as it can be, nothing left over.

Only what certificates' signatures and time stamps need; there is no writer. Order within a SET is not judged, because
the certificates in time stamp tokens are often unsorted and their order says nothing.

Source: ITU-T X.690 sections 8 and 10.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from domain.errors import InputError

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
ELEMENTS_MAX: Final = 4096
NUMBER_SIZE_BYTES_MAX: Final = 64
"""Of an integer, or an object identifier; what is read here is shorter."""

_CONSTRUCTED = 0x20
_TIME = re.compile(rb"([0-9]{14})(?:\.([0-9]{0,5}[1-9]))?Z")


def context(number: int, *, constructed: bool = True) -> int:
    """Tag byte of ``[number]``."""
    return 0x80 | number | (_CONSTRUCTED if constructed else 0)


@dataclass(frozen=True, slots=True)
class Element:
    """One value: its tag byte, its content, and both with the length as they stood."""

    tag: int
    content: bytes = field(repr=False)
    encoded: bytes = field(repr=False)

    def require(self, tag: int, *, what: str) -> Element:
        """This element, of that tag.

        Raises:
            InputError: it has another tag.
        """
        if self.tag != tag:
            raise InputError(f"{what} is not of its type", expected=f"tag {tag:#04x}", got=f"tag {self.tag:#04x}")
        return self

    def children(self) -> tuple[Element, ...]:
        """The elements within.

        Raises:
            InputError: the content is not a row of elements.
        """
        if not self.tag & _CONSTRUCTED:
            raise InputError("DER element has nothing within", got=f"tag {self.tag:#04x}")
        return _read_all(self.content)

    def integer(self, *, what: str) -> int:
        """An INTEGER's value."""
        content = self.require(INTEGER, what=what).content
        is_padded = len(content) > 1 and (
            (content[0] == 0 and content[1] < 0x80) or (content[0] == 0xFF and content[1] >= 0x80)
        )
        if not 0 < len(content) <= NUMBER_SIZE_BYTES_MAX or is_padded:
            raise InputError(f"{what} is not a DER integer", got=content[:20].hex())
        return int.from_bytes(content, "big", signed=True)

    def object_identifier(self, *, what: str) -> str:
        """An OBJECT IDENTIFIER in dotted form."""
        content = self.require(OBJECT_IDENTIFIER, what=what).content
        arcs: list[int] = []
        value = 0
        is_inside = False
        for byte in content:
            if byte == 0x80 and not is_inside:
                raise InputError(f"{what} is not an object identifier", got=content[:40].hex())
            value = value << 7 | byte & 0x7F
            is_inside = byte >= 0x80
            if not is_inside:
                arcs.append(value)
                value = 0
        if is_inside or not arcs or len(content) > NUMBER_SIZE_BYTES_MAX:
            raise InputError(f"{what} is not an object identifier", got=content[:40].hex())
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))

    def octets(self, *, what: str) -> bytes:
        """An OCTET STRING's bytes."""
        return self.require(OCTET_STRING, what=what).content

    def time(self, *, what: str) -> datetime:
        """A GeneralizedTime in UTC, to the microsecond.

        Source: RFC 3161 section 2.4.2.
        """
        content = self.require(GENERALIZED_TIME, what=what).content
        matched = _TIME.fullmatch(content)
        try:
            whole = datetime.strptime((matched[1] if matched else b"").decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            raise InputError(f"{what} is not a time", got=ascii(content[:40]), expected="YYYYMMDDhhmmss[.s]Z") from None
        fraction = matched[2] if matched and matched[2] else b"0"
        return whole.replace(microsecond=int(fraction.ljust(6, b"0")))


def read(data: bytes, *, what: str, size_bytes_max: int) -> Element:
    """The one element that the data is.

    Raises:
        InputError: too long, or not exactly one DER element.
    """
    if len(data) > size_bytes_max:
        raise InputError(f"{what} is too long", size_bytes=len(data), size_bytes_max=size_bytes_max)
    element, end = _read_one(data, 0)
    if end != len(data):
        raise InputError(f"{what} has bytes after its end", size_bytes=end, got=len(data))
    return element


def by_tag(elements: Sequence[Element], tag: int) -> Element | None:
    """The first element of that tag."""
    return next((element for element in elements if element.tag == tag), None)


def at(elements: Sequence[Element], index: int, *, what: str) -> Element:
    """The element at that place.

    Raises:
        InputError: there are fewer.
    """
    if index >= len(elements):
        raise InputError(f"{what} is missing", expected=f"at least {index + 1} elements", got=len(elements))
    return elements[index]


def _read_all(data: bytes) -> tuple[Element, ...]:
    found: list[Element] = []
    position = 0
    while position < len(data):
        element, position = _read_one(data, position)
        found.append(element)
        if len(found) > ELEMENTS_MAX:
            raise InputError("DER element has too many within", elements_max=ELEMENTS_MAX)
    return tuple(found)


def _read_one(data: bytes, start: int) -> tuple[Element, int]:
    head = data[start : start + 2]
    if len(head) < 2 or head[0] & 0x1F == 0x1F:
        raise InputError("not DER", position=start, expected="a tag below 31 and a length", got=head.hex())
    length, begin = head[1], start + 2
    if length >= 0x80:
        count = length & 0x7F
        written = data[begin : begin + count]
        length, begin = int.from_bytes(written, "big"), begin + count
        if not 1 <= count <= 4 or len(written) < count or written[0] == 0 or length < 0x80:
            raise InputError("not DER", position=start, expected="the shortest definite length", got=head.hex())
    end = begin + length
    if end > len(data):
        raise InputError("not DER", position=start, expected=f"{length} bytes", got=len(data) - begin)
    return Element(head[0], data[begin:end], data[start:end]), end
