"""Where keys are, by the settings: made at the composition root, carried to the actors, resolved where a key is used.

Only references travel. A variable is read, a key service asked and a passphrase's file opened where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from actors.folders import Folders
from chain.keys.log_key_places import LogKeyPlaces, parse_log_reference
from chain.keys.reference import KeyPlace, KeyReference, KeySources, open_report_key, parse_reference
from chain.keys.signer import Ed25519Key, RsaKey
from chain.writer import LOGS
from domain.errors import InputError
from serve.secret import read_secret
from serve.settings import Settings, secret_of

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@dataclass(frozen=True, slots=True)
class KeyPlaces:
    """References to the platform's keys.

    Args:
        log, report, passphrase: None for the store's own files, and for files that are not sealed.
    """

    kms_region: str
    kms_url: str | None = None
    log: KeyReference | None = None
    report: KeyReference | None = None
    passphrase: KeyReference | None = None

    def log_keys(self, folders: Folders) -> LogKeyPlaces:
        """The keys of all logs."""
        return LogKeyPlaces(folders.chain / LOGS, self._sources(), self.log)

    def report_key(self, default: Path) -> RsaKey:
        """The key that signs report packs.

        Args:
            default: file where it is unless a setting says otherwise.
        """
        return open_report_key(self.report or KeyReference(KeyPlace.FILE, str(default)), sources=self._sources())

    def _sources(self) -> KeySources:
        return KeySources(
            resolve=secret_of,
            log_key=partial(_kms_log_key, self.kms_region, self.kms_url),
            report_key=partial(_kms_report_key, self.kms_region, self.kms_url),
            passphrase=None if self.passphrase is None else partial(_passphrase, self.passphrase),
        )


def key_places(settings: Settings) -> KeyPlaces:
    """What the settings say; every reference is checked for its form, none is followed.

    Raises:
        InputError: a reference is not one, or names a place that cannot hold such a key.
    """
    report, passphrase = (
        None if text is None else _absolute(parse_reference(text))
        for text in (settings.report_key, settings.key_passphrase)
    )
    if report is not None and report.place is KeyPlace.ENVIRONMENT:
        raise InputError("a report key is too long for a variable", todo="Name a file: or aws-kms: key")
    if passphrase is not None and passphrase.place is KeyPlace.AWS_KMS:
        raise InputError("a key service gives no passphrase away", todo="Name an env: variable or a file:")
    log = None if settings.log_key is None else _absolute(parse_log_reference(settings.log_key))
    return KeyPlaces(settings.kms_region, settings.kms_url, log, report, passphrase)


def _absolute(reference: KeyReference) -> KeyReference:
    """The same for a process that works in another folder."""
    if reference.place is not KeyPlace.FILE:
        return reference
    return KeyReference(reference.place, str(Path(reference.name).resolve()))


def _passphrase(reference: KeyReference) -> bytes:
    return read_secret(reference, what="passphrase of key files").encode("utf-8")


def _kms_log_key(region: str, url: str | None, name: str) -> Ed25519Key:
    from connectors.kms import KmsEd25519Key  # noqa: PLC0415 (boto3 only where a key of AWS KMS is used)

    return KmsEd25519Key(_client(region, url), name)


def _kms_report_key(region: str, url: str | None, name: str) -> RsaKey:
    from connectors.kms import KmsRsaKey  # noqa: PLC0415

    return KmsRsaKey(_client(region, url), name)


def _client(region: str, url: str | None) -> KMSClient:
    from connectors.kms import open_client  # noqa: PLC0415

    return open_client(region=region, endpoint_url=url)
