"""Drift of a tenant as every interface offers it: baselines, audit entries, what has drifted, and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from actors.drift_desk import TOPIC
from actors.drift_pages import DriftQuery
from actors.folders import Folders
from connectors.audit.read import read_audit
from connectors.baseline.read import approve, read_baselines
from connectors.stream.feed import Feed
from connectors.webhook.send import send
from connectors.webhook.target import Allowed, check_target
from domain.clock import Clock
from domain.errors import InputError
from domain.inventory import Gap
from domain.tenancy import TenantId
from serve.drift_courier import Send, post
from serve.drift_plane import DriftPlane
from serve.drift_subscriptions import DeadLetter, Subscriptions, Wanted, subscription_row

Row = Mapping[str, Any]
REDELIVERED_MAX: Final = 100
GAPS_MAX: Final = 100


class DriftFace(Protocol):
    """Where drift is to be had: here, or on the platform that runs. Rows are as the HTTP routes have them."""

    def declare(self, tenant: TenantId, paths: Sequence[str], *, name: str | None, is_approval: bool) -> Row:
        """Import baselines, or approve an export as it is."""

    def baselines(self, tenant: TenantId) -> Row:
        """What is declared."""

    def withdraw(self, tenant: TenantId, name: str) -> Row:
        """Forget a baseline."""

    def blame(self, tenant: TenantId, paths: Sequence[str]) -> Row:
        """Import audit logs."""

    def active(self, tenant: TenantId, query: DriftQuery) -> Row:
        """A page of the open drifts."""

    def subscribe(self, tenant: TenantId, wanted: Wanted) -> Row:
        """Tell a webhook from now on; the only answer with its secret."""

    def subscriptions(self, tenant: TenantId) -> Row:
        """Who is told, and how that goes."""

    def unsubscribe(self, tenant: TenantId, subscription_id: str) -> Row:
        """Tell a webhook no longer."""


class DriftService:
    """Drift over a platform. Safe for several threads.

    Args:
        allowed: where webhooks may go beside public addresses.
    """

    def __init__(  # noqa: PLR0917 (its parts)
        self, plane: DriftPlane, folders: Folders, clock: Clock, feed: Feed, allowed: Allowed, send: Send = send
    ) -> None:
        self._plane, self._folders, self._clock, self._feed = plane, folders, clock, feed
        self._allowed, self._send = allowed, send

    @property
    def feed(self) -> Feed:
        """Where drift events come by."""
        return self._feed

    def declare(self, tenant: TenantId, paths: Sequence[str], *, name: str | None, is_approval: bool) -> Row:
        """Import baselines, or approve an export as it is.

        Raises:
            InputError: a file is no baseline, or an approval has no name.
        """
        if is_approval and name is None:
            raise InputError("an approved snapshot needs a name", todo="Give one with --name")
        found = (approve(paths, tenant=tenant, name=name or ""),) if is_approval else read_baselines(paths, name=name)
        changed = self._plane.declare(tenant, found, self._clock.now())
        rows = [
            {
                "name": each.name,
                "source": each.source.value,
                "digest": each.digest,
                "resources": len(each.resources),
                "gaps": list(map(_gap_row, each.gaps[:GAPS_MAX])),
            }
            for each in found
        ]
        return {"baselines": rows, "changed": changed}

    def baselines(self, tenant: TenantId) -> Row:
        """What is declared."""
        return {"items": list(self._plane.baselines(tenant))}

    def withdraw(self, tenant: TenantId, name: str) -> Row:
        """Forget a baseline.

        Raises:
            NotFound: this tenant has none of that name.
        """
        return {"changed": self._plane.withdraw(tenant, name, self._clock.now())}

    def blame(self, tenant: TenantId, paths: Sequence[str]) -> Row:
        """Import audit logs.

        Raises:
            InputError: there is no entry in them.
        """
        found = read_audit(paths)
        if not found.entries and found.gaps:
            first = found.gaps[0]
            raise InputError(
                "no audit entry in the files", where=str(first.origin), got=first.reason, todo=first.todo or None
            )
        changed = self._plane.blame(tenant, found.entries, self._clock.now())
        return {"entries": len(found.entries), "gaps": list(map(_gap_row, found.gaps[:GAPS_MAX])), "changed": changed}

    def check(self, tenant: TenantId) -> Row:
        """Compare everything anew."""
        return {"changed": self._plane.check(tenant, self._clock.now())}

    def active(self, tenant: TenantId, query: DriftQuery) -> Row:
        """A page of the open drifts."""
        page = self._plane.active(tenant, query, self._clock.now())
        return {
            "items": list(page.items),
            "total": page.total,
            "by_severity": page.by_severity,
            "next_cursor": page.next_cursor,
        }

    def drift(self, tenant: TenantId, drift_id: str) -> Row:
        """One open drift."""
        return self._plane.drift(tenant, drift_id)

    def subscribe(self, tenant: TenantId, wanted: Wanted) -> Row:
        """Tell a webhook of what happens from now on. The secret is told this once.

        Raises:
            InputError: messages may not go there.
        """
        check_target(wanted.url, self._allowed)
        start = self._feed.last(tenant, TOPIC)
        added = self._kept(tenant).add(wanted, self._clock.now(), start)
        return {**subscription_row(added, None), "secret": added.secret}

    def subscriptions(self, tenant: TenantId) -> Row:
        """Who is told, and how that goes."""
        kept = self._kept(tenant)
        told = kept.progress()
        return {"items": [subscription_row(each, told.get(each.subscription_id)) for each in kept.all()]}

    def unsubscribe(self, tenant: TenantId, subscription_id: str) -> Row:
        """Tell a webhook no longer.

        Raises:
            NotFound: this tenant has none with that id.
        """
        self._kept(tenant).remove(subscription_id)
        return {"subscription_id": subscription_id, "state": "deleted"}

    def dead_letters(self, tenant: TenantId, subscription_id: str) -> Row:
        """What could not be told to a webhook.

        Raises:
            NotFound: this tenant has none with that id.
        """
        kept = self._kept(tenant)
        kept.get(subscription_id)
        return {"items": [_letter_row(each) for each in kept.dead() if each.subscription_id == subscription_id]}

    def redeliver(self, tenant: TenantId, subscription_id: str) -> Row:
        """Try once more what could not be told; what fails again stays aside.

        Raises:
            NotFound: this tenant has none with that id.
        """
        kept = self._kept(tenant)
        found = kept.get(subscription_id)
        letters = [each for each in kept.dead() if each.subscription_id == subscription_id and each.body["events"]]
        delivered, reason = [], ""
        for letter in letters[:REDELIVERED_MAX]:
            answer = post(
                found, letter.body, self._clock.now(), check=lambda url: check_target(url, self._allowed),
                send=self._send,
            )  # fmt: skip
            if not answer.is_delivered:
                reason = f"{answer.status or ''} {answer.reason}".strip()
                break
            delivered.append(letter.letter_id)
        kept.dig_up(delivered)
        return {"delivered": len(delivered), "left": len(letters) - len(delivered), "reason": reason or None}

    def _kept(self, tenant: TenantId) -> Subscriptions:
        return Subscriptions(self._folders.drift(tenant))


def _gap_row(gap: Gap) -> dict[str, str]:
    return {"where": str(gap.origin), "reason": gap.reason, "todo": gap.todo}


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter_id": letter.letter_id,
        "at": letter.at,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "body": letter.body,
    }
