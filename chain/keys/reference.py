"""References to keys: settings name where a key is, never the key.

    file:/var/lib/policycortex/report.key     a file, made at first use
    env:LOG_KEY                               a variable, read when the key is used
    aws-kms:alias/reports                     a key of AWS KMS, which signs without giving the key away

The functions that reach the environment and the key service are given: this package knows neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from chain.keys.environment import EnvironmentSigner, Resolve
from chain.keys.key_file import FileSigner, Passphrase
from chain.keys.report_key import FileRsaKey
from chain.keys.signer import Ed25519Key, NamedSigner, RsaKey, Signer
from domain.errors import InputError


class KeyPlace(StrEnum):
    """Where a key may be."""

    FILE = "file"
    ENVIRONMENT = "env"
    AWS_KMS = "aws-kms"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """A place and the key's name there."""

    place: KeyPlace
    name: str

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def _absent(name: str) -> NoReturn:
    raise InputError("no key service is connected", key=name, todo="Name a file: or env: key, or install the aws extra")


def no_secrets(name: str) -> NoReturn:
    """A resolver for where no secret is reached."""
    raise InputError("no secret can be reached here", reference=name, todo="Name a file: key")


@dataclass(frozen=True, slots=True)
class KeySources:
    """How to reach the places that this package cannot.

    Args:
        resolve: value of a variable, at this moment.
        log_key: an Ed25519 key of the key service.
        report_key: an RSA-4096 key of the key service.
        passphrase: seals files; None leaves them to their mode.
    """

    resolve: Resolve
    log_key: Callable[[str], Ed25519Key] = _absent
    report_key: Callable[[str], RsaKey] = _absent
    passphrase: Passphrase | None = None


def parse_reference(text: str) -> KeyReference:
    """Read a reference.

    Raises:
        InputError: not of the form `place:name`. The text is not repeated: it may be a key pasted by mistake.
    """
    place, colon, name = text.partition(":")
    if not colon or not name or place not in set(KeyPlace):
        raise InputError(
            "not a reference to a key",
            expected=[f"{place}:NAME" for place in KeyPlace],
            todo="Name where the key is; a key itself never stands in the settings",
        )
    return KeyReference(KeyPlace(place), name)


def open_log_signer(reference: KeyReference, *, name: str, sources: KeySources) -> Signer:
    """The signer of a log, or of one of its trees.

    Args:
        name: the origin that it signs under.
    """
    match reference.place:
        case KeyPlace.FILE:
            return FileSigner(Path(reference.name), name=name, passphrase=sources.passphrase)
        case KeyPlace.ENVIRONMENT:
            return EnvironmentSigner(reference.name, name=name, resolve=sources.resolve)
        case KeyPlace.AWS_KMS:
            return NamedSigner(name, sources.log_key(reference.name))


def open_report_key(reference: KeyReference, *, sources: KeySources) -> RsaKey:
    """The key that signs reports.

    Raises:
        InputError: a variable cannot hold a report key.
    """
    match reference.place:
        case KeyPlace.FILE:
            return FileRsaKey(Path(reference.name), passphrase=sources.passphrase)
        case KeyPlace.AWS_KMS:
            return sources.report_key(reference.name)
        case KeyPlace.ENVIRONMENT:
            raise InputError("a report key is too long for a variable", todo="Name a file: or aws-kms: key")
