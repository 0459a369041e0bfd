from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.drift_desk import TOPIC
from actors.folders import Folders
from connectors.stream.memory import MemoryFeed
from connectors.webhook import signature
from connectors.webhook.send import Answer
from connectors.webhook.target import Allowed, Target
from domain.errors import InputError, NotFound
from domain.evidence import EvidenceEvent
from domain.evidence_schema import require_body
from domain.finding import Severity
from domain.tenancy import TenantId
from serve.drift_courier import ATTEMPTS_MAX, EVENTS_MAX, PAUSE_MAX_S, CourierParts, DriftCourier, pause_s
from serve.drift_subscriptions import SUBSCRIPTIONS_MAX, Progress, Subscriptions, Wanted, subscription_row

TENANT, OTHER = TenantId("acme"), TenantId("globex")
URL = "http://127.0.0.1:9/hook"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def row(number: int, severity: str = "high", event: str = "detected") -> dict[str, Any]:
    drift = {
        "drift_id": f"d{number}", "kind": "changed", "resource_id": f"arn:aws:sqs:r:1:q{number}", "severity": severity,
        "attributes": [{"path": "DelaySeconds"}],
    }  # fmt: skip
    return {"event": event, "at": "2026-01-15T12:00:00Z", "baseline_sha256": "1" * 64, "drift": drift}


@dataclass
class World:
    """A courier with a clock that the test moves and a receiver that it scripts."""

    folder: Path
    now: datetime = NOW
    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[Target, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    evidence: list[EvidenceEvent] = field(default_factory=list)
    feed: MemoryFeed = field(default_factory=MemoryFeed)

    def __post_init__(self) -> None:
        self.folders = Folders(self.folder)
        parts = CourierParts(self.folders, self.feed, self.collect, Allowed.of(["127.0.0.1"]), _Clock(self))
        self.courier = DriftCourier(parts, send=self.send, luck=lambda: 1.0)

    def collect(self, events: Sequence[EvidenceEvent]) -> None:
        self.evidence += events

    def send(self, target: Target, body: bytes, headers: dict[str, str]) -> Answer:
        signature.verify(self.secret, body, headers[signature.HEADER], self.now.timestamp())
        self.sent.append((target, orjson.loads(body), headers))
        return self.answers.pop(0) if self.answers else Answer(204)

    def subscribe(self, tenant: TenantId = TENANT, **wanted: Any) -> str:
        added = self.kept(tenant).add(Wanted(URL, **wanted), self.now, self.feed.last(tenant, TOPIC))
        self.secret = added.secret
        return added.subscription_id

    def kept(self, tenant: TenantId = TENANT) -> Subscriptions:
        return Subscriptions(self.folders.drift(tenant))

    def happen(self, *rows: dict[str, Any], tenant: TenantId = TENANT) -> None:
        self.folders.drift(tenant).mkdir(parents=True, exist_ok=True)
        self.feed.append(tenant, TOPIC, [orjson.dumps(each) for each in rows])

    def work(self, seconds: float = 0.0) -> None:
        self.now += timedelta(seconds=seconds)
        self.courier.tick()
        self.courier.settle()

    def progress(self, subscription_id: str) -> Progress:
        return self.kept().progress()[subscription_id]

    @property
    def told(self) -> list[str]:
        return [event["drift"]["drift_id"] for _, body, _ in self.sent for event in body["events"]]


class _Clock:
    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path)
    yield found
    found.courier.stop()


def test_events_are_told_in_order_signed_and_once(world: World) -> None:
    sub = world.subscribe()
    world.happen(row(1), row(2))
    world.work()
    world.work()
    assert world.told == ["d1", "d2"]
    body, headers = world.sent[0][1:]
    assert (body["tenant"], body["topic"]) == (TENANT, TOPIC)
    assert headers["PolicyCortex-Delivery"] == body["message_id"]
    assert world.progress(sub).delivered == 2


def test_what_happened_before_the_subscription_is_not_told(world: World) -> None:
    world.happen(row(1))
    world.subscribe()
    world.happen(row(2))
    world.work()
    assert world.told == ["d2"]


def test_only_what_was_asked_for_is_told(world: World) -> None:
    world.subscribe(severity=Severity.HIGH)
    world.happen(row(1, "low"), row(2, "critical"), row(3, "medium"))
    world.work()
    assert world.told == ["d2"]


def test_many_events_are_told_in_messages_of_bounded_size(world: World) -> None:
    world.subscribe()
    world.happen(*(row(number) for number in range(EVENTS_MAX + 10)))
    world.work()
    world.work()
    assert [len(body["events"]) for _, body, _ in world.sent] == [EVENTS_MAX, 10]
    assert len(set(world.told)) == EVENTS_MAX + 10


