"""The refusal to sign a fork.

The ``Notary`` in front of a ``Signer`` keeps the last checkpoint it signed and signs the next one only with a proof
that it extends that one: a log whose history was lost or rewritten gets no signature.

Source: C2SP tlog-checkpoint ("a log MUST NOT sign any checkpoint which is inconsistent").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chain.checkpoint import Checkpoint
from chain.durable import replace_file
from chain.keys.key_file import FileSigner
from chain.keys.overlap import open_own, sign_checkpoint
from chain.keys.signer import Signer
from chain.note import VerifierKey
from chain.proof import ConsistencyProof, check_consistency
from chain.tree_hash import TreeHash
from domain.errors import IntegrityError

__all__ = ["FileSigner", "Notary", "Signer"]


class Notary:
    """Signs the checkpoints of one tree, each only as an extension of the last.

    Args:
        record: file of the last signed checkpoint; written and synced before the signature leaves.
        beside: signs below the signer; the former key, while a rotation overlaps.
        known: keys of the tree that may have signed the last checkpoint, and of which nobody here signs any more.
    """

    def __init__(
        self,
        signer: Signer,
        tree_hash: TreeHash,
        record: Path,
        *,
        beside: Sequence[Signer] = (),
        known: Sequence[VerifierKey] = (),
    ) -> None:
        self._signers = (signer, *beside)
        self._hash = tree_hash
        self._record = record
        self.last_note = record.read_text("utf-8", errors="replace") if record.exists() else None
        self.last = (
            None if self.last_note is None else open_own(self.last_note, tuple(dict.fromkeys((*self.keys, *known))))
        )

    @property
    def key(self) -> VerifierKey:
        """The key whose line comes first."""
        return self._signers[0].key

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys whose lines a checkpoint carries, in their order."""
        return tuple(signer.key for signer in self._signers)

    def sign(self, size: int, root: bytes, proof: ConsistencyProof | None) -> str:
        """Sign a checkpoint.

        Args:
            proof: from the last signed size to this one; ``None`` only where that size is zero or nothing was signed.

        Raises:
            IntegrityError: the checkpoint is not shown to extend the last one signed.
        """
        self._require_extension(size, root, proof)
        checkpoint = Checkpoint(self.key.name, size, root)
        note = sign_checkpoint(checkpoint, self._signers)
        if note != self.last_note:
            replace_file(self._record, note.encode("utf-8"))
            self.last, self.last_note = checkpoint, note
        return note

    def _require_extension(self, size: int, root: bytes, proof: ConsistencyProof | None) -> None:
        last = self.last
        if last is None or (last.size == 0 and proof is None):
            return
        if proof is None or (proof.old_size, proof.new_size) != (last.size, size):
            raise IntegrityError(
                "refusing to sign a checkpoint that is not shown to extend the last one",
                origin=self.key.name,
                last_size=last.size,
                size=size,
                todo="Restore the journal that the last checkpoint was signed from; do not delete the record",
            )
        check_consistency(self._hash, proof, last.root, root)
