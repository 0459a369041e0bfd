"""Signatures of bundles: a C2SP signed note that names the bundle, its version and its digest, by an Ed25519 key.

Where keys are trusted, one of them must have signed the very bundle; where none is, a signature is carried along and
nothing is made of it.

Source: C2SP signed-note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from chain.note import Note, Signature, VerifierKey, open_note, parse_verifier_key
from domain.errors import AccessDenied, InputError, IntegrityError
from policy.bundle import SIGNATURE_FILE, Bundle

FORM: Final = "policycortex/policy-bundle/v1"
_TODO: Final = "Sign the bundle as it is: pcg policies sign DIR --key FILE"


class Signer(Protocol):
    """A key that can sign."""

    @property
    def key(self) -> VerifierKey:
        """Its public half, and its name."""

    def sign(self, message: bytes) -> bytes:
        """Sign these bytes."""


def statement(bundle: Bundle) -> str:
    """What is signed."""
    return f"{FORM}\n{bundle.name}\n{bundle.version}\nsha256:{bundle.digest}\n"


def sign_bundle(bundle: Bundle, signer: Signer) -> str:
    """The signed note of a bundle, for the file beside it."""
    text = statement(bundle)
    signature = Signature(signer.key.name, signer.key.key_id, signer.sign(text.encode("utf-8")))
    return str(Note(text, (signature,)))


def verified_signers(bundle: Bundle, note: str | None, trusted: Sequence[VerifierKey]) -> tuple[str, ...]:
    """The names of the trusted keys that signed a bundle; empty where no key is trusted at all.

    Raises:
        AccessDenied: keys are trusted and none of them signed this bundle.
    """
    if not trusted:
        return ()
    names = sorted(key.name for key in trusted)
    if note is None:
        raise _refused("bundle is not signed", expected=names)
    try:
        opened = open_note(note, trusted)
    except (InputError, IntegrityError) as error:
        raise _refused("bundle is not signed by a trusted key", expected=names, got=str(error)) from None
    if opened.text != statement(bundle):
        raise _refused("signature is of another bundle", expected=statement(bundle), got=opened.text)
    return tuple(signature.name for signature in opened.signatures)


def parse_trusted_keys(text: str, *, where: str) -> tuple[VerifierKey, ...]:
    """Verifier keys, one a line; empty lines and lines that begin with ``#`` are left out.

    Raises:
        InputError: a line is no key, or there is none.
    """
    found: list[VerifierKey] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(parse_verifier_key(line.strip()))
            except InputError as error:
                raise InputError(error.summary, **{"where": f"{where}:{number}", **error.facts}) from None
    if not found:
        raise InputError("no key is trusted", where=where, expected="name+id+key, one a line", got="nothing")
    return tuple(found)


def _refused(summary: str, **facts: object) -> AccessDenied:
    return AccessDenied(summary, **{"where": SIGNATURE_FILE, "status": 403, "todo": _TODO, **facts})
