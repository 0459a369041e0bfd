"""Azure immutable blobs: the note as a blob version under a locked time-based policy.

The emulator, and an account whose container lacks version-level immutability, take the header and keep no policy. So
the policy is read back and compared, and without a locked one there is no receipt. The name is the note's digest and
an existing blob is never written over, so a repeat finds the first version again.

Source: Azure Storage, "Version-level WORM policies for immutable blob data"; Put Blob and Get Blob Properties.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient, ImmutabilityPolicy

from domain.anchoring import AnchorKind, AnchorReceipt
from domain.clock import SystemClock, format_instant, parse_instant
from domain.errors import InputError, IntegrityError, UnavailableError
from domain.value import Json

_DAY: Final = timedelta(days=1)


def connect(account_url: str, container: str, *, credential: Any, deadline_s: float = 30.0) -> ContainerClient:
    """A container's client that tries once; the credential is an account key or one of azure-identity."""
    service = BlobServiceClient(
        account_url,
        credential=credential,
        retry_total=0,
        connection_timeout=deadline_s,
        read_timeout=deadline_s,
    )
    return service.get_container_client(container)


def default_credential() -> Any:
    """The credential of the machine or the signed-in person.

    Raises:
        InputError: the library for it is not installed.
    """
    try:
        identity = import_module("azure.identity")  # of another extra
    except ImportError:
        raise InputError(
            "azure-identity is not installed", todo="Install policycortex[azure], or name an account_key_file"
        ) from None
    return identity.DefaultAzureCredential()


@dataclass(frozen=True, slots=True)
class AzureImmutableBlob:
    """A target of kind Azure immutable blob.

    Args:
        prefix: beginning of the blobs' names.
        retain_years: how long the version must stay.
    """

    name: str
    container: ContainerClient = field(repr=False)
    prefix: str = "anchors/"
    retain_years: int = 7
    deadline_s: int = 30
    now: Callable[[], datetime] = field(default=SystemClock().now, repr=False)

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.AZURE_IMMUTABLE_BLOB

    def anchor(self, note: bytes) -> AnchorReceipt:
        digest = hashlib.sha256(note).hexdigest()
        blob = self.container.get_blob_client(f"{self.prefix}{digest}.note")
        until = (self.now() + self._term + _DAY).replace(microsecond=0)
        version = self._put(blob, note, until)
        facts = self._read_back(blob, version) if version else self._find(blob, note)
        if version and parse_instant(str(facts["retain_until"])) < until:
            raise self._refusal(blob, expected=f"retained until {format_instant(until)}", got=facts["retain_until"])
        return AnchorReceipt(
            kind=self.kind,
            target=self.name,
            note_sha256=digest,
            stated_at=parse_instant(str(facts["stored_at"])),
            is_final=True,
            facts=facts,
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """Ask the store again for the policy of the receipt's version.

        Raises:
            IntegrityError: the version is gone, or is locked for less time than the receipt says.
        """
        blob = self.container.get_blob_client(str(receipt.facts["name"]))
        facts = self._read_back(blob, str(receipt.facts["version_id"]))
        if parse_instant(str(facts["retain_until"])) < parse_instant(str(receipt.facts["retain_until"])):
            raise self._refusal(blob, expected=receipt.facts["retain_until"], got=facts["retain_until"])
        return receipt

    @property
    def _term(self) -> timedelta:
        return timedelta(days=366 * self.retain_years)

    def _put(self, blob: BlobClient, note: bytes, until: datetime) -> str | None:
        """The new version's id; None where a blob of that name is there already."""
        policy = ImmutabilityPolicy(expiry_time=until, policy_mode="Locked")
        with self._asking("Put Blob"):
            try:
                answer = blob.upload_blob(
                    note, overwrite=False, immutability_policy=policy, timeout=self.deadline_s, max_concurrency=1
                )
            except ResourceExistsError:
                return None
        version = answer.get("version_id")
        if not version:
            raise self._refusal(blob, expected="a version id", got="none: the container keeps no versions")
        return str(version)

    def _find(self, blob: BlobClient, note: bytes) -> dict[str, Json]:
        """What an earlier call stored: the same bytes, under a policy as long as was promised then."""
        with self._asking("Get Blob"):
            stored = blob.download_blob(offset=0, length=len(note) + 1, timeout=self.deadline_s)
            content, version = stored.readall(), stored.properties["version_id"]
        if content != note or not version:
            raise self._refusal(blob, expected="the note, in a version", got="other bytes, or no version")
        return self._read_back(blob, version)

    def _read_back(self, blob: BlobClient, version: str) -> dict[str, Json]:
        with self._asking("Get Blob Properties"):
            try:
                found = blob.get_blob_properties(version_id=version, timeout=self.deadline_s)
            except ResourceNotFoundError as error:
                raise self._refusal(blob, expected=f"version {version}", got="no such version") from error
        policy, stored_at = found.immutability_policy, found.creation_time
        mode, until = str(policy.policy_mode or "none"), policy.expiry_time
        if mode.lower() != "locked" or until is None or until < stored_at + self._term:
            expected = f"Locked until {format_instant(stored_at + self._term)} or later"
            raise self._refusal(blob, expected=expected, got=f"{mode} until {until}")
        return {
            "container": str(self.container.url).partition("?")[0],
            "name": blob.blob_name,
            "version_id": version,
            "mode": "Locked",
            "retain_until": format_instant(until.astimezone(UTC)),
            "stored_at": format_instant(stored_at.astimezone(UTC)),
        }

    def _refusal(self, blob: BlobClient, *, expected: object, got: object) -> IntegrityError:
        return IntegrityError(
            "store does not keep the blob immutable as asked",
            target=self.name,
            blob=blob.blob_name,
            expected=expected,
            got=got,
            todo="Use a container with version-level immutability enabled; an emulator has none",
        )

    @contextmanager
    def _asking(self, operation: str) -> Iterator[None]:
        try:
            yield
        except AzureError as error:
            raise UnavailableError(
                "store did not answer as it must", target=self.name, operation=operation, reason=str(error)[:300]
            ) from error
