"""Making and signing the one kind of Bitcoin transaction that anchors need.

In goes one output of our key; out come the digest and our change.

Source: Bitcoin developer reference, "Raw transaction format"; BIP 62 rule 5 (low S); BIP 13 and 58-base addresses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import InputError

PAYLOAD_PREFIX: Final = b"PCG\x01"

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SIGHASH_ALL = (1).to_bytes(4, "little")
_SIZE_BYTES = 245
"""Of a transaction of this form at most: one input, a payload of 36 bytes, one change output."""


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output of our key."""

    txid: str
    index: int
    satoshi: int


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secp256k1 key that pays to its public key's hash."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Self:
        """The key with that secret number of 32 bytes.

        Raises:
            InputError: the number is not a key of the curve.
        """
        value = int.from_bytes(secret, "big")
        if len(secret) != 32 or not 0 < value < _ORDER:
            raise InputError("not a Bitcoin key", expected="32 bytes within the order of secp256k1", got=len(secret))
        return cls(ec.derive_private_key(value, ec.SECP256K1()))

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    @property
    def public_hash(self) -> bytes:
        try:
            return hashlib.new("ripemd160", hashlib.sha256(self.public).digest()).digest()
        except ValueError:
            raise InputError(
                "this machine's OpenSSL has no RIPEMD-160, which Bitcoin addresses need",
                todo="Use OpenSSL 3.0.7 or later, or activate its legacy provider",
            ) from None

    @property
    def script(self) -> bytes:
        """What an output to this key demands: OP_DUP OP_HASH160 hash OP_EQUALVERIFY OP_CHECKSIG."""
        return bytes.fromhex("76a914") + self.public_hash + bytes.fromhex("88ac")

    def address(self, version: int) -> str:
        """The key's address on the network with that version byte."""
        payload = bytes([version]) + self.public_hash
        payload += double_sha256(payload)[:4]
        zeros = len(payload) - len(payload.lstrip(b"\0"))
        number, text = int.from_bytes(payload, "big"), ""
        while number:
            number, digit = divmod(number, 58)
            text = _ALPHABET[digit] + text
        return "1" * zeros + text

    def sign(self, digest: bytes) -> bytes:
        """A signature with the lower of the two possible S, as nodes demand."""
        r, s = decode_dss_signature(self.private.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
        return encode_dss_signature(r, min(s, _ORDER - s))


def double_sha256(data: bytes) -> bytes:
    """Bitcoin's digest of transactions and headers."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def transaction_id(transaction: bytes) -> str:
    """A transaction's id as nodes write it."""
    return double_sha256(transaction)[::-1].hex()


def fee_satoshi(rate_satoshi_per_byte: int) -> int:
    """What a transaction of this form pays."""
    return _SIZE_BYTES * rate_satoshi_per_byte


def make_transaction(key: SigningKey, coin: Coin, *, note_sha256: bytes, fee: int) -> bytes:
    """Spend a coin on carrying a digest; what is left comes back to the key."""
    payload = PAYLOAD_PREFIX + note_sha256
    outputs = _output(0, bytes([0x6A, len(payload)]) + payload) + _output(coin.satoshi - fee, key.script)
    unsigned = _serialize(coin, key.script, outputs)
    signature = key.sign(double_sha256(unsigned + _SIGHASH_ALL)) + b"\x01"
    unlocking = bytes([len(signature)]) + signature + bytes([len(key.public)]) + key.public
    return _serialize(coin, unlocking, outputs)


def _serialize(coin: Coin, script: bytes, outputs: bytes) -> bytes:
    spent = bytes.fromhex(coin.txid)[::-1] + coin.index.to_bytes(4, "little")
    one_input = spent + bytes([len(script)]) + script + b"\xff\xff\xff\xff"
    return b"\x01\0\0\0\x01" + one_input + b"\x02" + outputs + bytes(4)


def _output(satoshi: int, script: bytes) -> bytes:
    return satoshi.to_bytes(8, "little") + bytes([len(script)]) + script
