"""Checking one entry against one proof file, offline, by the reader's policy.

The hash function is the one of the log's key, never something read from the proof. Signatures of parties that the
policy does not name are passed over; those it needs must be there and right.

Source: C2SP tlog-proof, "Verifying a tlog proof".
"""

from __future__ import annotations

from dataclasses import dataclass

from chain.checkpoint import parse_checkpoint, tree_hash_of
from chain.cosignature import verified_cosigners
from chain.note import open_note, parse_note
from chain.proof import InclusionProof, check_inclusion, parse_proof
from chain.trust import TrustPolicy
from domain.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """Where an entry was shown to stand.

    Args:
        size: entries under the checkpoint.
        witnesses: names in the policy of those who cosigned the checkpoint.
    """

    origin: str
    index: int
    size: int
    root: str
    witnesses: tuple[str, ...]


def verify_proof_file(text: str, entry: bytes, policy: TrustPolicy) -> ProvenEntry:
    """Check that an entry is in a log that the policy trusts.

    Raises:
        InputError: the text is not a proof file.
        IntegrityError: the proof does not show it, or the checkpoint is not signed as the policy asks.
    """
    proof = parse_proof(text)
    note = parse_note(proof.checkpoint)
    checkpoint = parse_checkpoint(note.text)
    keys = [key for key in policy.keys if key.name == checkpoint.origin]
    if not keys:
        raise IntegrityError(
            "proof is of a log that the policy does not name",
            expected=sorted(key.name for key in policy.keys),
            got=checkpoint.origin,
        )
    open_note(proof.checkpoint, keys)
    witnesses = policy.witnessed_by(verified_cosigners(note.text, note.signatures, policy.cosigners))
    if not policy.is_met(witnesses):
        raise IntegrityError(
            "checkpoint is not witnessed as the policy asks", expected=f"quorum {policy.quorum}", got=list(witnesses)
        )
    tree_hash = tree_hash_of(checkpoint.origin)
    inclusion = InclusionProof(proof.index, checkpoint.size, proof.path)
    check_inclusion(tree_hash, inclusion, tree_hash.leaf(entry), checkpoint.root)
    return ProvenEntry(checkpoint.origin, proof.index, checkpoint.size, checkpoint.root.hex(), witnesses)
