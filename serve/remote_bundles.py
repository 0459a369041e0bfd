"""Policies as code on a platform that is reached over HTTP: the face of `serve.policy_bundles`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from actors.messages import AssignmentChange, BundleOrder
from domain.clock import format_instant
from domain.tenancy import TenantId
from domain.value import Json

Row = dict[str, Any]
Get = Callable[[TenantId, str], Row]
Change = Callable[[TenantId, str, Mapping[str, Json]], Row]


class RemoteBundles:
    """Speaks to one running platform."""

    def __init__(self, get: Get, change: Change) -> None:
        self._get = get
        self._change = change

    def check(self, order: BundleOrder) -> Row:
        """Run a bundle's tests there."""
        return self._change(order.tenant, "/policies/bundles/test", _body(order))

    def plan(self, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change there."""
        return self._change(order.tenant, "/policies/bundles/plan", {**_body(order), "tries": tries})

    def apply(self, order: BundleOrder) -> Row:
        """Put a bundle in force there."""
        body: dict[str, Json] = {
            "signature": order.signature,
            "by": order.by,
            "base_state": order.base_state,
            "commit": order.commit,
        }
        return self._change(order.tenant, "/policies/bundles/apply", {**_body(order), **body})

    def roll_back(self, tenant: TenantId, revision: int, *, by: str, at: datetime) -> Row:
        """Put the bundle of an earlier revision in force again there."""
        body: dict[str, Json] = {"revision": revision, "by": by, "as_of": format_instant(at)}
        return self._change(tenant, "/policies/bundles/rollback", body)

    def history(self, tenant: TenantId) -> tuple[Row, ...]:
        """Every revision there, newest first."""
        return tuple(self._get(tenant, "/policies/bundles")["items"])

    def what_if(self, change: AssignmentChange) -> Row:
        """Which resources a change of assignments would give another state there."""
        body: dict[str, Json] = {
            "documents": [dict(document) for document in change.documents],
            "remove": list(change.remove),
            "as_of": format_instant(change.at),
        }
        return self._change(change.tenant, "/policies/what-if", body)


def _body(order: BundleOrder) -> dict[str, Json]:
    return {"files": dict(order.files), "as_of": format_instant(order.at)}
