"""Drift of a platform that is reached over HTTP: the face of `serve.drift_service`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from actors.drift_pages import DriftQuery
from domain.clock import format_instant
from domain.tenancy import TenantId
from domain.value import Json
from serve.drift_subscriptions import Wanted

Row = dict[str, Any]
Get = Callable[[TenantId, str], Any]
Change = Callable[[TenantId, str, Mapping[str, Json]], Row]
Remove = Callable[[TenantId, str], Row]


class RemoteDrift:
    """Speaks to one running platform. Paths are of that machine; relative ones are made absolute here."""

    def __init__(self, get: Get, change: Change, remove: Remove) -> None:
        self._get, self._change, self._remove = get, change, remove

    def declare(self, tenant: TenantId, paths: Sequence[str], *, name: str | None, is_approval: bool) -> Row:
        """Import baselines there."""
        body: dict[str, Json] = {"paths": _absolute(paths), "name": name, "approve": is_approval}
        return self._change(tenant, "/drift/baselines", body)

    def baselines(self, tenant: TenantId) -> Row:
        """What is declared there."""
        found: Row = self._get(tenant, "/drift/baselines")
        return found

    def withdraw(self, tenant: TenantId, name: str) -> Row:
        """Forget a baseline there."""
        return self._remove(tenant, f"/drift/baselines/{quote(name, safe='')}")

    def blame(self, tenant: TenantId, paths: Sequence[str]) -> Row:
        """Import audit logs there."""
        return self._change(tenant, "/drift/audit", {"paths": _absolute(paths)})

    def active(self, tenant: TenantId, query: DriftQuery) -> Row:
        """A page of the open drifts there."""
        asked = {
            "severity": None if query.severity is None else query.severity.value,
            "kind": None if query.kind is None else query.kind.value,
            "type": query.type,
            "scope": query.scope,
            "baseline": query.baseline,
            "resource_id": query.resource_id,
            "since": None if query.since is None else format_instant(query.since),
            "cursor": query.cursor,
            "limit": str(query.limit),
        }
        found: Row = self._get(
            tenant, f"/drift/active?{urlencode({key: each for key, each in asked.items() if each is not None})}"
        )
        return found

    def subscribe(self, tenant: TenantId, wanted: Wanted) -> Row:
        """Tell a webhook from there."""
        body: dict[str, Json] = {
            "url": wanted.url,
            "severity": None if wanted.severity is None else wanted.severity.value,
            "kinds": [kind.value for kind in wanted.kinds],
            "events": [event.value for event in wanted.events],
        }
        return self._change(tenant, "/drift/subscribe", body)

    def subscriptions(self, tenant: TenantId) -> Row:
        """Who is told from there."""
        return {"items": list(self._get(tenant, "/drift/subscriptions"))}

    def unsubscribe(self, tenant: TenantId, subscription_id: str) -> Row:
        """Tell a webhook no longer."""
        return self._remove(tenant, f"/drift/subscriptions/{quote(subscription_id, safe='')}")


def _absolute(paths: Sequence[str]) -> list[Json]:
    return [str(Path(path).absolute()) for path in paths]
