"""Carries drift events to where they are kept and told: into the evidence log, and to webhooks.

One courier works for a store at a time, whichever process holds its lock; if that ends, another goes on where it
stopped. A webhook gets its events in order, several in one message, tried again later and later; what cannot be told
is put aside with the reason. An event may be told twice, never not at all, so messages carry ids.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import orjson
import structlog

from actors.drift_desk import TOPIC
from actors.drift_shelf import BASELINES
from actors.folders import DRIFT, Folders
from assessment.drift_evidence import drift_events, whole_pages
from chain.durable import replace_file
from connectors.stream.feed import Feed, FeedItem
from connectors.webhook.send import Answer, send
from connectors.webhook.signature import HEADER, sign
from connectors.webhook.target import Allowed, Target, check_target
from domain.clock import Clock, format_instant
from domain.errors import ConflictError, InputError, PolicyCortexError, UnavailableError
from domain.evidence import EvidenceEvent
from domain.tenancy import TenantId
from serve.drift_subscriptions import DeadLetter, Progress, Subscription, Subscriptions, buried
from serve.sole_worker import SoleWorker

EVENTS_MAX: Final = 50
"""Events in one message."""
READ_MAX: Final = 500
ATTEMPTS_MAX: Final = 12
PAUSE_MIN_S: Final = 1.0
PAUSE_MAX_S: Final = 300.0
TICK_S: Final = 0.5
SENDERS: Final = 8
LOOK_S: Final = 240.0
"""How often every tenant's drift is looked at, whatever was heard of it: drift is told within five minutes."""
AGENT: Final = "PolicyCortex-Webhook/1"
RETRIED: Final = frozenset({0, 408, 425, 429})
GONE: Final = 410
LOCK: Final = "drift-courier.lock"
RECORDED: Final = "recorded"

Send = Callable[[Target, bytes, dict[str, str]], Answer]
Check = Callable[[str], Target]


@dataclass(frozen=True, slots=True)
class CourierParts:
    """What a courier works with.

    Args:
        collect: records evidence; the same event again is recorded once.
        allowed: where webhooks may go beside public addresses.
        look: has a tenant's drift looked at, which finds what was not compared when a shard ended.
    """

    folders: Folders
    feed: Feed
    collect: Callable[[Sequence[EvidenceEvent]], object]
    allowed: Allowed
    clock: Clock
    look: Callable[[TenantId, datetime], None] | None = None


def pause_s(attempt: int, luck: float) -> float:
    """How long to wait after an attempt in vain: twice as long each time, spread so that many do not come at once.

    Args:
        luck: 0 to 1.
    """
    return min(PAUSE_MIN_S * 2.0 ** (attempt - 1), PAUSE_MAX_S) * (0.5 + luck / 2)


