"""Report packs from what is published: the newest state of the tenant's logs, its scans, the platform's report key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from actors.evidence_place import EvidencePlace
from actors.folders import Folders
from actors.scan_archive import ScanArchive
from chain.layout import artifact_path
from domain.clock import Clock, parse_instant
from domain.errors import NotFound, UnavailableError
from domain.evidence import LogName
from domain.tenancy import PLATFORM, TenantId
from serve.key_places import KeyPlaces
from serve.report_key import ReportKeyRecorder, record_report_key
from serve.reporting import ReportKind, ReportRequest

if TYPE_CHECKING:
    from chain.checkpoint_commitment import CheckpointOpening
    from chain.reports.anchors import AnchorSource
    from chain.reports.source import LogSource
    from chain.signed_checkpoints import SignedPair
    from serve.pack_anchors import AnchorIndex

OWNER: Final = "PolicyCortex"
BOARD_SCANS_MAX: Final = 12


class Publisher(ReportKeyRecorder, Protocol):
    """What of a platform is needed to report."""

    def publish(self, tenant: TenantId) -> object: ...
    def publish_platform(self) -> object: ...
    def signed_checkpoints(self, tenant: TenantId, log: LogName) -> Sequence[SignedPair]: ...
    def key_entries(self, tenant: TenantId, log: LogName) -> tuple[int, ...]: ...
    def opening(self, tenant: TenantId, log: LogName, note: str) -> CheckpointOpening: ...


class TimeStamps(Protocol):
    """A time stamping authority for the signature of the PDF."""

    def stamp(self, request: bytes) -> bytes: ...


class FolderPackMaker:
    """Makes packs of the folders of one store, one pack at a time.

    Args:
        keys: where the report key is.
        stamping: stamps the PDF; without it the time of signing is the signer's own word.
    """

    def __init__(
        self,
        folders: Folders,
        publisher: Publisher,
        clock: Clock,
        keys: KeyPlaces,
        *,
        stamping: TimeStamps | None = None,
    ) -> None:
        self._keys = keys
        self._folders = folders
        self._place = EvidencePlace(folders)
        self._publisher = publisher
        self._clock = clock
        self._stamping = stamping
        self._index: AnchorIndex | None = None
        self._lock = Lock()

    def make(self, request: ReportRequest) -> bytes:
        """The whole zip; what is new is published first.

        Raises:
            NotFound: the tenant has no evidence, or no scan that a board pack could show.
            UnavailableError: the reports extra is not installed here, or the time stamping authority does not answer.
        """
        try:
            from chain.reports.packing import build_pack  # noqa: PLC0415 (reportlab and pyHanko are an extra)
            from chain.reports.page import PageSize  # noqa: PLC0415
        except ImportError as error:
            raise UnavailableError(
                "reports cannot be made here", missing=error.name, todo="Install policycortex[reports]"
            ) from None
        with self._lock:
            self._publisher.publish(request.tenant)
            self._publisher.publish_platform()
            with self._place.folder(request.tenant) as published, self._place.folder(PLATFORM) as platform:
                asked = self._asked(request, published, platform)
                board = self._board(request, asked) if request.kind is ReportKind.BOARD else None
                page = PageSize[request.page.name]
                return build_pack(asked, self._signer(), board=board, page=page, stamping=self._stamping)

    def _asked(self, request: ReportRequest, published: Path, platform: Path) -> Any:
        from chain.reports.source import PackRequest  # noqa: PLC0415
        from serve.pack_anchors import AnchorIndex  # noqa: PLC0415
        from serve.published_log import log_source  # noqa: PLC0415

        years = [
            folder for name, folder in _logs_in(published) if request.since.year <= name.year <= request.until.year
        ]
        sources = [source for source in map(log_source, years) if _is_within(source, request)]
        if not sources:
            raise NotFound("there is no evidence of that window", todo="Choose a window with evidence in it")
        if self._index is None or self._index.folder != platform:
            self._index = AnchorIndex(platform)
        found = [self._with_anchors(request, source, self._index) for source in sources]

        def artifact(sha256: str) -> bytes | None:
            found = (folder / artifact_path(sha256) for folder in years)
            return next((path.read_bytes() for path in found if path.is_file()), None)

        return PackRequest(
            tenant=str(request.tenant),
            opens=request.since,
            closes=request.until,
            made_at=max(self._clock.now().replace(microsecond=0), request.until),
            logs=tuple(source for source, _ in found),
            artifacts=artifact,
            expected=request.expected,
            anchors=tuple(anchor for _, anchors in found for anchor in anchors),
            framework=request.framework,
        )

    def _with_anchors(
        self, request: ReportRequest, source: LogSource, index: AnchorIndex
    ) -> tuple[LogSource, Sequence[AnchorSource]]:
        """A log with its checkpoint at the window's opening, and its anchors."""
        from chain.reports.source import part_of  # noqa: PLC0415
        from serve.published_log import is_signed_by  # noqa: PLC0415

        tenant, name = request.tenant, LogName.find(source.name)
        assert name is not None, "a published log's folder has its name"
        source = replace(source, key_entries=self._publisher.key_entries(tenant, name))
        part = part_of(source, source.reader.head(), request.since, request.until)
        pairs = self._publisher.signed_checkpoints(tenant, name)
        before = [pair.notes for pair in pairs if part.start and pair.size <= part.start + 1]
        if before and is_signed_by(before[-1], source.keys):
            source = replace(source, start_checkpoints=before[-1])

        def opened(note: str) -> CheckpointOpening:
            return self._publisher.opening(tenant, name, note)

        return source, tuple(index.anchors(part, pairs, opened))

    def _board(self, request: ReportRequest, asked: Any) -> Any:
        from chain.reports.board_figures import board_figures  # noqa: PLC0415
        from chain.reports.evidence import collect_evidence  # noqa: PLC0415

        documents = self._documents(request)
        if not documents:
            raise NotFound("there is no scan before the end of that window", todo="Scan first: pcg scan PATH")
        return board_figures(documents, collect_evidence(asked).entries)

    def _documents(self, request: ReportRequest) -> Sequence[Mapping[str, Any]]:
        """Scans of the window that asked what the newest of them asked, both ends among them.

        A window with fewer than two is shown with the one before it, to have something to compare with.
        """
        archive = ScanArchive(self._folders.scans(request.tenant))
        kept = [archive.load(scan_id) for scan_id in archive.scan_ids()]
        found = [document for document in kept if parse_instant(str(document["as_of"])) < request.until]
        found.sort(key=lambda document: str(document["as_of"]))
        alike = [each for each in found if each["filters"] == found[-1]["filters"]]
        within = [each for each in alike if parse_instant(str(each["as_of"])) >= request.since]
        return spread(within if len(within) > 1 else alike[-2:], BOARD_SCANS_MAX)

    def _signer(self) -> Any:
        from chain.durable import make_private_directory  # noqa: PLC0415
        from chain.keys.report_key import ReportSigner  # noqa: PLC0415

        folder: Path = self._folders.report_keys
        make_private_directory(folder)
        key = self._keys.report_key(folder / "report.key")
        signer = ReportSigner(key, folder / "report.pem", owner=OWNER, issued_at=self._clock.now())
        record_report_key(self._publisher, key, signer.certificate_der, at=self._clock.now())
        return signer


T = TypeVar("T")


def spread(items: Sequence[T], count_max: int) -> list[T]:
    """At most so many of the items, evenly over all of them, with the first and the last."""
    if len(items) <= count_max:
        return list(items)
    return [items[round(at * (len(items) - 1) / (count_max - 1))] for at in range(count_max)]


def time_stamps(url: str | None) -> TimeStamps | None:
    """The authority of a setting, if there is one.

    Raises:
        InputError: not a URL.
    """
    if url is None:
        return None
    from connectors.anchors.rfc3161 import StampService  # noqa: PLC0415 (only where one is named)

    return StampService(url)


def _is_within(source: LogSource, request: ReportRequest) -> bool:
    """Whether a log belongs into a report: a successor that began after the window has nothing to do with it."""
    from chain.envelope import read_envelope  # noqa: PLC0415

    name = LogName.find(source.name)
    if source.reader.head().size == 0 or name is None:
        return False
    return name.part == 1 or parse_instant(read_envelope(source.reader.entry(0)).at) < request.until


def _logs_in(folder: Path) -> list[tuple[LogName, Path]]:
    """The folders of a tenant's logs, oldest first."""
    return sorted((name, path) for path in folder.glob("*") if (name := LogName.find(path.name)) is not None)
