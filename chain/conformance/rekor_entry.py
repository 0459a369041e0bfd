"""Rekor entries with their inclusion proofs: API answers, and Sigstore bundles of both generations of the log.

The leaf is hashed from the entry's body, and the root compared with the checkpoint's. What else a bundle claims (its
certificate, its artifact's signature) is not this log's business: a bundle that is published as invalid for such a
reason is not counted where its inclusion holds.

Source: RFC 6962 section 2.1; the Rekor API's LogEntry; sigstore_rekor.proto and sigstore_bundle.proto.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from chain.conformance.json_case import Case, Fields, Shape, decoded, number, text
from chain.conformance.keyring import keys_beside
from chain.conformance.outcome import Tally, attempt
from chain.conformance.tile_log import NO_KEY, parse_signed
from chain.proof import InclusionProof, check_inclusion
from chain.tree_hash import SHA256
from domain.errors import InputError, IntegrityError

FAMILY: Final = "Rekor inclusion"

_PROOF_FIELDS: Final = ("inclusionProof", "inclusion_proof")
_BODY_FIELDS: Final = ("canonicalizedBody", "canonicalized_body", "body")
_LEAF_FIELDS: Final = ("leafHash", "leaf_hash")
_BARE: Final = ("hashes", "treeSize", "logIndex")
_ENTRY_ID: Final = re.compile(r"(?:[0-9a-f]{16})?([0-9a-f]{64})")
_ABOUT_THE_LOG: Final = re.compile(r"inclusion|checkpoint|root[-_ ]?hash|merkle|tree[-_ ]?size|log[-_ ]?(index|entry)")


def _proof(fields: Fields) -> Any:
    """The inclusion proof of an entry, wherever its form keeps it."""
    holders = [fields, fields.get("verification")]
    for holder in holders:
        if isinstance(holder, dict):
            for key in _PROOF_FIELDS:
                if isinstance(holder.get(key), dict):
                    return holder[key]
    return fields if all(key in fields for key in _BARE) and isinstance(fields.get("hashes"), list) else None


def _is_entry(fields: Fields) -> bool:
    return _proof(fields) is not None


def _judge(case: Case, tally: Tally) -> None:
    entry = _read(case)
    remarks, fault = attempt(partial(_verify, case, entry))
    accepts = case.is_accepted
    if accepts is None and case.source.is_to_be_refused:
        if not fault and not _ABOUT_THE_LOG.search(case.source.name.lower()):
            tally.not_applicable["inclusion holds; what is invalid is not in the log"] += 1
            return
        accepts = False
    label = case.name or "entry"
    tally.judge_refusal(case.source.name, label, accepts=accepts is not False, action=partial(_verify, case, entry))
    tally.remarks.update(remarks or ())


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a case states.

    Args:
        root: empty where the proof states none.
        checkpoint: the signed note; empty where there is none.
    """

    leaf_hash: bytes
    proof: InclusionProof
    root: bytes
    checkpoint: str


def _read(case: Case) -> _Entry:
    proof = _proof(case.fields)
    path = tuple(decoded(item, what="hashes") for item in proof.get("hashes") or ())
    index, size = number(proof.get("logIndex", 0), what="logIndex"), number(proof.get("treeSize"), what="treeSize")
    checkpoint = proof.get("checkpoint") or ""
    if isinstance(checkpoint, dict):
        checkpoint = checkpoint.get("envelope") or ""
    root = decoded(proof.get("rootHash"), what="rootHash")
    return _Entry(_leaf_hash(case), InclusionProof(index, size, path), root, text(checkpoint, what="checkpoint"))


def _leaf_hash(case: Case) -> bytes:
    for key in _BODY_FIELDS:
        if key in case.fields:
            return SHA256.leaf(decoded(case.fields[key], what=key))
    for key in _LEAF_FIELDS:
        if key in case.fields:
            return decoded(case.fields[key], what=key)
    raise InputError("entry has neither body nor leaf hash", expected=", ".join(_BODY_FIELDS))


def _verify(case: Case, entry: _Entry) -> list[str]:
    """Check an entry as its reader must; what could not be compared is returned.

    Raises:
        InputError: the checkpoint is none.
        IntegrityError: the entry is not shown to be in the log.
    """
    named = _ENTRY_ID.fullmatch(case.label.rpartition(".")[2])
    if named is not None and named.group(1) != entry.leaf_hash.hex():
        raise IntegrityError(
            "entry is not the one that its id names", expected=named.group(1), got=entry.leaf_hash.hex()
        )
    if not entry.checkpoint:
        check_inclusion(SHA256, entry.proof, entry.leaf_hash, entry.root)
        return ["root not compared: the proof has no checkpoint"]
    note, checkpoint = parse_signed(entry.checkpoint)
    check_inclusion(SHA256, entry.proof, entry.leaf_hash, entry.root or checkpoint.root)
    if (checkpoint.size, checkpoint.root) != (entry.proof.size, entry.root or checkpoint.root):
        raise IntegrityError(
            "checkpoint is of another tree than the proof", expected=entry.proof.size, got=checkpoint.size
        )
    right, wrong = keys_beside(case.corpus, case.source.folder).faults(note, checkpoint)
    if wrong:
        raise IntegrityError("checkpoint's signature is wrong", key=wrong)
    return [] if right else [NO_KEY]


def _is_without_proof(fields: Fields) -> bool:
    """An entry of before inclusion proofs, or a bundle without entries."""
    return "canonicalizedBody" in fields or fields.get("tlogEntries") == []


def _skip(_: Case, tally: Tally) -> None:
    tally.not_applicable["entry without an inclusion proof"] += 1


SHAPES: Final = (Shape(FAMILY, _is_entry, _judge), Shape(FAMILY, _is_without_proof, _skip))
