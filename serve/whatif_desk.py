"""What-if for a command: projected here, or by the platform that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

from actors.messages import Progress
from domain.clock import Clock
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from serve.settings import Settings
    from serve.whatif import WhatIfService
    from serve.whatif_models import WhatIfBody

Row = Mapping[str, Any]


class WhatIfDesk(Protocol):
    """Where projections are to be had. Rows are as the HTTP routes have them."""

    def project(self, tenant: TenantId, body: WhatIfBody, progress: Progress) -> Row:
        """Project scenarios and wait for the end."""

    def result(self, tenant: TenantId, whatif_id: str) -> Row:
        """A finished projection.

        Raises:
            NotFound: the tenant has none of this id.
        """

    def results(self, tenant: TenantId) -> tuple[Row, ...]:
        """Finished projections, newest first."""

    def compare(self, tenant: TenantId, whatif_ids: Sequence[str]) -> Row:
        """Scenarios of finished projections side by side."""


@dataclass(frozen=True, slots=True)
class LocalWhatIf:
    """A desk of this process."""

    service: WhatIfService
    clock: Clock

    def project(self, tenant: TenantId, body: WhatIfBody, progress: Progress) -> Row:
        """Project here."""
        return self.service.simulate(tenant, body.request(self.clock.now()), token_hex(12), progress)

    def result(self, tenant: TenantId, whatif_id: str) -> Row:
        """A projection that is kept here."""
        return self.service.result(tenant, whatif_id)

    def results(self, tenant: TenantId) -> tuple[Row, ...]:
        """What is kept here."""
        return self.service.results(tenant)

    def compare(self, tenant: TenantId, whatif_ids: Sequence[str]) -> Row:
        """Compare what is kept here."""
        return self.service.compare(tenant, whatif_ids)


class RemoteWhatIf:
    """A desk reached over HTTP."""

    def __init__(
        self,
        get: Callable[[TenantId, str], Any],
        change: Callable[[TenantId, str, Mapping[str, Json]], dict[str, Any]],
        finish: Callable[[TenantId, dict[str, Any], Progress | None], dict[str, Any]],
    ) -> None:
        self._get, self._change, self._finish = get, change, finish

    def project(self, tenant: TenantId, body: WhatIfBody, progress: Progress) -> Row:
        """Project there and wait for it."""
        operation = self._change(tenant, "/whatif/simulate", body.model_dump(mode="json"))
        done = self._finish(tenant, operation, progress)
        return self.result(tenant, done["operation_id"])

    def result(self, tenant: TenantId, whatif_id: str) -> Row:
        """A projection that is kept there."""
        found: Row = self._get(tenant, f"/whatif/results/{whatif_id}")
        return found

    def results(self, tenant: TenantId) -> tuple[Row, ...]:
        """What is kept there."""
        return tuple(self._get(tenant, "/whatif/results")["items"])

    def compare(self, tenant: TenantId, whatif_ids: Sequence[str]) -> Row:
        """Compare what is kept there."""
        return self._change(tenant, "/whatif/compare", {"ids": list[Json](whatif_ids)})


@contextmanager
def open_whatif(settings: Settings) -> Iterator[WhatIfDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415 (each side loads its own)

    running = find_running(settings)
    if running is not None:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        yield RemotePlatform(running).whatif
        return
    from domain.clock import SystemClock  # noqa: PLC0415
    from serve.bootstrap import folders_of, local_platform  # noqa: PLC0415
    from serve.whatif import WhatIfService  # noqa: PLC0415

    with local_platform(settings) as platform:
        yield LocalWhatIf(WhatIfService(platform, folders_of(settings)), SystemClock())
