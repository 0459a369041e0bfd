"""Published answers that the evidence log must give: proofs, notes, logs, canonical JSON, digests, time stamps."""

from __future__ import annotations

import pytest

from chain.conformance.runner import run
from chain.cosignature import timed_message
from chain.note import parse_note
from tests.shared_data import shared_data

pytestmark = pytest.mark.data

# How many comparisons each family of the recorded vectors has: one that is no longer recognised must not pass unseen.
COMPARISONS = {
    "Merkle consistency": 98,
    "Merkle inclusion": 98,
    "Merkle subtree consistency": 118,
    "Merkle subtree inclusion": 204,
    "OpenTimestamps proofs": 37,
    "canonical JSON documents": 12,
    "canonical JSON numbers": 100_000,
    "checkpoint bodies": 12,
    "hash functions": 137,
    "signed notes": 17,
    "tlog proofs": 10,
    "tlog-tiles logs": 274,
    "verifier keys": 4,
    "witness keys": 6,
    "witness policies": 8,
}


def test_every_recorded_vector_is_recognised_and_passes() -> None:
    report = run(shared_data("chain_vectors"))
    assert [miss for tally in report.families.values() for miss in tally.misses] == []
    assert report.unreadable == {}
    assert {family: tally.passed for family, tally in report.families.items()} == COMPARISONS
    assert sorted(report.out_of_scope) == ["c2sp-specs/det-keygen/ecdsa.json", "c2sp-specs/det-keygen/rsa.json"]


def test_the_specifications_example_cosignature_is_right() -> None:
    text = shared_data("chain_vectors/c2sp-specs/tlog-cosignature.md").read_text("utf-8")
    note = parse_note(text.partition("```\n")[2].partition("```")[0])
    message = text[text.index("    cosignature/v1\n") :].partition("\n\n")[0]
    time_s = int.from_bytes(note.signatures[1].content[:8], "big")
    assert timed_message(note.text, time_s).decode() == "".join(f"{line[4:]}\n" for line in message.split("\n"))
