"""Signing keys and the refusal to sign a fork.

A ``Signer`` turns bytes into a signature and says nothing more about where its key is. The ``Notary`` in front of it
keeps the last checkpoint it signed and signs the next one only with a proof that it extends that one: a log whose
history was lost or rewritten gets no signature.

Source: C2SP tlog-checkpoint ("a log MUST NOT sign any checkpoint which is inconsistent"); key file as Go's
``sumdb/note`` writes it.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.checkpoint import Checkpoint, open_checkpoint
from chain.durable import create_private, replace_file
from chain.encoding import decode_base64, encode_base64
from chain.note import ED25519, Note, Signature, VerifierKey
from chain.proof import ConsistencyProof, check_consistency
from chain.tree_hash import TreeHash
from domain.errors import AccessDenied, IntegrityError

_KEY_PREFIX = "PRIVATE+KEY"
_SEED_SIZE_BYTES = 32


class Signer(Protocol):
    """Holds one Ed25519 key under one name."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Sign exactly these bytes."""


class FileSigner:
    """A key in a file that its owner alone can read; made at first use."""

    def __init__(self, path: Path, *, name: str) -> None:
        if not path.exists():
            create_private(path, _key_text(name, Ed25519PrivateKey.generate()).encode("ascii"))
        self._private = _read_key(path, name=name)
        self._key = VerifierKey(name, _public(self._private))

    @property
    def key(self) -> VerifierKey:
        return self._key

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


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


def _key_text(name: str, private: Ed25519PrivateKey) -> str:
    key = VerifierKey(name, _public(private))
    return f"{_KEY_PREFIX}+{name}+{key.key_id.hex()}+{encode_base64(bytes([ED25519]) + private.private_bytes_raw())}\n"


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read_key(path: Path, *, name: str) -> Ed25519PrivateKey:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AccessDenied("signing key can be read by others", path=str(path), todo=f"Run: chmod 600 {path}")
    text = path.read_text("ascii", errors="replace")
    encoded = text.removesuffix("\n").split("+", 4)[-1]
    seed = decode_base64(encoded, what="signing key")[1:]
    private = Ed25519PrivateKey.from_private_bytes(seed) if len(seed) == _SEED_SIZE_BYTES else None
    if private is None or _key_text(name, private) != text:
        raise IntegrityError(
            "not the signing key of this log",
            path=str(path),
            expected=f"{_KEY_PREFIX}+{name}+...",
            todo="Restore the key file of this log; a new key needs a new log",
        )
    return private
