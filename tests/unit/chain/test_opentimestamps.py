"""Proof files written by hand here, byte by byte, so that the reader is not tested with its own writer."""

from __future__ import annotations

import hashlib
import random

import pytest

from chain.anchors.keccak import keccak256
from chain.anchors.opentimestamps import (
    DEPTH_MAX,
    KECCAK256_MAX,
    MESSAGE_SIZE_BYTES_MAX,
    PROOF_SIZE_BYTES_MAX,
    Attested,
    BlockAttestation,
    DetachedTimestamp,
    PendingAttestation,
    Timestamp,
    UnknownAttestation,
    format_proof,
    format_timestamp,
    parse_proof,
    parse_timestamp,
)
from domain.errors import InputError

MAGIC = bytes.fromhex("004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294")
DOCUMENT = b"what was there\n"
DIGEST = hashlib.sha256(DOCUMENT).digest()
HEAD = MAGIC + b"\x01\x08" + DIGEST
URI = b"https://calendar.example"
BITCOIN = bytes.fromhex("000588960d73d7190103f7ef15")
BITCOIN_HEIGHT = 0x77 + (0x6F << 7) + (0x15 << 14)
PENDING = bytes.fromhex("0083dfe30d2ef90c8e") + bytes([len(URI) + 1, len(URI)]) + URI
UNKNOWN = bytes.fromhex("00010203040506070802aabb")


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse_proof(data)
    return caught.value.summary


def test_a_proof_leads_from_the_document_to_each_attestation() -> None:
    proof = parse_proof(HEAD + b"\xff\xf0\x02ab\x08" + PENDING + b"\xff" + UNKNOWN + b"\xf1\x01c\x08\xf2" + BITCOIN)
    assert proof.attested() == (
        Attested(PendingAttestation(URI.decode()), hashlib.sha256(DIGEST + b"ab").digest()),
        Attested(UnknownAttestation(bytes(range(1, 9)), b"\xaa\xbb"), DIGEST),
        Attested(BlockAttestation("bitcoin", BITCOIN_HEIGHT), hashlib.sha256(b"c" + DIGEST).digest()[::-1]),
    )
    assert proof.is_of(DOCUMENT)
    assert not proof.is_of(DOCUMENT + b"!")


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        (b"\x02", hashlib.sha1(DIGEST).digest()),
        (b"\x03", hashlib.new("ripemd160", DIGEST).digest()),
        (b"\x67", keccak256(DIGEST)),
        (b"\xf3", DIGEST.hex().encode()),
    ],
)
def test_every_operation_gives_what_it_names(operation: bytes, result: bytes) -> None:
    assert [item.message for item in parse_proof(HEAD + operation + UNKNOWN).attested()] == [result]


def test_keccak_differs_from_sha3_in_its_padding_alone() -> None:
    for size in (0, 1, 135, 136, 137, 300):
        message = bytes(range(256)) * 2
        assert keccak256(message[:size], padding=6) == hashlib.sha3_256(message[:size]).digest()
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_a_litecoin_block_is_told_from_a_bitcoin_block() -> None:
    proof = parse_proof(HEAD + bytes.fromhex("0006869a0d73d71b450105"))
    assert proof.attested()[0].attestation == BlockAttestation("litecoin", 5)


