"""Report packs from what is published: the newest state of the tenant's logs, its scans, the platform's report key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from actors.evidence_place import EvidencePlace
from actors.folders import Folders
from actors.scan_archive import ScanArchive
from chain.layout import artifact_path
from domain.clock import Clock, parse_instant
from domain.errors import NotFound, UnavailableError
from domain.evidence import LogName
from domain.tenancy import TenantId
from serve.key_places import KeyPlaces
from serve.report_key import ReportKeyRecorder, record_report_key
from serve.reporting import ReportKind, ReportRequest

OWNER: Final = "PolicyCortex"
BOARD_SCANS_MAX: Final = 12


class Publisher(ReportKeyRecorder, Protocol):
    """What of a platform is needed to report."""

    def publish(self, tenant: TenantId) -> object: ...


class FolderPackMaker:
    """Makes packs of the folders of one store. One pack at a time: each holds a log in memory."""

    def __init__(self, folders: Folders, publisher: Publisher, clock: Clock, keys: KeyPlaces) -> None:
        self._keys = keys
        self._folders = folders
        self._place = EvidencePlace(folders)
        self._publisher = publisher
        self._clock = clock
        self._lock = Lock()

    def make(self, request: ReportRequest) -> bytes:
        """The whole zip; what is new is published first.

        Raises:
            NotFound: the tenant has no evidence, or no scan that a board pack could show.
            UnavailableError: the reports extra is not installed here.
        """
        try:
            from chain.reports.packing import build_pack  # noqa: PLC0415 (reportlab and pyHanko are an extra)
        except ImportError as error:
            raise UnavailableError(
                "reports cannot be made here", missing=error.name, todo="Install policycortex[reports]"
            ) from None
        with self._lock:
            self._publisher.publish(request.tenant)
            with self._place.folder(request.tenant) as published:
                asked = self._asked(request, published)
                board = self._board(request, asked) if request.kind is ReportKind.BOARD else None
                return build_pack(asked, self._signer(), board=board)

    def _asked(self, request: ReportRequest, published: Path) -> Any:
        from chain.reports.source import PackRequest  # noqa: PLC0415
        from serve.published_log import log_source  # noqa: PLC0415

        years = [
            folder for name, folder in _logs_in(published) if request.since.year <= name.year <= request.until.year
        ]
        if not years:
            raise NotFound("there is no evidence of that window", todo="Choose a window with evidence in it")

        def artifact(sha256: str) -> bytes | None:
            found = (folder / artifact_path(sha256) for folder in years)
            return next((path.read_bytes() for path in found if path.is_file()), None)

        return PackRequest(
            tenant=str(request.tenant),
            opens=request.since,
            closes=request.until,
            made_at=self._clock.now(),
            logs=tuple(map(log_source, years)),
            artifacts=artifact,
            expected=request.expected,
        )

    def _board(self, request: ReportRequest, asked: Any) -> Any:
        from chain.reports.board_figures import board_figures  # noqa: PLC0415
        from chain.reports.evidence import collect_evidence  # noqa: PLC0415

        documents = self._documents(request.tenant, request.until)
        if not documents:
            raise NotFound("there is no scan before the end of that window", todo="Scan first: pcg scan PATH")
        return board_figures(documents, collect_evidence(asked).entries)

    def _documents(self, tenant: TenantId, until: datetime) -> Sequence[Mapping[str, Any]]:
        """The newest scans before the end of the window that asked what the newest of them asked."""
        archive = ScanArchive(self._folders.scans(tenant))
        kept = [archive.load(scan_id) for scan_id in archive.scan_ids()]
        found = [document for document in kept if parse_instant(str(document["as_of"])) < until]
        found.sort(key=lambda document: str(document["as_of"]))
        return [each for each in found if each["filters"] == found[-1]["filters"]][-BOARD_SCANS_MAX:]

    def _signer(self) -> Any:
        from chain.durable import make_private_directory  # noqa: PLC0415
        from chain.keys.report_key import ReportSigner  # noqa: PLC0415

        folder: Path = self._folders.report_keys
        make_private_directory(folder)
        key = self._keys.report_key(folder / "report.key")
        signer = ReportSigner(key, folder / "report.pem", owner=OWNER, issued_at=self._clock.now())
        record_report_key(self._publisher, key, signer.certificate_der, at=self._clock.now())
        return signer


def _logs_in(folder: Path) -> list[tuple[LogName, Path]]:
    """The folders of a tenant's logs, oldest first."""
    return sorted((name, path) for path in folder.glob("*") if (name := LogName.find(path.name)) is not None)
