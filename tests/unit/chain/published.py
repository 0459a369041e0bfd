"""Test vectors as others publish them, computed here from the standards with hashlib and the signing library alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ECDSA_KEY = derive_private_key(0x1234567, SECP256R1())


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha(data: bytes, *, name: str = "sha256") -> bytes:
    return hashlib.new(name, data).digest()


def leaf(entry: bytes, *, name: str = "sha256") -> bytes:
    return sha(b"\x00" + entry, name=name)


def root(leaves: Sequence[bytes], *, name: str = "sha256") -> bytes:
    """RFC 6962 section 2.1, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"", name=name)
    split = _split(len(leaves))
    return sha(b"\x01" + root(leaves[:split], name=name) + root(leaves[split:], name=name), name=name)


def inclusion(leaves: Sequence[bytes], index: int, *, name: str = "sha256") -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion(leaves[:split], index, name=name), root(leaves[split:], name=name)]
    return [*inclusion(leaves[split:], index - split, name=name), root(leaves[:split], name=name)]


def consistency(leaves: Sequence[bytes], size: int, *, is_whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if size == len(leaves):
        return [] if is_whole else [root(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*consistency(leaves[:split], size, is_whole=is_whole), root(leaves[split:])]
    return [*consistency(leaves[split:], size - split, is_whole=False), root(leaves[:split])]


def verifier_key(name: str, *, key: Ed25519PrivateKey = ED25519_KEY, kind: int = 1) -> str:
    public = bytes([kind]) + key.public_key().public_bytes_raw()
    identity = sha(name.encode() + b"\n" + public)[:4]
    return f"{name}+{identity.hex()}+{b64(public)}"


def signed(text: str, name: str, *, key: Ed25519PrivateKey = ED25519_KEY) -> str:
    """A C2SP signed note."""
    identity = bytes.fromhex(verifier_key(name, key=key).split("+")[1])
    return f"{text}\n\u2014 {name} {b64(identity + key.sign(text.encode()))}\n"


def cosigned(text: str, name: str, *, time_s: int = 1_700_000_000) -> str:
    """A checkpoint with nothing but a witness's signature of type 4."""
    identity = bytes.fromhex(verifier_key(name, kind=4).split("+")[1])
    signature = ED25519_KEY.sign(f"cosignature/v1\ntime {time_s}\n{text}".encode())
    return f"{text}\n\u2014 {name} {b64(identity + time_s.to_bytes(8, 'big') + signature)}\n"


def der(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ecdsa_signed(text: str, name: str) -> str:
    """A note signed by ECDSA, as Rekor's first generation does."""
    signature = ECDSA_KEY.sign(text.encode(), ECDSA(SHA256()))
    return f"{text}\n\u2014 {name} {b64(sha(der(ECDSA_KEY))[:4] + signature)}\n"


def tree_head_signed(origin: str, size: int, root_hash: bytes, *, algorithm: bytes = b"\x04\x03") -> str:
    """A checkpoint with a CT log's tree head signature, of type 5."""
    text, time_ms = checkpoint(origin, size, root_hash), (1_767_139_200_000).to_bytes(8, "big")
    signature = ECDSA_KEY.sign(b"\x00\x01" + time_ms + size.to_bytes(8, "big") + root_hash, ECDSA(SHA256()))
    identity = sha(origin.encode() + b"\n\x05" + sha(der(ECDSA_KEY)))[:4]
    content = identity + time_ms + algorithm + len(signature).to_bytes(2, "big") + signature
    return f"{text}\n\u2014 {origin} {b64(content)}\n"


def checkpoint(origin: str, size: int, root_hash: bytes) -> str:
    return f"{origin}\n{size}\n{b64(root_hash)}\n"


def tiles(leaves: Sequence[bytes], *, name: str = "sha256") -> dict[str, bytes]:
    """Hash tiles of a tree, by path."""
    files: dict[str, bytes] = {}
    level, hashes = 0, list(leaves)
    while hashes:
        for index in range(-(-len(hashes) // 256)):
            row = hashes[256 * index : 256 * index + 256]
            files[f"tile/{level}/{tile_path(index, len(row))}"] = b"".join(row)
        level, hashes = (
            level + 1,
            [root(hashes[at : at + 256], name=name) for at in range(0, len(hashes) // 256 * 256, 256)],
        )
    return files


def bundles(entries: Sequence[bytes]) -> dict[str, bytes]:
    """Entry bundles, by path."""
    return {
        f"tile/entries/{tile_path(at // 256, len(entries[at : at + 256]))}": b"".join(
            len(entry).to_bytes(2, "big") + entry for entry in entries[at : at + 256]
        )
        for at in range(0, len(entries), 256)
    }


def tile_path(index: int, width: int) -> str:
    return f"{index:03d}" + ("" if width == 256 else f".p/{width}")


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_json(folder: Path, name: str, value: object) -> Path:
    return write(folder, {name: json.dumps(value)})


def _split(count: int) -> int:
    """The largest power of two below a count."""
    return 1 << (count - 1).bit_length() - 1
