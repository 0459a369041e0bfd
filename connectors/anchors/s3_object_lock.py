"""S3 Object Lock: the note as an object version that nobody can delete before a date, the account's owner included.

A store may take the request and keep no lock, so the lock is read back (by HEAD, of this version) and compared; only
then is there a receipt. The name is the note's digest and an existing object is never written over, so a repeat finds
the first version again.

Source: Amazon S3 user guide, "Using S3 Object Lock"; API reference, PutObject and HeadObject.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from domain.anchoring import AnchorKind, AnchorReceipt
from domain.clock import SystemClock, format_instant, parse_instant
from domain.errors import InputError, IntegrityError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DAY: Final = timedelta(days=1)
_MISSING: Final = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}


def connect(
    *, endpoint_url: str | None, region: str, deadline_s: float = 30.0, credentials: Mapping[str, str] | None = None
) -> S3Client:
    """A client that tries once; credentials come from where AWS tools look unless given."""
    config = Config(
        connect_timeout=deadline_s,
        read_timeout=deadline_s,
        retries={"total_max_attempts": 1},
        parameter_validation=True,
    )
    session = boto3.session.Session(region_name=region, **(credentials or {}))  # type: ignore[arg-type]
    return session.client("s3", endpoint_url=endpoint_url, config=config)


@dataclass(frozen=True, slots=True)
class S3ObjectLock:
    """A target of kind S3 Object Lock.

    Args:
        prefix: beginning of the objects' names.
        retain_years: how long the version must stay.
    """

    name: str
    bucket: str
    client: S3Client = field(repr=False)
    prefix: str = "anchors/"
    retain_years: int = 7
    now: Callable[[], datetime] = field(default=SystemClock().now, repr=False)

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.S3_OBJECT_LOCK

    def anchor(self, note: bytes) -> AnchorReceipt:
        self._require_lockable()
        digest = hashlib.sha256(note).hexdigest()
        key = f"{self.prefix}{digest}.note"
        until = (self.now() + self._term + _DAY).replace(microsecond=0)
        version = self._put(key, note, until)
        facts = self._head(key, version) if version else self._find(key, note)
        if version and parse_instant(str(facts["retain_until"])) < until:
            raise self._refusal(key, expected=f"retained until {format_instant(until)}", got=facts["retain_until"])
        return AnchorReceipt(
            kind=self.kind,
            target=self.name,
            note_sha256=digest,
            stated_at=parse_instant(str(facts["stored_at"])),
            is_final=True,
            facts=facts,
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """Ask the store again for the lock of the receipt's version.

        Raises:
            IntegrityError: the version is gone, or is locked for less time than the receipt says.
        """
        key, version = str(receipt.facts["key"]), str(receipt.facts["version_id"])
        facts = self._head(key, version)
        if parse_instant(str(facts["retain_until"])) < parse_instant(str(receipt.facts["retain_until"])):
            raise self._refusal(key, expected=receipt.facts["retain_until"], got=facts["retain_until"])
        return receipt

    @property
    def _term(self) -> timedelta:
        return timedelta(days=366 * self.retain_years)

    def _require_lockable(self) -> None:
        with self._asking("GetObjectLockConfiguration"):
            try:
                answer = self.client.get_object_lock_configuration(Bucket=self.bucket)
                enabled = answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")
            except ClientError as error:
                if _code(error) != "ObjectLockConfigurationNotFoundError":
                    raise
                enabled = None
        if enabled != "Enabled":
            raise InputError(
                "bucket has no object lock",
                target=self.name,
                bucket=self.bucket,
                todo="Create a bucket with object lock enabled, or enable it on this one while it is empty",
            )

    def _put(self, key: str, note: bytes, until: datetime) -> str | None:
        """The new version's id; None where an object of that name is there already."""
        with self._asking("PutObject"):
            try:
                answer = self.client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=note,
                    IfNoneMatch="*",
                    ContentType="text/plain; charset=utf-8",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=base64.b64encode(hashlib.sha256(note).digest()).decode(),
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=until,
                )
            except ClientError as error:
                if _status(error) not in {409, 412}:
                    raise
                return None
        version = answer.get("VersionId")
        if not version or version == "null":
            raise self._refusal(key, expected="a version id", got=version)
        return version

    def _find(self, key: str, note: bytes) -> dict[str, Any]:
        """What an earlier call stored: the same bytes, under a lock as long as was promised then."""
        with self._asking("GetObject"):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            if answer["Body"].read(len(note) + 1) != note:
                raise self._refusal(key, expected="the note", got="other bytes under the note's name")
        return self._head(key, answer.get("VersionId", "null"))

    def _head(self, key: str, version: str) -> dict[str, Any]:
        """The version's lock. By HEAD, because that answers for this version what deletion would be asked."""
        with self._asking("HeadObject"):
            try:
                answer: Mapping[str, Any] = self.client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                raise self._refusal(key, expected=f"version {version}", got="no such version") from error
        mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
        stored_at: datetime = answer["LastModified"]
        if mode != "COMPLIANCE" or until is None or until < stored_at + self._term:
            expected = f"COMPLIANCE until {format_instant(stored_at + self._term)} or later"
            raise self._refusal(key, expected=expected, got=f"{mode} until {until}")
        return {
            "bucket": self.bucket,
            "key": key,
            "version_id": version,
            "mode": "COMPLIANCE",
            "retain_until": format_instant(until.astimezone(UTC)),
            "stored_at": format_instant(stored_at.astimezone(UTC)),
        }

    def _refusal(self, key: str, *, expected: object, got: object) -> IntegrityError:
        return IntegrityError(
            "store does not keep the object locked as asked",
            target=self.name,
            bucket=self.bucket,
            key=key,
            expected=expected,
            got=got,
            todo="Do not count on this store; check the bucket's object lock and who may bypass it",
        )

    @contextmanager
    def _asking(self, operation: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError(
                "store did not answer as it must",
                target=self.name,
                bucket=self.bucket,
                operation=operation,
                reason=str(error)[:300],
            ) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
