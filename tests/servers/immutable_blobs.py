"""Blob Storage with version-level immutability, as Azure documents it; the emulator that Azure offers has none.

Only what anchors use: Put Blob with a policy, Get Blob and its properties by version, Set and Delete Immutability
Policy, Delete Blob. A locked policy can be extended and never shortened or removed; a version under a policy that has
not run out cannot be deleted: 409 BlobImmutableDueToPolicy.

Source: Azure Storage REST API, "Put Blob", "Set Blob Immutability Policy", "Delete Blob"; "Immutable storage" overview.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.servers.loopback import listening

_MODE = "x-ms-immutability-policy-mode"
_UNTIL = "x-ms-immutability-policy-until-date"


@dataclass
class Version:
    """One version of a blob."""

    id: str
    content: bytes
    created_at: datetime
    mode: str | None
    until: datetime | None


@dataclass
class BlobAccount:
    """Versions by blob, and what this account does worse than it should.

    Args:
        unlocks: it keeps policies, but as unlocked ones.
        shortens_by: how much earlier than asked its policies end.
        is_versioned: whether it gives versions at all.
    """

    url: str = ""
    blobs: dict[str, list[Version]] = field(default_factory=dict)
    unlocks: bool = False
    shortens_by: timedelta = timedelta(0)
    is_versioned: bool = True

    def put(self, path: str, content: bytes, mode: str | None, until: datetime | None) -> Version:
        now = datetime.now(UTC).replace(microsecond=0)
        kept = None if until is None else until - self.shortens_by
        version = Version(
            f"{now:%Y-%m-%dT%H:%M:%S}.{len(self.blobs):07}Z", content, now, "unlocked" if self.unlocks else mode, kept
        )
        self.blobs.setdefault(path, []).append(version)
        return version

    def find(self, path: str, version_id: str | None) -> Version | None:
        versions = self.blobs.get(path, [])
        if version_id is None:
            return versions[-1] if versions else None
        return next((one for one in versions if one.id == version_id), None)


@contextmanager
def serving() -> Iterator[BlobAccount]:
    """An empty account."""
    account = BlobAccount()

    class Handler(_Handler):
        pass

    Handler.account = account
    with listening(Handler) as url:
        account.url = f"{url}/devstoreaccount1"
        yield account


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: BlobAccount

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, query = self._target()
        mode, until = (self.headers.get(_MODE) or "").lower() or None, self._until()
        if query.get("comp") == "immutabilityPolicies":
            self._set_policy(path, query.get("versionid"), mode, until)
        elif self.headers.get("If-None-Match") == "*" and path in self.account.blobs:
            self._answer(409, error="BlobAlreadyExists")
        else:
            version = self.account.put(path, content, mode, until)
            self._answer(201, headers=self._facts(version))

    def do_GET(self) -> None:
        path, query = self._target()
        version = self.account.find(path, query.get("versionid"))
        if version is None:
            self._answer(404, error="BlobNotFound")
        else:
            size = len(version.content)
            headers = {**self._facts(version), "Content-Range": f"bytes 0-{size - 1}/{size}"}
            self._answer(200 if self.command == "HEAD" else 206, version.content, headers)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        path, query = self._target()
        version = self.account.find(path, query.get("versionid"))
        if version is None:
            self._answer(404, error="BlobNotFound")
        elif query.get("comp") == "immutabilityPolicies" and version.mode != "locked":
            version.mode = version.until = None
            self._answer(200)
        elif version.mode is not None and version.until is not None and version.until > datetime.now(UTC):
            self._answer(409, error="BlobImmutableDueToPolicy")
        else:
            self.account.blobs[path].remove(version)
            self._answer(202)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _set_policy(self, path: str, version_id: str | None, mode: str | None, until: datetime | None) -> None:
        version = self.account.find(path, version_id)
        if version is None or until is None:
            self._answer(404, error="BlobNotFound")
        elif version.mode == "locked" and (mode != "locked" or version.until is None or until < version.until):
            self._answer(409, error="BlobImmutableDueToPolicy")
        else:
            version.mode, version.until = mode, until
            self._answer(200, headers=self._facts(version))

    def _target(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {key.lower(): values[0] for key, values in parse_qs(parts.query).items()}

    def _until(self) -> datetime | None:
        text = self.headers.get(_UNTIL)
        return parsedate_to_datetime(text) if text else None

    def _facts(self, version: Version) -> dict[str, str]:
        created = format_datetime(version.created_at, usegmt=True)
        facts = {
            "ETag": f'"{hashlib.sha256(version.content).hexdigest()[:16]}"',
            "Last-Modified": created,
            "x-ms-creation-time": created,
            "x-ms-blob-type": "BlockBlob",
        }
        if self.account.is_versioned:
            facts["x-ms-version-id"] = version.id
        if version.mode is not None and version.until is not None:
            facts[_MODE], facts[_UNTIL] = version.mode, format_datetime(version.until.astimezone(UTC), usegmt=True)
        return facts

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, error: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if error is not None:
            self.send_header("x-ms-error-code", error)
            self.send_header("Content-Type", "application/xml")
            body = f"<?xml version='1.0'?><Error><Code>{error}</Code><Message>{error}</Message></Error>".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
