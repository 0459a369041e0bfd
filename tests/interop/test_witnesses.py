"""Witnesses of the public network cosign our logs, ours cosigns Tessera's, and all of them answer alike."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from chain.checkpoint import parse_body
from chain.layout import KEYS_FILE
from chain.note import parse_note, parse_verifier_key
from chain.signer import FileSigner
from chain.trust import load_policy
from chain.verify import verify_directory
from chain.witness.collection import CosignatureCollector, addresses
from chain.witness.publishing import publish_cosigned
from chain.witness.record import origin_hash
from chain.witness.submission import format_submission
from connectors.witness import post
from tests.interop.logs import write_cases
from tests.servers.go_checker import log_checker, tessera_log
from tests.servers.litewitness import RunningWitness, litewitness
from tests.servers.omniwitness import omniwitness
from tests.unit.chain.samples import event, open_writer, published_folder
from tests.unit.chain.witnesses import SmallLog, serving, witness_of

pytestmark = [pytest.mark.interop, pytest.mark.slow]

LOG = SmallLog()
FORKED = SmallLog(entries="rewritten")
STRANGER = SmallLog("example.org/evidence/stranger", seed=b"s" * 32)


def is_opened_by_go(folder: Path, note: str, log_key: str, cosigners: Sequence[str], path: Path) -> bool:
    """Whether Go's note library finds the log's signature and every cosigner's right."""
    tree = {"key": log_key, "checkpoints": [note], "inclusion": [], "consistency": []}
    empty = {"key": log_key, "checkpoints": [], "inclusion": [], "consistency": []}
    cases = write_cases(path / "cases.json", {"sha256": tree, "sha3_256": empty, "cosigners": cosigners})
    done = subprocess.run(
        [str(log_checker()), str(folder), str(cases)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode == 0 and json.loads(done.stdout)["cosignatures"] == len(cosigners)


def test_two_public_witnesses_and_ours_cosign_our_log_and_a_quorum_decides(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log, ExitStack() as stack:
        folder = published_folder(tmp_path)
        log.append([event(f"e{number}") for number in range(400)])
        log.publish()
        logs = (folder / KEYS_FILE).read_text().splitlines()[:2]
        ours = stack.enter_context(
            witness_of(tmp_path, parse_verifier_key(logs[0]), name="witness.example/ours", both=True)
        )
        witnesses = {
            "lite": stack.enter_context(litewitness(tmp_path, logs[0])),
            "omni": stack.enter_context(omniwitness(tmp_path, logs[0])),
            "ours": RunningWitness(ours.key_texts, stack.enter_context(serving(ours))),
        }
        lines = [f"log {key}" for key in logs]
        for name, witness in witnesses.items():
            members = [f"{name}-{number}" for number in range(len(witness.keys))]
            lines += [f"witness {own} {key} {witness.url}" for own, key in zip(members, witness.keys, strict=True)]
            lines.append(f"group {name} all {' '.join(members)}")
        policies = {}
        for count in (2, 3):
            policies[count] = tmp_path / f"policy-{count}"
            policies[count].write_text("\n".join([*lines, f"group enough {count} lite omni ours", "quorum enough", ""]))
        policy = load_policy(policies[3])
        asking = CosignatureCollector(addresses(policy), post, deadline_s=10)
        keys = [key for witness in witnesses.values() for key in witness.keys]
        for number in range(3):
            assert not verify_directory(folder, policy=policies[2]).ok
            witnessed = publish_cosigned(log.shard, asking, policy)
            assert (dict(witnessed.failures), witnessed.is_enough) == ({}, True)
            report = verify_directory(folder, policy=policies[3])
            assert (report.ok, report.witnesses) == (True, ("lite-0", "omni-0", "omni-1", "ours-0", "ours-1"))
            published = (folder / "checkpoint").read_text()
            assert is_opened_by_go(folder, published, logs[0], keys, tmp_path)
            log.append([event(f"more {number}")])
            log.publish()


def bodies() -> Iterator[tuple[str, bytes]]:
    """Requests one after the other: what they show, and the body."""
    yield "malformed", b"nonsense"
    yield "unknown log", STRANGER.body(0, 3)
    yield "another's signature", format_submission(0, (), str(SmallLog(seed=b"i" * 32).note(3)))
    yield "never seen", LOG.body(2, 5)
    yield "first", LOG.body(0, 5)
    yield "again", LOG.body(5, 5)
    yield "behind", LOG.body(0, 9)
    yield "forked", FORKED.body(5, 9)
    yield "same size, other root", FORKED.body(5, 5)
    yield "no proof", format_submission(5, (), LOG.note(9))
    yield "old above new", format_submission(9, (), LOG.note(5))
    yield "grown", LOG.body(5, 300)
    yield "replayed", LOG.body(5, 9)


def answers(url: str) -> dict[str, tuple[int, str]]:
    """Status of each answer, and the size in a conflict."""
    found = {}
    for name, body in bodies():
        status, content = post(f"{url}/add-checkpoint", body, 10)
        found[name] = (status, content.decode() if status == 409 else "")
    return found


OMNIWITNESS_OTHERWISE = {
    "unknown log": (500, ""),
    "another's signature": (500, ""),
    "never seen": (200, ""),
    "first": (409, "5\n"),
}
"""Where omniwitness does not do what the specification says: it takes any old size of a log that it never saw."""


def test_our_witness_answers_as_the_public_ones_do(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key) as witness, serving(witness) as url:
        ours = answers(url)
    with litewitness(tmp_path, LOG.key.text) as running:
        assert answers(running.url) == ours
    with omniwitness(tmp_path, LOG.key.text) as running:
        assert answers(running.url) == ours | OMNIWITNESS_OTHERWISE


def add(url: str, entry: bytes, *, timeout_s: float = 20) -> int:
    with urllib.request.urlopen(f"{url}/add", entry, timeout=timeout_s) as answer:
        return int(answer.read())


def test_our_witness_cosigns_a_tessera_log_which_publishes_nothing_without_it(tmp_path: Path) -> None:
    key = FileSigner(tmp_path / "log.key", name="example.org/tessera").key
    with witness_of(tmp_path, key) as witness, ExitStack() as stack:
        with ExitStack() as while_witnessed:
            url = while_witnessed.enter_context(serving(witness))
            policy = tmp_path / "policy"
            policy.write_text(f"witness ours {witness.key_texts[0]} {url}/\nquorum ours\n")
            log = stack.enter_context(tessera_log(tmp_path / "tessera", key=tmp_path / "log.key", policy=policy))
            assert [add(log, f"entry {number}".encode()) for number in range(3)] == [0, 1, 2]
        published = (tmp_path / "tessera/checkpoint").read_text()
        assert read_size(published) == 3
        assert is_opened_by_go(tmp_path / "tessera", published, key.text, witness.key_texts, tmp_path)
        assert read_size(witness.checkpoint(origin_hash(key.name)).body) == 3
        with pytest.raises(OSError, match="timed out"):
            add(log, b"unwitnessed", timeout_s=1.5)
        assert (tmp_path / "tessera/checkpoint").read_text() == published


def read_size(note: str) -> int:
    return parse_body(parse_note(note).text)[0].size
