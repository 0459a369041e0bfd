"""Report packs on request: long work that ends in a zip, kept by id in the tenant's folder.

What a pack holds is decided by whoever makes it (`PackMaker`); here it is asked for once per idempotency key, also
after a restart, stored, listed and handed out.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol, cast

import orjson

from actors.folders import Folders
from actors.messages import Operation, Progress
from domain.clock import Clock, format_instant
from domain.errors import ConflictError, InputError, NotFound
from domain.tenancy import TenantId
from domain.value import Json
from serve.operations import Operations, Result, Work, operation_id_of
from serve.report_archive import About, ReportArchive

OPERATION_KIND: Final = "report"


class ReportKind(StrEnum):
    """What is made."""

    EVIDENCE = "evidence"
    BOARD = "board"


class Page(StrEnum):
    """What it is printed on."""

    A4 = "a4"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A pack that is asked for.

    Args:
        since, until: the window of the evidence, by the time of recording; `until` is not in it.
        expected: types of evidence of which there should be some; the report says which are missing.
        framework: show only this framework's controls; the evidence is complete all the same.
    """

    tenant: TenantId
    kind: ReportKind
    since: datetime
    until: datetime
    expected: tuple[str, ...] = ()
    page: Page = Page.A4
    framework: str | None = None


class PackMaker(Protocol):
    """Makes packs."""

    def make(self, request: ReportRequest) -> bytes:
        """The whole zip.

        Raises:
            NotFound: there is no evidence of that window.
        """


class ReportService:
    """Starts reports and knows the finished ones. Safe for several threads."""

    def __init__(self, maker: PackMaker, folders: Folders, operations: Operations, clock: Clock) -> None:
        self._maker = maker
        self._folders = folders
        self._operations = operations
        self._clock = clock

    def start(self, request: ReportRequest, key: str | None) -> Operation:
        """Begin a report; the operation's id is the report's. The same key is the same report, for good.

        Raises:
            InputError: the window ends before it begins, or in the future.
            ConflictError: the key began another report.
        """
        self._require_over(request)
        key = key or secrets.token_hex(12)
        report_id = operation_id_of(request.tenant, OPERATION_KIND, key)
        content, fingerprint = _content(request)
        self._require_same(request.tenant, report_id, fingerprint)

        def run(_: Progress) -> Result:
            return self._made(request, report_id, fingerprint)

        return self._operations.start(Work(request.tenant, OPERATION_KIND, content, key, run))

    def make(self, request: ReportRequest) -> About:
        """Make a report now, and wait for it.

        Raises:
            InputError: the window ends before it begins, or in the future.
        """
        self._require_over(request)
        report_id = operation_id_of(request.tenant, OPERATION_KIND, secrets.token_hex(12))
        return self._made(request, report_id, _content(request)[1])

    def about(self, tenant: TenantId, report_id: str) -> About:
        """What is known of a finished report.

        Raises:
            NotFound: it is not finished, or there is none of this id.
        """
        about = self._archive(tenant).about(report_id)
        if about is None:
            raise NotFound("no such report", report_id=report_id[:80], todo="GET /api/v2/reports lists what is there")
        return about

    def content(self, tenant: TenantId, report_id: str) -> bytes:
        """A finished report's zip.

        Raises:
            NotFound: it is not finished, or there is none of this id.
        """
        return self._archive(tenant).content(report_id)

    def all(self, tenant: TenantId) -> Sequence[About]:
        """The tenant's finished reports, newest first."""
        return self._archive(tenant).all()

    def _require_over(self, request: ReportRequest) -> None:
        if not request.since < request.until <= self._clock.now():
            raise InputError(
                "the window of a report ends after it begins, and not in the future",
                since=format_instant(request.since),
                until=format_instant(request.until),
                todo="Choose a window that is over",
            )

    def _require_same(self, tenant: TenantId, report_id: str, fingerprint: str) -> None:
        about = self._archive(tenant).about(report_id)
        if about is not None and about["request_sha256"] != fingerprint:
            raise ConflictError(
                "the key began another report", report_id=report_id, todo="Use another key for another report"
            )

    def _made(self, request: ReportRequest, report_id: str, fingerprint: str) -> About:
        archive = self._archive(request.tenant)
        about = archive.about(report_id)
        if about is None:
            content = self._maker.make(request)
            made: dict[str, Json] = {"created_at": format_instant(self._clock.now()), "request_sha256": fingerprint}
            about = archive.save(report_id, {**_fields(request), **made}, content)
        return about

    def _archive(self, tenant: TenantId) -> ReportArchive:
        return ReportArchive(self._folders.graph(tenant) / "reports")


def _content(request: ReportRequest) -> tuple[bytes, str]:
    """What is asked for, as bytes and as their digest."""
    content = orjson.dumps(_fields(request), option=orjson.OPT_SORT_KEYS)
    return content, sha256(content).hexdigest()


def _fields(request: ReportRequest) -> dict[str, Json]:
    fields = cast("dict[str, Json]", asdict(request))
    del fields["tenant"]
    if request.framework is None:
        del fields["framework"]
    return fields | {
        "kind": request.kind.value,
        "since": format_instant(request.since),
        "until": format_instant(request.until),
        "expected": list[Json](request.expected),
        "page": request.page.value,
    }