def message(
    subscription: Subscription, tenant: TenantId, items: Sequence[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """What is sent: the events with their ids, which are the same whenever it is sent again."""
    return {
        "message_id": f"{subscription.subscription_id}:{items[0][0]}",
        "topic": TOPIC,
        "tenant": tenant,
        "events": [{"id": feed_id, **row} for feed_id, row in items],
    }


def post(subscription: Subscription, body: dict[str, Any], now: datetime, *, check: Check, send: Send = send) -> Answer:
    """Send one message, signed; an address that may not be used is an answer too."""
    content = orjson.dumps(body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "PolicyCortex-Event": TOPIC,
        "PolicyCortex-Delivery": str(body["message_id"]),
        HEADER: sign(subscription.secret, content, int(now.timestamp())),
    }
    try:
        target = check(subscription.url)
    except UnavailableError as error:
        return Answer(0, str(error))
    except InputError as error:
        return Answer(403, str(error))
    return send(target, content, headers)


class DriftCourier:
    """Works from `begin` until it is stopped.

    Attributes:
        place: whoever holds it works; of several couriers that is one.
    """

    def __init__(self, parts: CourierParts, *, send: Send = send, luck: Callable[[], float] = random.random) -> None:
        self._parts = parts
        self._send = send
        self._luck = luck
        self._stopping = Event()
        self.place = SoleWorker(parts.folders.store / LOCK)
        self._looked_at: datetime | None = None
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._sending: dict[str, Future[None]] = {}
        self._torn: dict[TenantId, str] = {}
        self._thread = Thread(target=self._run, name="drift-courier", daemon=True)

    def begin(self) -> None:
        """Start working, when no other courier does."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done, and let another one work."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(30)
        self._pool.shutdown(wait=True)
        self.place.let_go()

    def tick(self) -> None:
        """Do once what there is to do; one tenant's trouble does not stop the others."""
        works = [self._record, self._tell]
        now = self._parts.clock.now()
        if self._looked_at is None or (now - self._looked_at).total_seconds() >= LOOK_S:
            self._looked_at = now
            works.insert(0, self._look)
        for tenant in self._tenants():
            for work in works:
                try:
                    work(tenant)
                except PolicyCortexError as error:
                    structlog.get_logger().warning("drift was not carried on", tenant=tenant, reason=str(error)[:300])

    def settle(self) -> None:
        """Wait for what is being sent."""
        for each in tuple(self._sending.values()):
            each.result()

    def folder(self, tenant: TenantId) -> Path:
        """Where a tenant's drift is kept."""
        return self._parts.folders.drift(tenant)

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            if self.place.is_mine():
                self.tick()

    def _tenants(self) -> Iterator[TenantId]:
        """Tenants that have anything of drift."""
        for path in sorted(self._parts.folders.store.glob(f"tenants/*/{DRIFT}")):
            yield TenantId(path.parent.name)

    def _look(self, tenant: TenantId) -> None:
        if self._parts.look is not None and (self.folder(tenant) / BASELINES).is_dir():
            self._parts.look(tenant, self._parts.clock.now())

    def _record(self, tenant: TenantId) -> None:
        """Record what is new as evidence."""
        place = self.folder(tenant) / RECORDED
        after = place.read_text(encoding="ascii") if place.exists() else ""
        if self._parts.feed.last(tenant, TOPIC) == after:
            return
        found = self._read(tenant, after)
        items = (self._read(tenant, "") or []) if found is None else found
        rows = [orjson.loads(item.payload) for item in items]
        whole = self._whole(tenant, items, rows)
        if whole:
            self._parts.collect(drift_events(rows[:whole], tenant))
            replace_file(place, items[whole - 1].id.encode("ascii"), mode=0o600)

    def _whole(self, tenant: TenantId, items: Sequence[FeedItem], rows: Sequence[dict[str, Any]]) -> int:
        """How many events can be recorded: the rest of the last one's page may be about to come, but only once."""
        whole, before = whole_pages(rows), self._torn.pop(tenant, None)
        if whole < len(rows) < READ_MAX and before != items[-1].id:
            self._torn[tenant] = items[-1].id
            return whole
        return whole or len(rows)

    def _tell(self, tenant: TenantId) -> None:
        subscriptions = Subscriptions(self.folder(tenant))
        found = subscriptions.all()
        if not found:
            return
        told, now_s = subscriptions.progress(), self._parts.clock.now().timestamp()
        last = self._parts.feed.last(tenant, TOPIC)
        for each in found:
            progress = told.get(each.subscription_id, Progress(each.start))
            is_idle = progress.position == last or progress.ended or progress.next_at_s > now_s
            sending = self._sending.get(each.subscription_id)
            if not is_idle and (sending is None or sending.done()):
                self._sending[each.subscription_id] = self._pool.submit(self._deliver, tenant, each, progress)

    def _deliver(self, tenant: TenantId, subscription: Subscription, progress: Progress) -> None:
        try:
            self._deliver_next(tenant, subscription, progress)
        except PolicyCortexError as error:
            structlog.get_logger().warning("a webhook was not sent", tenant=tenant, reason=str(error)[:300])

    def _deliver_next(self, tenant: TenantId, subscription: Subscription, progress: Progress) -> None:
        """Send the next events of one webhook, and note what came of it."""
        kept = Subscriptions(self.folder(tenant))
        items = self._read(tenant, progress.position)
        if items is None:
            reason = "events were no longer held when they were to be sent: read GET /api/v2/drift/active"
            self._bury(kept, subscription, {"message_id": "", "events": []}, progress.attempt, reason)
            items = self._read(tenant, "") or []
        wanted = [(item.id, row) for item in items if subscription.wants(row := orjson.loads(item.payload))]
        chosen = wanted[:EVENTS_MAX]
        if not items:
            return
        upto = chosen[-1][0] if len(chosen) < len(wanted) else items[-1].id
        if not chosen:
            kept.advance(subscription.subscription_id, lambda before: replace(before, position=upto))
            return
        body = message(subscription, tenant, chosen)
        now = self._parts.clock.now()
        answer = post(subscription, body, now, check=self._check, send=self._send)
        if answer.is_delivered:
            kept.advance(
                subscription.subscription_id,
                lambda before: replace(
                    before, position=upto, attempt=0, next_at_s=0.0, reason="", delivered=before.delivered + len(chosen)
                ),
            )
        else:
            self._failed(kept, subscription, progress, body, upto, answer)

    def _failed(  # noqa: PLR0917 (one failed message)
        self,
        kept: Subscriptions,
        subscription: Subscription,
        progress: Progress,
        body: dict[str, Any],
        upto: str,
        answer: Answer,
    ) -> None:
        reason = f"{answer.status} {answer.reason}".strip() if answer.status else answer.reason
        attempt = progress.attempt + 1
        is_retried = answer.status in RETRIED or answer.status >= 500
        if answer.status == GONE:
            kept.advance(
                subscription.subscription_id, lambda before: replace(before, ended=f"the receiver said {reason}")
            )
        elif is_retried and attempt < ATTEMPTS_MAX:
            wait_s = max(pause_s(attempt, self._luck()), answer.retry_after_s or 0.0)
            at_s = self._parts.clock.now().timestamp() + wait_s
            kept.advance(
                subscription.subscription_id,
                lambda before: replace(before, attempt=attempt, next_at_s=at_s, reason=reason),
            )
        else:
            self._bury(kept, subscription, body, attempt, reason)
            kept.advance(subscription.subscription_id, lambda before: replace(buried(before, reason), position=upto))

    def _bury(
        self, kept: Subscriptions, subscription: Subscription, body: dict[str, Any], attempts: int, reason: str
    ) -> None:
        now = self._parts.clock.now()
        letter_id = f"{subscription.subscription_id}-{int(now.timestamp() * 1_000_000)}"
        letter = DeadLetter(letter_id, subscription.subscription_id, format_instant(now), reason, attempts, body)
        kept.bury(letter)

    def _read(self, tenant: TenantId, after: str) -> list[FeedItem] | None:
        """The next events; None where what follows is no longer held."""
        try:
            return list(self._parts.feed.read(tenant, TOPIC, after, limit=READ_MAX))
        except ConflictError:
            return None

    def _check(self, url: str) -> Target:
        return check_target(url, self._parts.allowed)
