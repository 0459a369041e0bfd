"""Signed notes, proof files and policies that are files of their own, and not cases in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from chain.checkpoint import tree_hash_of
from chain.conformance.keyring import KeyRing, has_key, keys_beside
from chain.conformance.outcome import Report, Tally, attempt
from chain.conformance.source import Corpus, Source
from chain.conformance.tile_log import NO_KEY, parse_signed
from chain.note import parse_note
from chain.proof import InclusionProof, check_inclusion, parse_proof
from chain.trust import parse_policy
from domain.errors import IntegrityError

_SIZE_BYTES_MAX: Final = 1_000_000
_PROOF: Final = "c2sp.org/tlog-proof@"
_SIGNATURES: Final = re.compile(r"\n\n(?:\u2014 \S+ \S+\n)+\Z")
_POLICY: Final = re.compile(r"\s*(?:#.*)?|\s*(?:log|witness|group|quorum)\s.*")


def run_texts(corpus: Corpus, report: Report) -> None:
    """Run such files, and pass over those that hold nothing but keys."""
    for source in corpus:
        if source.is_documentation or source.size_bytes > _SIZE_BYTES_MAX:
            continue
        written, _ = attempt(source.text)
        if not written:
            continue
        if written.startswith(_PROOF):
            _judge_proof(corpus, source, report.tally("tlog proofs"), written)
        elif _SIGNATURES.search(written):
            _judge_note(corpus, source, report.tally("signed notes"), written)
        elif "quorum" in written and all(_POLICY.fullmatch(line) for line in written.split("\n")):
            action = partial(parse_policy, written, where=source.name)
            _accept(source, report.tally("witness policies"), "policy", action)
        elif not has_key(written):
            continue
        corpus.take(source)


def _accept(source: Source, tally: Tally, label: str, action: Callable[[], object]) -> bool:
    return tally.judge_refusal(source.name, label, accepts=not source.is_to_be_refused, action=action)


def _judge_note(corpus: Corpus, source: Source, tally: Tally, written: str) -> None:
    """A note of which a known key's signature is wrong is to be refused, as one that cannot be taken apart is."""
    keys = keys_beside(corpus, source.folder)
    _accept(source, tally, "note", partial(_open, keys, written))
    if attempt(partial(_open, keys, written))[0] == 0:
        tally.remarks[NO_KEY] += 1


def _open(keys: KeyRing, written: str) -> int:
    """How many signatures are right.

    Raises:
        InputError: not a note.
        IntegrityError: a known key's signature is wrong.
    """
    note = parse_note(written)
    signed, _ = attempt(partial(parse_signed, written))
    right, wrong = keys.faults(note, None if signed is None else signed[1])
    if wrong:
        raise IntegrityError("note's signature is wrong", key=wrong)
    return right


def _judge_proof(corpus: Corpus, source: Source, tally: Tally, written: str) -> None:
    """A proof file of its own: its form, its checkpoint, and its path where the entry lies beside it."""
    keys = keys_beside(corpus, source.folder)
    entry = corpus.get(source.name.rpartition(".")[0])
    if entry is not None:
        corpus.take(entry)
    _accept(source, tally, "proof", partial(_check, keys, written, entry))
    if entry is None:
        tally.remarks["path not followed: the entry is not beside the proof"] += 1


def _check(keys: KeyRing, written: str, entry: Source | None) -> None:
    proof = parse_proof(written)
    note, checkpoint = parse_signed(proof.checkpoint)
    _, wrong = keys.faults(note, checkpoint)
    if wrong:
        raise IntegrityError("checkpoint's signature is wrong", key=wrong)
    if entry is not None:
        tree_hash = tree_hash_of(checkpoint.origin)
        inclusion = InclusionProof(proof.index, checkpoint.size, proof.path)
        check_inclusion(tree_hash, inclusion, tree_hash.leaf(entry.read()), checkpoint.root)
