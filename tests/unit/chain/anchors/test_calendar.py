"""A proof as a calendar's answers make it grow."""

from __future__ import annotations

import hashlib

import pytest

from chain.anchors.calendar import CalendarProofs
from chain.anchors.opentimestamps import (
    APPEND,
    SHA256,
    BlockAttestation,
    Operation,
    PendingAttestation,
    Step,
    Timestamp,
    format_timestamp,
)
from domain.errors import InputError

DIGEST = hashlib.sha256(b"a note").digest()
CALENDAR = "https://calendar.example"
PROMISE = Timestamp(
    (
        Step(
            Operation(APPEND, b"nonce"),
            Timestamp((Step(Operation(SHA256), Timestamp((PendingAttestation(CALENDAR),))),)),
        ),
    )
)
MESSAGE = hashlib.sha256(DIGEST + b"nonce").digest()
FORMAT = CalendarProofs()


def test_a_promise_names_the_message_to_ask_for() -> None:
    proof = FORMAT.start(DIGEST, format_timestamp(PROMISE))
    assert FORMAT.promised(proof, CALENDAR) == MESSAGE
    assert FORMAT.promised(proof, "https://other.example") is None
    assert FORMAT.heights(proof) == ()


def test_a_later_answer_is_put_into_its_place() -> None:
    proof = FORMAT.start(DIGEST, format_timestamp(PROMISE))
    answer = format_timestamp(Timestamp((BlockAttestation("bitcoin", 7), BlockAttestation("litecoin", 9))))
    assert FORMAT.heights(FORMAT.finish(proof, MESSAGE, answer)) == (7,)


def test_an_answer_that_is_no_time_stamp_is_refused() -> None:
    with pytest.raises(InputError):
        FORMAT.start(DIGEST, b"<html>")
