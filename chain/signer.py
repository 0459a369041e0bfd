"""The refusal to sign a fork.

The ``Notary`` in front of a ``Signer`` keeps the last checkpoint it signed and signs the next one only with a proof
that it extends that one: a log whose history was lost or rewritten gets no signature.

Source: C2SP tlog-checkpoint ("a log MUST NOT sign any checkpoint which is inconsistent").
"""

from __future__ import annotations

from pathlib import Path

from chain.checkpoint import Checkpoint, open_checkpoint
from chain.durable import replace_file
from chain.keys.key_file import FileSigner
from chain.keys.signer import Signer
from chain.note import Note, Signature, VerifierKey
from chain.proof import ConsistencyProof, check_consistency
from chain.tree_hash import TreeHash
from domain.errors import IntegrityError

__all__ = ["FileSigner", "Notary", "Signer"]


class Notary:
    """Signs the checkpoints of one tree, each only as an extension of the last.

    Args:
        record: file of the last signed checkpoint; written and synced before the signature leaves.
    """

    def __init__(self, signer: Signer, tree_hash: TreeHash, record: Path) -> None:
        self._signer = signer
        self._hash = tree_hash
        self._record = record
        self.last_note = record.read_text("utf-8") if record.exists() else None
        self.last = None if self.last_note is None else open_checkpoint(self.last_note, signer.key)

    @property
    def key(self) -> VerifierKey:
        return self._signer.key

    def sign(self, size: int, root: bytes, proof: ConsistencyProof | None) -> str:
        """Sign a checkpoint.

        Args:
            proof: from the last signed size to this one; ``None`` only where that size is zero or nothing was signed.

        Raises:
            IntegrityError: the checkpoint is not shown to extend the last one signed.
        """
        self._require_extension(size, root, proof)
        checkpoint = Checkpoint(self.key.name, size, root)
        signature = self._signer.sign(checkpoint.text.encode("utf-8"))
        note = str(Note(checkpoint.text, (Signature(self.key.name, self.key.key_id, signature),)))
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