@pytest.mark.parametrize(
    "tail",
    [
        BITCOIN,
        b"\xff" + PENDING + UNKNOWN,
        b"\xff\x08\xff" + BITCOIN + b"\xf0\x01x" + PENDING + b"\xff" + UNKNOWN + b"\xf1\x81\x01" + bytes(129) + PENDING,
    ],
)
def test_a_proof_is_written_as_it_was_read(tail: bytes) -> None:
    assert format_proof(parse_proof(HEAD + tail)) == HEAD + tail


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "not an OpenTimestamps proof"),
        (MAGIC[:20], "not an OpenTimestamps proof"),
        (b"\x01" + HEAD[1:] + BITCOIN, "not an OpenTimestamps proof"),
        (MAGIC + b"\x02\x08" + DIGEST + BITCOIN, "time stamp is of another version"),
        (MAGIC + b"\x81\x00\x08" + DIGEST + BITCOIN, "time stamp is malformed: version"),
        (MAGIC + b"\xff" * 10 + b"\x01\x08" + DIGEST + BITCOIN, "time stamp is malformed: version"),
        (MAGIC + b"\x01\x09" + DIGEST + BITCOIN, "time stamp is malformed: digest type"),
        (MAGIC + b"\x01\x08" + DIGEST[:31], "time stamp is malformed: digest"),
        (HEAD, "time stamp is malformed: operation"),
        (HEAD + b"\x99" + BITCOIN, "time stamp is malformed: operation"),
        (HEAD + b"\xff\xff" + BITCOIN + BITCOIN, "time stamp is malformed: operation"),
        (HEAD + b"\xff" + BITCOIN, "time stamp is malformed: operation"),
        (HEAD + b"\xf0\x00" + BITCOIN, "time stamp is malformed: argument"),
        (HEAD + b"\xf0\x81\x20" + bytes(4097) + BITCOIN, "time stamp is malformed: argument"),
        (HEAD + BITCOIN + b"\x00", "time stamp is malformed: end of file"),
        (HEAD + BITCOIN[:-1], "time stamp is malformed: attestation"),
        (HEAD + bytes.fromhex("0001020304050607088140") + bytes(8193), "time stamp is malformed: attestation"),
        (HEAD + bytes.fromhex("000588960d73d71901020500"), "time stamp is malformed: block height"),
        (HEAD + bytes.fromhex("000588960d73d7190100"), "time stamp is malformed: block height"),
        (HEAD + bytes.fromhex("0083dfe30d2ef90c8e03016162"), "time stamp is malformed: calendar's address"),
        (HEAD + bytes.fromhex("0083dfe30d2ef90c8e020120"), "time stamp is malformed: calendar's address"),
        (HEAD + b"\x08" * DEPTH_MAX + BITCOIN, "time stamp is malformed: depth"),
        (HEAD + b"\xf3" * 8 + BITCOIN, "time stamp leads to a message of forbidden length"),
        (HEAD + (b"\xff\x67" + BITCOIN) * (KECCAK256_MAX + 1) + BITCOIN, "time stamp is malformed: operation"),
        (HEAD + bytes(PROOF_SIZE_BYTES_MAX), "time stamp is too long"),
    ],
)
def test_what_is_no_proof_is_refused(data: bytes, summary: str) -> None:
    assert refusal(data) == summary


def test_the_longest_message_and_the_deepest_row_are_read() -> None:
    longest = MESSAGE_SIZE_BYTES_MAX - len(DIGEST)
    assert parse_proof(HEAD + b"\xf0\xe0\x1f" + bytes(longest) + UNKNOWN).attested()[0].message == DIGEST + bytes(
        longest
    )
    assert len(parse_proof(HEAD + b"\xf2" * (DEPTH_MAX - 1) + UNKNOWN).attested()) == 1


def test_a_hash_function_that_the_platform_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, data: bytes, *, usedforsecurity: bool) -> None:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", refuse)
    with pytest.raises(InputError) as caught:
        parse_proof(HEAD + b"\x03" + BITCOIN)
    assert caught.value.facts["got"] == "ripemd160"


def test_a_calendars_answer_takes_the_place_of_its_promise() -> None:
    promised = hashlib.sha256(DIGEST + b"n").digest()
    timestamp = parse_timestamp(b"\xff\xf0\x01n\x08" + PENDING + UNKNOWN, DIGEST)
    answer = parse_timestamp(b"\xf1\x01m\x08" + BITCOIN, promised)
    whole = timestamp.extended(DIGEST, at=promised, by=answer)
    assert format_timestamp(whole) == b"\xff\xf0\x01n\x08\xff" + PENDING + b"\xf1\x01m\x08" + BITCOIN + UNKNOWN
    assert whole.extended(DIGEST, at=promised, by=answer) == whole
    assert Attested(BlockAttestation("bitcoin", BITCOIN_HEIGHT), hashlib.sha256(b"m" + promised).digest()) in (
        whole.attested(DIGEST)
    )


def test_a_proof_made_here_is_read_again() -> None:
    made = DetachedTimestamp(
        0x08, DIGEST, Timestamp((BlockAttestation("bitcoin", 2**64 - 1), PendingAttestation("a:b")))
    )
    assert parse_proof(format_proof(made)) == made


def test_no_damage_to_a_proof_gives_anything_but_a_refusal_or_another_proof() -> None:
    whole = HEAD + b"\xff\xf0\x02ab\x08" + PENDING + b"\xff" + UNKNOWN + b"\xf1\x01c\x08\xf2\xf3\x67\x03\x02" + BITCOIN
    random_source = random.Random(4)
    damaged = [whole[:length] for length in range(len(whole))]
    for position in range(len(whole)):
        for _ in range(8):
            copy = bytearray(whole)
            copy[position] ^= random_source.randrange(1, 256)
            damaged.append(bytes(copy))
    read = 0
    for data in damaged:
        try:
            proof = parse_proof(data)
        except InputError:
            continue
        assert format_proof(proof) == data
        read += 1
    assert 0 < read < len(damaged)
