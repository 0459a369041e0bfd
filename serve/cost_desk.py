"""What could cost less, for a command: worked out here, or by the platform that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from domain.tenancy import TenantId

if TYPE_CHECKING:
    from actors.folders import Folders
    from assessment.cost_impact_waste import WasteQuestion
    from serve.cost_impact import ImpactQuestion
    from serve.platform import Platform
    from serve.settings import Settings

Row = dict[str, Any]


class CostDesk(Protocol):
    """Where advice on cost is to be had. Rows are as the HTTP routes have them."""

    def policy(self, tenant: TenantId, asked: ImpactQuestion) -> Row:
        """What a policy's violations cost; without rules for shared cost."""

    def waste(self, tenant: TenantId, asked: WasteQuestion, *, as_of: datetime) -> Row:
        """What serves nobody, by the samples of use that are kept there."""

    def rightsizing(self, tenant: TenantId, headroom: float, *, as_of: datetime) -> Row:
        """Machines that a smaller size would carry."""


@dataclass(frozen=True, slots=True)
class LocalCosts:
    """A desk of this process."""

    platform: Platform
    folders: Folders

    def policy(self, tenant: TenantId, asked: ImpactQuestion) -> Row:
        """By the bills that are kept here."""
        from serve.cost_impact import policy_impact  # noqa: PLC0415 (each side loads its own)

        return policy_impact(self.platform, self.folders, tenant, asked)

    def waste(self, tenant: TenantId, asked: WasteQuestion, *, as_of: datetime) -> Row:
        """By the graph that is kept here."""
        from serve.metrics_store import processor_use  # noqa: PLC0415

        used = replace(asked, cpu_p99=processor_use(self.folders, tenant))
        return dict(self.platform.impact(tenant, used, as_of=as_of))

    def rightsizing(self, tenant: TenantId, headroom: float, *, as_of: datetime) -> Row:
        """By the graph, bills and samples that are kept here."""
        from serve.cost_impact import rightsized  # noqa: PLC0415

        return rightsized(self.platform, self.folders, tenant, headroom, as_of=as_of)


class RemoteCosts:
    """A desk reached over HTTP; the graph is that of now, whatever `as_of` is."""

    def __init__(self, get: Callable[[TenantId, str], Any]) -> None:
        self._get = get

    def policy(self, tenant: TenantId, asked: ImpactQuestion) -> Row:
        """By the bills that are kept there."""
        days = {"start": asked.start, "end": asked.end}
        words = {name: day.isoformat() for name, day in days.items() if day is not None}
        query = urlencode({**words, "rows": asked.rows})
        return dict(self._get(tenant, f"/costs/impact/{quote(asked.policy_id, safe='')}?{query}"))

    def waste(self, tenant: TenantId, asked: WasteQuestion, *, as_of: datetime) -> Row:
        """By the graph and the samples that are kept there."""
        from serve.remote_impact import address_of  # noqa: PLC0415

        del as_of
        return dict(self._get(tenant, address_of(asked)))

    def rightsizing(self, tenant: TenantId, headroom: float, *, as_of: datetime) -> Row:
        """By what is kept there."""
        del as_of
        return dict(self._get(tenant, f"/costs/rightsizing?{urlencode({'headroom': headroom})}"))


@contextmanager
def open_costs(settings: Settings) -> Iterator[CostDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415

    running = find_running(settings)
    if running is not None:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        yield RemotePlatform(running).costs
        return
    from serve.bootstrap import folders_of, local_platform  # noqa: PLC0415

    with local_platform(settings) as platform:
        yield LocalCosts(platform, folders_of(settings))
