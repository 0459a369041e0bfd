"""The governance P&L for a command: kept here, or by the platform that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from assessment.ledger import SavingTrigger
from assessment.whatif import Selection
from domain.clock import format_instant
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from serve.roi import Promise
    from serve.settings import Settings

Row = dict[str, Any]


class RoiDesk(Protocol):
    """Where the P&L is to be had. Rows are as the HTTP routes have them."""

    def dashboard(self, tenant: TenantId, *, days: int) -> Row:
        """The whole statement."""

    def savings(self, tenant: TenantId) -> Row:
        """The ledger."""

    def saving(self, tenant: TenantId, saving_id: str) -> Row:
        """One saving and what is behind it."""

    def predict(self, tenant: TenantId, promise: Promise) -> Row:
        """Enter a saving."""

    def move(
        self, tenant: TenantId, saving_id: str, trigger: SavingTrigger, *, by: str, at: datetime | None = None
    ) -> Row:
        """Take a step."""

    def price(self, tenant: TenantId, *, fee_month: Decimal, currency: str, where: Selection) -> Row:
        """State what the platform costs."""


class RemoteRoi:
    """A desk reached over HTTP."""

    def __init__(
        self,
        get: Callable[[TenantId, str], Any],
        change: Callable[[TenantId, str, Mapping[str, Json]], Row],
    ) -> None:
        self._get, self._change = get, change

    def dashboard(self, tenant: TenantId, *, days: int) -> Row:
        """The whole statement there."""
        return dict(self._get(tenant, f"/roi/dashboard?days={days}"))

    def savings(self, tenant: TenantId) -> Row:
        """The ledger there."""
        return dict(self._get(tenant, "/roi/savings"))

    def saving(self, tenant: TenantId, saving_id: str) -> Row:
        """One saving there."""
        return dict(self._get(tenant, f"/roi/savings/{quote(saving_id, safe='')}"))

    def predict(self, tenant: TenantId, promise: Promise) -> Row:
        """Enter a saving there."""
        body: dict[str, Json] = {
            "title": promise.title,
            "currency": promise.currency,
            "predicted_30_days": {
                "low": f"{promise.low:f}",
                "likely": f"{promise.likely:f}",
                "high": f"{promise.high:f}",
            },
            "by": promise.by,
            "where": _json(promise.where) or None,
            "policy_id": promise.policy_id,
            "whatif_id": promise.whatif_id,
            "at": None if promise.at is None else format_instant(promise.at),
        }
        return self._change(tenant, "/roi/savings", body)

    def move(
        self, tenant: TenantId, saving_id: str, trigger: SavingTrigger, *, by: str, at: datetime | None = None
    ) -> Row:
        """Take a step there."""
        body: dict[str, Json] = {"by": by, "at": None if at is None else format_instant(at)}
        return self._change(tenant, f"/roi/savings/{quote(saving_id, safe='')}/{trigger.value}", body)

    def price(self, tenant: TenantId, *, fee_month: Decimal, currency: str, where: Selection) -> Row:
        """State there what the platform costs."""
        body: dict[str, Json] = {"fee_month": f"{fee_month:f}", "currency": currency, "where": _json(where)}
        return self._change(tenant, "/roi/platform-cost", body)


@contextmanager
def open_roi(settings: Settings) -> Iterator[RoiDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415 (each side loads its own)

    running = find_running(settings)
    if running is not None:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        yield RemotePlatform(running).roi
        return
    from domain.clock import SystemClock  # noqa: PLC0415
    from serve.bootstrap import folders_of, local_platform  # noqa: PLC0415
    from serve.roi import RoiService  # noqa: PLC0415
    from serve.stream_place import stream_place  # noqa: PLC0415

    with local_platform(settings) as platform:
        streams = stream_place(settings).open()
        try:
            yield RoiService(platform, folders_of(settings), SystemClock(), streams.feed)
        finally:
            streams.close()


def _json(where: Selection) -> dict[str, Json]:
    return {name: list[Json](values) for name, values in where.items()}
