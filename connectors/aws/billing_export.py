"""AWS Data Exports in S3: the files of a month's report, as its manifest names them.

A report is written anew all the time; the manifest of a billing period names the files that belong together. Each is
read at the version that the listing showed, and must have the size that it showed; a file that is gone or has changed
meanwhile fails the month, and the next try sees the new manifest.

**Source**: AWS Data Exports user guide, "Understanding export delivery": metadata/…/BILLING_PERIOD=YYYY-MM manifests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.billing.client import Fetched, whole
from domain.errors import AccessDenied, IncompleteError, InputError, NotFound, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES_MAX: Final = 10_000
MANIFEST_BYTES_MAX: Final = 16 * 1024 * 1024
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


def open_client(*, endpoint_url: str | None = None, credentials: tuple[str, str] | None = None) -> S3Client:
    """A client that waits out throttling, within bounds.

    Args:
        credentials: access key id and secret; None uses the machine's own, as AWS clients find them.
    """
    key_id, secret = credentials or (None, None)
    config = Config(connect_timeout=10, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 8})
    return boto3.client(
        "s3", endpoint_url=endpoint_url, aws_access_key_id=key_id, aws_secret_access_key=secret, config=config
    )


@dataclass(frozen=True, slots=True)
class DataExport:
    """One export.

    Args:
        prefix: of the export, as it was set up. name: the export's.
    """

    client: S3Client = field(repr=False)
    bucket: str
    prefix: str
    name: str

    def fetch(self, month: date, into: Path) -> Fetched:
        """Fetch one month; see `connectors.billing.client.BillingClient`."""
        with whole(month, into) as folder:
            keys = self._keys(month)
            names = [self._take(key, folder, place) for place, key in enumerate(keys)]
        return Fetched(tuple(into / name for name in names))

    def _keys(self, month: date) -> list[str]:
        """The files that the month's manifest names."""
        key = "/".join(
            part
            for part in (self.prefix.strip("/"), self.name, "metadata", f"BILLING_PERIOD={month:%Y-%m}",
                         f"{self.name}-Manifest.json")
            if part
        )  # fmt: skip
        document = self._manifest(key)
        files = document.get("dataFiles", [])
        if not isinstance(files, list) or len(files) > FILES_MAX or not all(isinstance(each, str) for each in files):
            raise IncompleteError("the manifest names no files", key=key)
        return [self._key(each) for each in files]

    def _key(self, name: str) -> str:
        parts = urlsplit(name)
        if parts.scheme == "s3" and parts.netloc != self.bucket:
            raise InputError("the manifest names another bucket", expected=self.bucket, got=parts.netloc)
        return parts.path.lstrip("/") if parts.scheme == "s3" else name

    def _manifest(self, key: str) -> dict[str, Any]:
        body = self._body(key, most=MANIFEST_BYTES_MAX)
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise IncompleteError("the manifest is no JSON object", bucket=self.bucket, key=key)
        return found

    def _take(self, key: str, folder: Path, place: int) -> str:
        name = f"{place:04}-{key.rpartition('/')[2]}"
        (folder / name).write_bytes(self._body(key, most=None))
        return name

    def _body(self, key: str, *, most: int | None) -> bytes:
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=key)
            if most is not None and head["ContentLength"] > most:
                raise IncompleteError("the manifest is too large", key=key, got=head["ContentLength"])
            answer = self.client.get_object(Bucket=self.bucket, Key=key, IfMatch=head["ETag"])
            body = answer["Body"].read()
        except ClientError as error:
            raise self._said(error, key) from None
        except BotoCoreError as error:
            raise UnavailableError("S3 does not answer", bucket=self.bucket, reason=str(error)[:300]) from None
        if len(body) != head["ContentLength"]:
            raise IncompleteError("a file is not whole", key=key, expected=head["ContentLength"], got=len(body))
        return body

    def _said(self, error: ClientError, key: str) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        facts = {"bucket": self.bucket, "key": key, "code": code}
        if code in _GONE:
            return NotFound("the export has no such file", **facts, todo="Check bucket, prefix, name and month")
        if code in {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"}:
            return AccessDenied(
                "S3 refuses the credential", **facts, todo="Check the credential and the bucket's policy"
            )
        if code in {"412", "PreconditionFailed"}:
            return IncompleteError("a file changed while it was read", **facts, todo="Try again")
        return UnavailableError("S3 does not answer as it must", **facts)
