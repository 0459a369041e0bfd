"""A log collects cosignatures from several witnesses, believes only what it verified, and goes on without the rest."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from chain.checkpoint import parse_checkpoint
from chain.cosignature import CosignerKey, open_cosigned
from chain.layout import KEYS_FILE
from chain.note import VerifierKey, parse_note, parse_verifier_key
from chain.trust import parse_policy
from chain.verify import verify_directory
from chain.witness.collection import TRIES_MAX, CosignatureCollector, Post, WitnessAddress, addresses
from chain.witness.publishing import publish_cosigned
from chain.witness.witness import Witness
from connectors.witness import post
from domain.errors import UnavailableError
from tests.unit.chain.samples import event, open_writer, published_folder
from tests.unit.chain.test_cosignature import policy_text
from tests.unit.chain.witnesses import SmallLog, cosigners, serving, witness_of

LOG = SmallLog()


class World:
    """Witnesses by URL, reached without a network; each request is counted."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self.fixed: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []

    def post(self, url: str, body: bytes, deadline_s: float) -> tuple[int, bytes]:
        base, _, route = url.rpartition("/")
        assert (route, deadline_s) == ("add-checkpoint", 5)
        self.asked.append(base)
        if base in self.fixed:
            return self.fixed[base]
        if base not in self.witnesses:
            raise UnavailableError("witness does not answer", url=url)
        answer = self.witnesses[base].add_checkpoint(body)
        return answer.status, answer.body.encode()


def address(name: str, *keys: CosignerKey) -> WitnessAddress:
    return WitnessAddress(name, f"http://{name}", keys)


def keys_of(path: Path, *, both: bool = False) -> tuple[CosignerKey, ...]:
    return tuple(item.key for item in cosigners(path, both=both))


def collector(post: Post, *witnesses: WitnessAddress) -> CosignatureCollector:
    return CosignatureCollector(witnesses, post, deadline_s=5)


def test_each_witness_that_answers_adds_its_lines_and_a_dead_one_stops_nobody(tmp_path: Path) -> None:
    world = World()
    with (
        witness_of(tmp_path / "a", LOG.key, name="w/a", both=True) as one,
        witness_of(tmp_path / "b", LOG.key, name="w/b") as two,
    ):
        world.witnesses = {"http://a": one, "http://b": two}
        a_keys = tuple(item.key for item in cosigners(tmp_path / "a", "w/a", both=True))
        b_keys = tuple(item.key for item in cosigners(tmp_path / "b", "w/b"))
        asking = collector(world.post, address("a", *a_keys), address("dead"), address("b", *b_keys))
        for size in (7, 9, 9, 300):
            collected = asking.collect(LOG.note(size), LOG.prove)
            assert (collected.names, collected.cosigners) == (("a", "b"), (*a_keys, *b_keys))
            assert open_cosigned(collected.note, LOG.key, collected.cosigners).checkpoint.size == size
            assert "does not answer" in collected.failures["dead"]
        assert len(world.asked) == 4 * 3


def test_a_witness_that_has_come_to_another_size_is_asked_again_from_there(tmp_path: Path) -> None:
    world = World()
    with witness_of(tmp_path, LOG.key) as witness:
        witness.add_checkpoint(LOG.body(0, 5))
        world.witnesses = {"http://w": witness}
        collected = collector(world.post, address("w", *keys_of(tmp_path))).collect(LOG.note(9), LOG.prove)
    assert (collected.names, len(world.asked)) == (("w",), 2)


def test_cosignatures_that_a_checkpoint_already_bears_are_asked_for_anew(tmp_path: Path) -> None:
    world = World()
    with witness_of(tmp_path, LOG.key) as witness:
        world.witnesses = {"http://w": witness}
        asking = collector(world.post, address("w", *keys_of(tmp_path)))
        first = asking.collect(LOG.note(9), LOG.prove)
        assert asking.collect(first.note, LOG.prove) == first


