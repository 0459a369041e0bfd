"""Rekor entries with their inclusion proofs: API answers, and Sigstore bundles of both generations of the log.

The leaf is hashed from the entry's body, and the root compared with the checkpoint's. What else a bundle claims (its
certificate, its artifact's signature) is not this log's business: a bundle that is published as invalid for such a
reason is not counted where its inclusion holds.

Source: RFC 6962 section 2.1; the Rekor API's LogEntry; sigstore_rekor.proto and sigstore_bundle.proto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_INDEX_FIELDS: Final = ("logIndex", "log_index", "leafIndex", "leaf_index")
_SIZE_FIELDS: Final = ("treeSize", "tree_size")
_ROOT_FIELDS: Final = ("rootHash", "root_hash")
_PATH_FIELDS: Final = ("hashes", "audit_path", "path")
_CHECKPOINT_FIELDS: Final = ("checkpoint", "envelope")
_BODY_FIELDS: Final = ("canonicalizedBody", "canonicalized_body", "body")
_LEAF_FIELDS: Final = ("leafHash", "leaf_hash")
_ENTRY_ID: Final = re.compile(r"(?:[0-9a-f]{16})?([0-9a-f]{64})")
_ABOUT_THE_LOG: Final = re.compile(r"inclusion|checkpoint|root[-_ ]?hash|merkle|tree[-_ ]?size|log[-_ ]?index")


def _proof(fields: Fields) -> Fields | None:
    """The inclusion proof of an entry, wherever its form keeps it."""
    for holder in (fields, fields.get("verification")):
        if isinstance(holder, dict):
            for key in _PROOF_FIELDS:
                if isinstance(holder.get(key), dict):
                    return dict(holder[key])
    is_bare = isinstance(_first(fields, _PATH_FIELDS), list) and all(
        _first(fields, names) is not None for names in (_SIZE_FIELDS, _INDEX_FIELDS)
    )
    return fields if is_bare else None


def _first(fields: Fields, names: Sequence[str]) -> Any:
    """The field under the first of its names that is there."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _is_entry(fields: Fields) -> bool:
    return _proof(fields) is not None


def _judge(case: Case, tally: Tally) -> None:
    entry = _read(case)
    remarks, fault = attempt(partial(_verify, case, entry))
    accepts = case.is_accepted
    if accepts is None and case.source.is_to_be_refused:
        reason = _why_not_judged(case, remarks)
        if not fault and reason:
            tally.not_applicable[reason] += 1
            return
        accepts = False
    label = case.name or "entry"
    tally.judge_refusal(case.source.name, label, accepts=accepts is not False, action=partial(_verify, case, entry))
    tally.remarks.update(remarks or ())


def _why_not_judged(case: Case, remarks: Sequence[str] | None) -> str:
    """Why an entry that is published as invalid may hold all the same; empty where it may not."""
    if not _ABOUT_THE_LOG.search(case.source.name.lower()):
        return "inclusion holds; what is invalid is not in the log"
    return "inclusion holds; whether the signature does, needs a key that is not beside it" if remarks else ""


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
    proof = _proof(case.fields) or {}
    path = tuple(decoded(item, what="hashes") for item in _first(proof, _PATH_FIELDS) or ())
    index = number(_first(proof, _INDEX_FIELDS) or 0, what="logIndex")
    size = number(_first(proof, _SIZE_FIELDS), what="treeSize")
    checkpoint = _first(proof, _CHECKPOINT_FIELDS) or _first(case.fields, _CHECKPOINT_FIELDS) or ""
    if isinstance(checkpoint, dict):
        checkpoint = _first(checkpoint, ("envelope",)) or ""
    root = decoded(_first(proof, _ROOT_FIELDS), what="rootHash")
    return _Entry(_leaf_hash(case), InclusionProof(index, size, path), root, text(checkpoint, what="checkpoint"))


def _leaf_hash(case: Case) -> bytes:
    body, leaf_hash = _first(case.fields, _BODY_FIELDS), _first(case.fields, _LEAF_FIELDS)
    if body is None and leaf_hash is None:
        raise InputError("entry has neither body nor leaf hash", expected=", ".join(_BODY_FIELDS))
    return decoded(leaf_hash, what="leafHash") if body is None else SHA256.leaf(decoded(body, what="body"))


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
