"""DER has one spelling; every other is refused."""

from __future__ import annotations

import pytest

from chain import der
from domain.errors import InputError
from tests.unit.chain.anchors.authority import integer, octets, oid, sequence, tlv


def _read(text: str) -> der.Element:
    return der.read(bytes.fromhex(text), what="sample", size_bytes_max=10_000)


@pytest.mark.parametrize(
    "text",
    ["", "02", "0281", "0202ff", "028101", "02810100", "02820001" + "00", "0280", "02850000000001" + "00", "1f0100"],
)
def test_what_is_not_der_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not DER"):
        _read(text)


def test_a_long_length_is_read_in_its_shortest_form() -> None:
    assert der.read(octets(b"x" * 300), what="s", size_bytes_max=400).octets(what="s") == b"x" * 300


def test_bytes_after_the_end_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(InputError, match="after its end"):
        _read("02010000")
    with pytest.raises(InputError, match="too long"):
        der.read(b"\0" * 9, what="sample", size_bytes_max=8)


@pytest.mark.parametrize("value", [0, 1, 127, 128, -1, -100, -129, 2**64])
def test_integers_are_read(value: int) -> None:
    assert der.read(integer(value), what="s", size_bytes_max=99).integer(what="s") == value


@pytest.mark.parametrize("text", ["0200", "02020001", "0202ff80", "0241" + "01" * 65])
def test_a_padded_or_empty_integer_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a DER integer"):
        _read(text).integer(what="s")


@pytest.mark.parametrize("dotted", ["1.2.840.113549.1.7.2", "2.16.840.1.101.3.4.2.1", "0.9.2342", "2.999.3"])
def test_object_identifiers_are_read(dotted: str) -> None:
    assert der.read(oid(dotted), what="s", size_bytes_max=99).object_identifier(what="s") == dotted


@pytest.mark.parametrize("text", ["0600", "060180", "06022a80", "0603808001", "0641" + "01" * 65])
def test_an_unfinished_or_padded_identifier_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not an object identifier"):
        _read(text).object_identifier(what="s")


def test_an_element_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="serial is not of its type"):
        _read("0400").integer(what="serial")
    with pytest.raises(InputError, match="nothing within"):
        _read("0400").children()


def test_elements_are_found_by_place_and_by_tag() -> None:
    parts = der.read(sequence(integer(1), octets(b"a")), what="s", size_bytes_max=99).children()
    found = der.by_tag(parts, der.OCTET_STRING)
    assert found is not None
    assert found.content == b"a"
    assert der.by_tag(parts, der.SET) is None
    assert der.at(parts, 0, what="s").integer(what="s") == 1
    with pytest.raises(InputError, match="serial is missing"):
        der.at(parts, 2, what="serial")


def test_too_many_elements_are_refused() -> None:
    row = tlv(0x30, integer(0) * (der.ELEMENTS_MAX + 1))
    with pytest.raises(InputError, match="too many"):
        der.read(row, what="s", size_bytes_max=len(row)).children()


def test_a_context_tag_says_its_number_and_form() -> None:
    assert (der.context(0), der.context(1, constructed=False)) == (0xA0, 0x81)