def test_no_answer_is_believed_unverified(tmp_path: Path) -> None:
    (own,) = keys_of(tmp_path)
    key = cosigners(tmp_path)[0]
    text = parse_note(LOG.note(9)).text
    other = key.cosign(parse_note(LOG.note(8)).text, LOG_CHECKPOINT, 1_700_000_000).line.encode()
    timeless = key.cosign(text, LOG_CHECKPOINT, 0).line.encode()
    stranger = SmallLog("w/stranger").sign(text).line.encode()
    answers: Mapping[tuple[int, bytes], str] = {
        (200, b""): "not a signed note",
        (200, b"\xff\n"): "not a signature line",
        (200, other): "wrong, or without a time",
        (200, timeless): "wrong, or without a time",
        (200, stranger): "a key that is known",
        (404, b"unknown log"): "unknown log",
        (422, b"bad proof"): "bad proof",
        (409, b"12\n"): "larger log",
        (409, b"5"): "not a size",
        (409, b"05\n"): "not a number",
        (409, b"5\n"): "moves on",
    }
    for answer, fault in answers.items():
        world = World()
        world.fixed = {"http://w": answer}
        collected = collector(world.post, address("w", own)).collect(LOG.note(9), LOG.prove)
        assert (collected.names, collected.note) == ((), LOG.note(9))
        assert fault in collected.failures["w"], answer
        assert len(world.asked) == (TRIES_MAX if answer == (409, b"5\n") else 1)


LOG_CHECKPOINT = parse_checkpoint(parse_note(LOG.note(9)).text)


def test_lines_of_strangers_and_repeated_lines_are_left_out(tmp_path: Path) -> None:
    (own,) = keys_of(tmp_path)
    text = parse_note(LOG.note(9)).text
    line = cosigners(tmp_path)[0].cosign(text, LOG_CHECKPOINT, 1_700_000_000).line
    world = World()
    world.fixed = {"http://w": (200, (SmallLog("w/stranger").sign(text).line + line + line).encode())}
    collected = collector(world.post, address("w", own)).collect(LOG.note(9), LOG.prove)
    assert collected.note == LOG.note(9) + line


def test_a_policy_names_where_its_witnesses_listen(tmp_path: Path) -> None:
    ed25519, mldsa44 = keys_of(tmp_path, both=True)
    lines = f"""
        witness one {ed25519.text} http://w/
        witness two {mldsa44.text} http://w/
        witness silent {ed25519.text}
        quorum none
    """
    policy = parse_policy(lines.replace("        ", ""), where="policy")
    assert addresses(policy) == (WitnessAddress("one", "http://w/", (ed25519, mldsa44)),)


def test_a_log_is_published_with_two_of_three_witnesses_over_http_and_verifies(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log, ExitStack() as stack:
        log.append([event(f"e{number}") for number in range(300)])
        log.publish()
        own = parse_own_key(published_folder(tmp_path))
        lines = []
        for name in ("a", "b"):
            witness = stack.enter_context(witness_of(tmp_path / name, own, name=f"w/{name}"))
            lines.append(f"witness {name} {witness.key_texts[0]} {stack.enter_context(serving(witness))}")
        lines.append(f"witness c {cosigners(tmp_path / 'c', 'w/c')[0].key.text} http://127.0.0.1:9")
        text = policy_text(published_folder(tmp_path), *lines, "group g 2 a b c", "quorum g")
        policy = parse_policy(text, where="policy")
        asking = CosignatureCollector(addresses(policy), post, deadline_s=10)
        for number in range(2):
            assert not verify_directory(published_folder(tmp_path), policy=policy).ok
            witnessed = publish_cosigned(log.shard, asking, policy)
            assert (witnessed.names, list(witnessed.failures), witnessed.is_enough) == (("a", "b"), ["c"], True)
            report = verify_directory(published_folder(tmp_path), policy=policy)
            assert (report.ok, report.witnesses) == (True, ("a", "b"))
            log.append([event(f"more {number}")])
            log.publish()


def test_a_log_without_a_living_witness_stays_as_it_was_published(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("e")])
        before = log.publish()
        asking = collector(World().post, address("dead", *keys_of(tmp_path)))
        policy = parse_policy(f"witness dead {keys_of(tmp_path)[0].text}\nquorum dead\n", where="policy")
        witnessed = publish_cosigned(log.shard, asking, policy)
        assert (witnessed.names, list(witnessed.failures), witnessed.is_enough) == ((), ["dead"], False)
        assert log.shard.head() == before


def parse_own_key(folder: Path) -> VerifierKey:
    return parse_verifier_key((folder / KEYS_FILE).read_text().splitlines()[0])


@pytest.mark.parametrize("url", ["", "ftp://w", "w:80"])
def test_a_witness_that_is_not_on_the_web_is_named_with_its_address(url: str) -> None:
    collected = CosignatureCollector([WitnessAddress("w", url, ())], post, deadline_s=1).collect(LOG.note(1), LOG.prove)
    assert "not a witness's address" in collected.failures["w"]
