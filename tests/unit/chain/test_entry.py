"""Entries have one spelling, one meaning, and limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from chain.canonical import encode
from chain.checkpoint import open_checkpoint
from chain.entry import ARTIFACT_SIZE_BYTES_MAX, digest_artifacts, encode_event
from chain.envelope import ENTRY_SIZE_BYTES_MAX, read_envelope
from chain.note import Note, Signature, VerifierKey, open_note, parse_note, parse_verifier_key
from chain.signer import FileSigner
from chain.strict_json import parse
from domain.errors import InputError, IntegrityError
from domain.evidence import Artifact, EventType, EvidenceEvent
from tests.unit.chain.samples import ACME, NOON, event

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_the_canonical_form_is_the_exact_encoders_and_reads_back(value: Any) -> None:
    encoded = encode(value)
    assert encoded == rfc8785.dumps(value)
    try:
        written = encode_event(event("r", body={"value": value}), {})
    except InputError:
        assert any(abs(int(digits)) >= 2**53 for digits in re.findall(r"\d{16,}", encoded.decode()))
    else:
        assert encode(parse(written, size_bytes_max=100_000)) == written


def test_a_float_that_would_read_as_a_huge_integer_is_refused_in_an_entry() -> None:
    with pytest.raises(InputError, match="too large"):
        encode_event(event("r", body={"value": 2.0**60}), {})
    assert b'"value":0.5' in encode_event(event("r", body={"value": 0.5}), {})


class Colour(StrEnum):
    RED = "red"


def test_tuples_and_named_texts_are_what_they_stand_for() -> None:
    assert encode({"b": (1, 2), "a": Colour.RED}) == b'{"a":"red","b":[1,2]}'


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        -(2**53),
        float("nan"),
        float("inf"),
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {"a": {1}},
        b"x",
        nested(65),
        object(),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        encode(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"b":2,"a":1}}',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"9007199254740992",
        b"NaN",
        b"-Infinity",
        b"[" * 65 + b"]" * 65,
        b"[" * 20_000,
        b"\xff",
        b"\xef\xbb\xbf1",
        b"{",
        b"1" * 65_536,
        b'{"a":1} x',
    ],
)
def test_json_of_more_than_one_meaning_is_refused(text: bytes) -> None:
    with pytest.raises(InputError):
        parse(text, size_bytes_max=65_535)


def test_json_with_characters_beyond_ascii_is_read() -> None:
    assert parse('{"é":["ü",true,1]}'.encode(), size_bytes_max=100) == {"é": ["ü", True, 1]}


def test_the_longest_entry_is_accepted_and_one_byte_more_is_not() -> None:
    room = ENTRY_SIZE_BYTES_MAX - len(encode_event(event("r", body={"a": ""}), {}))
    assert len(encode_event(event("r", body={"a": "x" * room}), {})) == ENTRY_SIZE_BYTES_MAX
    with pytest.raises(InputError, match="artifact"):
        encode_event(event("r", body={"a": "x" * (room + 1)}), {})


@pytest.mark.parametrize("request_id", ["", "x" * 201, "block/0"])
def test_request_ids_have_bounds(request_id: str) -> None:
    with pytest.raises(InputError, match="request id"):
        encode_event(event(request_id), {})


def test_only_the_log_seals_blocks_and_times_need_a_zone() -> None:
    with pytest.raises(InputError, match="by the log itself"):
        encode_event(EvidenceEvent(ACME, "r", EventType.BLOCK_SEALED, NOON, {}), {})
    with pytest.raises(InputError, match="no zone"):
        encode_event(EvidenceEvent(ACME, "r", EventType.DRIFT_DETECTED, datetime(2026, 1, 1), {}), {})  # noqa: DTZ001


class Huge(bytes):
    def __len__(self) -> int:
        return ARTIFACT_SIZE_BYTES_MAX + 1


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("../a", Artifact("text/plain", b"")),
        ("", Artifact("text/plain", b"")),
        ("a", Artifact("text", b"")),
        ("a", Artifact("text/plain\n", b"")),
        ("a", Artifact("text/plain", Huge())),
    ],
)
def test_artifacts_have_bounds(name: str, artifact: Artifact) -> None:
    with pytest.raises(InputError):
        digest_artifacts(event("r", artifacts={name: artifact}))


def changed(**fields: object) -> Mapping[str, object]:
    whole = json.loads(encode_event(event("r"), {}))
    return {**whole, **fields}


ARTIFACT = {"sha256": "0" * 64, "sha3_256": "0" * 64, "size": 1, "media_type": "text/plain"}
BLOCK = {"height": 0, "prev": "0" * 64, "size": 0, "root_sha256": "0" * 64, "root_sha3_256": "0" * 64, "ts": "x"}


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        changed(v=2),
        changed(more=1),
        changed(type=1),
        changed(request_id=None),
        changed(artifacts=[]),
        changed(artifacts={"a": {}}),
        changed(artifacts={"a": {**ARTIFACT, "size": -1}}),
        changed(artifacts={"a": {**ARTIFACT, "size": True}}),
        changed(artifacts={"a": {**ARTIFACT, "sha256": "A" * 64}}),
        changed(type="BlockSealed"),
        changed(type="BlockSealed", body={**BLOCK, "height": "0"}),
    ],
)
def test_an_entry_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        read_envelope(json.dumps(value).encode())


@pytest.mark.parametrize(
    "text", ["", "a", "a+b", "a b+00000000+AA==", "a+0000000g+AA==", "a+00000000+AA==", "a+00000000+" + "A" * 44]
)
def test_a_text_that_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_verifier_key(text)


def test_a_key_under_another_keys_id_is_refused() -> None:
    text = VerifierKey("a", b"k" * 32).text
    assert parse_verifier_key(text).text == text
    with pytest.raises(InputError, match="another key's id"):
        parse_verifier_key(text.replace("a+", "b+", 1))


@pytest.mark.parametrize(
    "line", ["- a AAAAAAAA", "\u2014 a", "\u2014 a AAAA", "\u2014 a AAAAAA=", "\u2014 a+b AAAAAAAA"]
)
def test_a_signature_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(InputError):
        parse_note(f"text\n\n{line}\n")


def test_a_note_that_cannot_be_written_as_utf_8_is_refused() -> None:
    with pytest.raises(InputError, match="not a signed note"):
        parse_note(b"te\xfft\n\n\xe2\x80\x94 a AAAAAAAA\n".decode("utf-8", errors="surrogateescape"))


def test_a_note_opens_for_known_keys_alone(tmp_path: Path) -> None:
    first, second = (FileSigner(tmp_path / name, name=name) for name in ("a", "b"))
    lines = [Signature(item.key.name, item.key.key_id, item.sign(b"text\n")) for item in (first, second)]
    note = str(Note("text\n", (*lines, lines[0])))
    assert open_note(note, [second.key]).signatures == (lines[1],)
    assert open_note(note, [first.key]).signatures == (lines[0],)
    with pytest.raises(InputError, match="known twice"):
        open_note(note, [first.key, first.key])
    with pytest.raises(IntegrityError, match="no known key"):
        open_note(note, [])
    with pytest.raises(IntegrityError, match="signature is wrong"):
        open_note(note.replace("text", "tex."), [first.key])
    with pytest.raises(InputError, match="too many"):
        parse_note(f"text\n\n{lines[0].line * 101}")
    for wrong in ("text\n", "text\n\n", note[:-1], note.replace("t", "\t", 1)):
        with pytest.raises(InputError):
            parse_note(wrong)


def test_a_checkpoint_signed_under_another_origin_is_refused(tmp_path: Path) -> None:
    signer = FileSigner(tmp_path / "a", name="a")
    for text in ("b\n0\n" + "A" * 43 + "=\n", "a\n0\nAAAA\n", "a\n0\n" + "A" * 43 + "=\nmore\n", "a\n0\n"):
        note = Note(text, (Signature("a", signer.key.key_id, signer.sign(text.encode())),))
        with pytest.raises((InputError, IntegrityError)):
            open_checkpoint(str(note), signer.key)


def test_a_checkpoint_of_more_than_one_signature_is_not_the_keys_alone(tmp_path: Path) -> None:
    signer, text = FileSigner(tmp_path / "a", name="a"), "a\n0\n" + "A" * 43 + "=\n"
    line = Signature("a", signer.key.key_id, signer.sign(text.encode()))
    assert open_checkpoint(str(Note(text, (line,))), signer.key).size == 0
    with pytest.raises(IntegrityError, match="alone"):
        open_checkpoint(str(Note(text, (line, line))), signer.key)
