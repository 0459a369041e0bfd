"""Reports for a command: made, listed and handed out here, or by the platform that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.clock import SystemClock
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from serve.remote import RemotePlatform
    from serve.reporting import ReportRequest, ReportService
    from serve.settings import Settings


class ReportDesk(Protocol):
    """Where reports are to be had. Rows are as `GET /reports` has them."""

    def make(self, request: ReportRequest) -> Mapping[str, Json]:
        """Make a report and wait for it.

        Raises:
            InputError: the window is none, or is not over.
            NotFound: there is no evidence of that window.
        """

    def all(self, tenant: TenantId) -> Sequence[Mapping[str, Json]]:
        """Finished reports, newest first."""

    def content(self, tenant: TenantId, report_id: str) -> bytes:
        """A finished report's pack.

        Raises:
            NotFound: there is none of this id.
        """


@contextmanager
def open_desk(settings: Settings) -> Iterator[ReportDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415 (each side loads its own)

    running = find_running(settings)
    if running is None:
        with _local(settings) as service:
            yield service
    else:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        with RemotePlatform(running) as platform:
            yield _RemoteDesk(platform)


@dataclass(frozen=True, slots=True)
class _RemoteDesk:
    """A desk reached over HTTP."""

    platform: RemotePlatform

    def make(self, request: ReportRequest) -> Mapping[str, Json]:
        return self.platform.make_report(request)

    def all(self, tenant: TenantId) -> Sequence[Mapping[str, Json]]:
        return self.platform.reports(tenant)

    def content(self, tenant: TenantId, report_id: str) -> bytes:
        return self.platform.report_content(tenant, report_id)


@contextmanager
def _local(settings: Settings) -> Iterator[ReportService]:
    from serve.bootstrap import folders_of, local_platform  # noqa: PLC0415
    from serve.key_places import key_places  # noqa: PLC0415
    from serve.operations import Operations  # noqa: PLC0415
    from serve.pack_maker import FolderPackMaker, time_stamps  # noqa: PLC0415
    from serve.reporting import ReportService  # noqa: PLC0415

    folders, clock = folders_of(settings), SystemClock()
    with local_platform(settings) as platform:
        operations = Operations(platform, clock)
        maker = FolderPackMaker(
            folders, platform, clock, key_places(settings), stamping=time_stamps(settings.report_tsa_url)
        )
        yield ReportService(maker, folders, operations, clock)
        operations.close()