def test_a_failing_receiver_is_tried_again_later_with_the_same_message(world: World) -> None:
    sub = world.subscribe()
    world.happen(row(1))
    world.answers = [Answer(500, "broken"), Answer(0, "refused")]
    world.work()
    world.work()
    assert len(world.sent) == 1, "not before the pause is over"
    world.work(1.0)
    world.work(2.0)
    assert [body["message_id"] for _, body, _ in world.sent] == [world.sent[0][1]["message_id"]] * 3
    assert (world.progress(sub).delivered, world.progress(sub).attempt) == (1, 0)


def test_the_receivers_own_wait_is_kept(world: World) -> None:
    world.subscribe()
    world.happen(row(1))
    world.answers = [Answer(429, "slow down", 60.0)]
    world.work()
    world.work(59.0)
    assert len(world.sent) == 1
    world.work(1.0)
    assert len(world.sent) == 2


def test_after_enough_attempts_a_message_is_put_aside_and_the_next_goes_on(world: World) -> None:
    sub = world.subscribe()
    world.happen(row(1))
    world.answers = [Answer(500, "broken")] * ATTEMPTS_MAX
    for _ in range(ATTEMPTS_MAX):
        world.work(PAUSE_MAX_S)
    world.happen(row(2))
    world.work()
    (letter,) = world.kept().dead()
    assert (letter.attempts, letter.reason) == (ATTEMPTS_MAX, "500 broken")
    assert letter.body["events"][0]["drift"]["drift_id"] == "d1"
    assert world.told[-1] == "d2"
    assert subscription_row(world.kept().get(sub), world.progress(sub))["dead"] == 1


def test_a_refusal_for_good_is_put_aside_at_once_and_gone_ends_the_subscription(world: World) -> None:
    sub = world.subscribe()
    world.happen(row(1))
    world.answers = [Answer(400, "no"), Answer(410, "gone")]
    world.work()
    assert len(world.kept().dead()) == 1
    world.happen(row(2), row(3))
    world.work()
    world.work(3_600.0)
    assert len(world.sent) == 2
    assert subscription_row(world.kept().get(sub), world.progress(sub))["state"] == "ended"


def test_a_target_that_is_no_longer_allowed_is_never_sent_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    parts = CourierParts(world.folders, world.feed, world.collect, Allowed(), _Clock(world))
    world.courier = DriftCourier(parts, send=world.send)
    world.subscribe()
    world.happen(row(1))
    world.work()
    assert world.sent == []
    assert "not public" in world.kept().dead()[0].reason or "encrypted" in world.kept().dead()[0].reason
    world.courier.stop()


def test_events_that_are_no_longer_held_are_told_as_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.subscribe()
    small = MemoryFeed(kept=2)
    world.courier.stop()
    parts = CourierParts(world.folders, small, world.collect, Allowed.of(["127.0.0.1"]), _Clock(world))
    world.courier = DriftCourier(parts, send=world.send)
    world.feed = small
    world.happen(row(0))
    sub = world.subscribe()
    world.happen(*(row(number) for number in range(1, 8)))
    world.work()
    world.work()
    assert "drift/active" in world.kept().dead()[-1].reason
    assert world.told[-1] == "d7"
    assert world.progress(sub).position == small.last(TENANT, TOPIC)


def test_every_event_becomes_evidence_once(world: World) -> None:
    world.happen(row(1), row(2, event="resolved"))
    world.work()
    world.work()
    assert [event.body["source"] for event in world.evidence] == ["detected changed", "resolved changed"]
    for event in world.evidence:
        require_body(event.type, dict(event.body))
    assert len({event.request_id for event in world.evidence}) == 2


def test_tenants_hear_of_their_own_drift_alone(world: World) -> None:
    world.subscribe(OTHER)
    world.happen(row(1))
    world.work()
    assert world.sent == []
    assert {event.tenant for event in world.evidence} == {TENANT}


def test_one_courier_works_at_a_time_and_another_takes_over(world: World) -> None:
    other = World(world.folder)
    assert world.courier.place.is_mine()
    assert not other.courier.place.is_mine()
    world.courier.stop()
    assert other.courier.place.is_mine()
    other.courier.stop()


def test_pauses_double_up_to_a_bound_and_are_spread() -> None:
    assert [pause_s(attempt, 1.0) for attempt in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert pause_s(50, 1.0) == PAUSE_MAX_S
    assert pause_s(3, 0.0) == 2.0


def test_subscriptions_are_bounded_private_and_removed_with_what_was_put_aside(world: World) -> None:
    sub = world.subscribe()
    world.happen(row(1))
    world.answers = [Answer(400)]
    world.work()
    kept = world.kept()
    assert all(path.stat().st_mode & 0o077 == 0 for path in world.folders.drift(TENANT).glob("*.json"))
    for _ in range(SUBSCRIPTIONS_MAX - 1):
        kept.add(Wanted(URL), NOW, "")
    with pytest.raises(InputError):
        kept.add(Wanted(URL), NOW, "")
    kept.remove(sub)
    assert kept.dead() == ()
    with pytest.raises(NotFound):
        kept.remove(sub)
    assert "whsec" not in repr(kept.all())
