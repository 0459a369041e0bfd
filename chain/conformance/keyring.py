"""Public keys that lie beside vectors, and the signatures that they check.

Keys are taken from any file in a folder or above it: verifier keys as text, public keys in PEM or base64 (a CT log's
``log.v3.json``, a Sigstore trusted root). This is for published logs only: what a reader of evidence trusts comes from
a policy file, never from beside the log.

Source: C2SP signed-note (types 1, 2), tlog-cosignature (4, 6), static-ct-api (5); RFC 6962 section 3.5.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from chain.checkpoint import Checkpoint
from chain.conformance.outcome import attempt
from chain.conformance.source import Corpus, ancestors
from chain.cosignature import CosignerKey, parse_cosigner_key
from chain.note import Note, Signature, VerifierKey, parse_verifier_key

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

_FILE_SIZE_BYTES_MAX: Final = 1_000_000
_CANDIDATES_MAX: Final = 2_000
_VERIFIER_KEY: Final = re.compile(r"(?<![^\s\"'`<>+])[^\s\"'`<>+]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40,3000}={0,2}")
_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/])M[A-Za-z0-9+/]{50,1000}={0,2}")

_ECDSA_NOTE: Final = 2
_RFC6962_NOTE: Final = 5
_TREE_HEAD: Final = b"\x00\x01"
_SHA256_WITH: Final = {b"\x04\x01": RSAPublicKey, b"\x04\x03": EllipticCurvePublicKey}


@dataclass(slots=True)
class KeyRing:
    """The keys beside a vector."""

    verifiers: dict[tuple[str, bytes], VerifierKey] = field(default_factory=dict)
    cosigners: dict[tuple[str, bytes], CosignerKey] = field(default_factory=dict)
    public: dict[bytes, PublicKey] = field(default_factory=dict)

    def add(self, other: KeyRing) -> None:
        """Add another ring's keys."""
        self.verifiers |= other.verifiers
        self.cosigners |= other.cosigners
        self.public |= other.public

    def faults(self, note: Note, checkpoint: Checkpoint | None) -> tuple[int, list[str]]:
        """How many signatures are right, and which of known keys are wrong; some sign a checkpoint and nothing else."""
        right, wrong = 0, []
        for signature in note.signatures:
            verdict = self._is_right(note, checkpoint, signature)
            if verdict is False:
                wrong.append(f"signature of {signature.name} {signature.key_id.hex()} is wrong")
            right += verdict is True
        return right, wrong

    def _is_right(self, note: Note, checkpoint: Checkpoint | None, signature: Signature) -> bool | None:
        """``None`` where the key is not here."""
        identity = (signature.name, signature.key_id)
        if identity in self.verifiers:
            return self.verifiers[identity].is_signed(note.text, signature.content)
        if checkpoint is not None and identity in self.cosigners:
            return self.cosigners[identity].cosigned_at(note.text, signature.content) is not None
        for der, key in self.public.items():
            if signature.key_id == _note_key_id(signature.name, key, der):
                return is_signed(key, note.text.encode("utf-8"), signature.content)
            if checkpoint is not None and signature.key_id == _rfc6962_key_id(signature.name, der):
                return _is_tree_head_signed(key, checkpoint, signature.content)
        return None


def keys_beside(corpus: Corpus, folder: str) -> KeyRing:
    """Every public key in a file of the folder, or of one above it."""
    ring = KeyRing()
    for name in ancestors(folder):
        ring.add(_keys_in(corpus, name))
    return ring


def _keys_in(corpus: Corpus, folder: str) -> KeyRing:
    remembered = corpus.remembered.get(f"keys in {folder}")
    if isinstance(remembered, KeyRing):
        return remembered
    ring = KeyRing()
    for source in corpus.folder(folder):
        if source.size_bytes <= _FILE_SIZE_BYTES_MAX:
            _collect(ring, source.read().decode("utf-8", errors="replace").replace("\\n", "\n"))
    corpus.remembered[f"keys in {folder}"] = ring
    return ring


def has_key(text: str) -> bool:
    """Whether a text of the length of a key file holds any public key."""
    ring = KeyRing()
    if len(text) > _FILE_SIZE_BYTES_MAX:
        return False
    _collect(ring, text.replace("\\n", "\n"))
    return bool(ring.verifiers or ring.cosigners or ring.public)


def is_signed(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether a key made the signature; ECDSA and RSA (PKCS #1 v1.5) over SHA-256."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, message, ECDSA(SHA256()))
        else:
            key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _collect(ring: KeyRing, text: str) -> None:
    for matched in islice(_VERIFIER_KEY.finditer(text), _CANDIDATES_MAX):
        key, _ = attempt(partial(parse_verifier_key, matched.group()))
        cosigner, _ = attempt(partial(parse_cosigner_key, matched.group()))
        if key is not None:
            ring.verifiers[key.name, key.key_id] = key
        if cosigner is not None:
            ring.cosigners[cosigner.name, cosigner.key_id] = cosigner
        ring.public |= _public_keys(matched.group().split("+", 2)[2])
    for written in islice(_candidates(text), _CANDIDATES_MAX):
        ring.public |= _public_keys(written)


def _candidates(text: str) -> Iterator[str]:
    for matched in _PEM.finditer(text):
        yield "".join(matched.group(1).split())
    for matched in _BASE64.finditer(text):
        yield matched.group()


def _public_keys(written: str) -> dict[bytes, PublicKey]:
    """The key of a DER structure in base64, or of one behind a note's type byte, by its DER form."""
    try:
        data = base64.b64decode(written, validate=True)
        key = load_der_public_key(data[1:] if data[:1] == bytes([_ECDSA_NOTE]) else data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return {}
    if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey):
        return {}
    return {key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo): key}


def _note_key_id(name: str, key: PublicKey, der: bytes) -> bytes:
    """Id of a key that signs a note's text: of Ed25519 by the specification, of others the digest of the key alone."""
    if isinstance(key, Ed25519PublicKey):
        return VerifierKey(name, key.public_bytes(Encoding.Raw, PublicFormat.Raw)).key_id
    return hashlib.sha256(der).digest()[:4]


def _rfc6962_key_id(name: str, der: bytes) -> bytes:
    log_id = hashlib.sha256(der).digest()
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([_RFC6962_NOTE]) + log_id).digest()[:4]


def _is_tree_head_signed(key: PublicKey, checkpoint: Checkpoint, content: bytes) -> bool:
    """Whether the content is a time and a signature over RFC 6962's tree head with that time."""
    time_ms, algorithm, size, signature = content[:8], content[8:10], content[10:12], content[12:]
    if not isinstance(key, _SHA256_WITH.get(algorithm, ())) or int.from_bytes(size, "big") != len(signature):
        return False
    head = _TREE_HEAD + time_ms + checkpoint.size.to_bytes(8, "big") + checkpoint.root
    return is_signed(key, head, signature)
