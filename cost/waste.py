"""What is paid for and serves nobody: cases with their evidence, and what cannot be decided with the reason.

A rule looks at one resource: its own document, what refers to it, how much it was used, and when it last changed. It
answers with evidence, with nothing, or with the reason why it cannot know: an attribute that nobody read, an inventory
with gaps (absence is proved only by a complete one), use that was not measured, a history that is too short. A rule
that cannot know never counts as a case, and never as its absence.

| Kind | A case is |
|---|---|
| unattached | a disk, address or balancer that nothing uses |
| idle | a machine that is stopped, or was hardly used for two weeks |
| orphaned | a snapshot whose disk is gone |
| old_generation | a machine or disk of a generation that has a cheaper successor |
| forgotten | a resource of a test environment that has not changed for long and that nobody owns |
| no_lifecycle | a store that keeps everything for ever at one price |

What ends with the resource is its whole cost. What gets cheaper only (old generation, lifecycle) saves an amount that
this module does not know; it is told apart and never added. One resource counts once, however many kinds it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cost.machine_sizes import machine_size
from domain.money import Money
from domain.resource import ConfigurationItem
from domain.value import MISSING, UNREAD, Absent, Json, Value

FORGOTTEN_AFTER: Final = timedelta(days=90)
IDLE_CPU_P99: Final = 5.0
TEST_ENVIRONMENTS: Final = frozenset({"dev", "development", "test", "testing", "sandbox", "demo", "lab", "staging"})
_ENVIRONMENT_TAGS: Final = ("environment", "env", "stage")
_OWNER_TAGS: Final = ("owner", "team", "contact", "ownedby")


class WasteKind(StrEnum):
    """What kind of waste."""

    UNATTACHED = "unattached"
    IDLE = "idle"
    ORPHANED = "orphaned"
    OLD_GENERATION = "old_generation"
    FORGOTTEN = "forgotten"
    NO_LIFECYCLE = "no_lifecycle"


ENDS: Final = frozenset({WasteKind.UNATTACHED, WasteKind.IDLE, WasteKind.ORPHANED, WasteKind.FORGOTTEN})
"""Kinds whose cost ends with the resource."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a resource beside its document.

    Args:
        users: ids of resources that refer to it or that it serves; None where edges were not worked out.
        cpu_p99: in percent over at least two weeks; None where it was not measured.
        changed_at: when it last changed; None where there is no history of it.
        history_since: since when changes are recorded at all.
        monthly: its cost, by currency.
    """

    users: Sequence[str] | None = None
    cpu_p99: float | None = None
    changed_at: datetime | None = None
    history_since: datetime | None = None
    monthly: Sequence[Money] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """What a rule may ask of everything else.

    Args:
        holds: whether a resource with an id is there. is_complete: whether absence proves absence.
    """

    as_of: datetime
    holds: Callable[[str], bool]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence: where it was read, and what stood there."""

    where: str
    found: Json


@dataclass(frozen=True, slots=True)
class Case:
    """Waste.

    Args:
        saving: a month, where the cost ends with the resource; nothing where it only gets cheaper.
    """

    item: ConfigurationItem
    kind: WasteKind
    text: str
    facts: tuple[Fact, ...]
    monthly: tuple[Money, ...]
    saving: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """What cannot be known of a resource, and why."""

    item: ConfigurationItem
    kind: WasteKind
    reason: str
    monthly: tuple[Money, ...] = ()


@dataclass(frozen=True, slots=True)
class Waste:
    """Cases and what is undecided, in order of resource and kind."""

    cases: tuple[Case, ...]
    undecided: tuple[Undecided, ...]


Found = tuple[str, tuple[Fact, ...]]
Rule = Callable[[ConfigurationItem, Known, Estate], "Found | str | None"]
"""A rule finds evidence, the reason why it cannot know, or nothing."""


def find_waste(resources: Iterable[tuple[ConfigurationItem, Known]], estate: Estate) -> Waste:
    """Judge resources by every rule for their type."""
    cases: list[Case] = []
    undecided: list[Undecided] = []
    for item, known in resources:
        own = [_judge(item, known, estate, kind, rule) for kind, rule in rules_of(item.type)]
        cases += [each for each in own if isinstance(each, Case)]
        undecided += [each for each in own if isinstance(each, Undecided)]
    return Waste(tuple(cases), tuple(undecided))


def savings_of(cases: Iterable[Case]) -> dict[str, Decimal]:
    """What ends with the resources, by currency; a resource counts once, and what was paid back counts for nothing."""
    once = {case.item.uid: case.saving for case in cases if case.saving}
    sums: dict[str, Decimal] = {}
    for money in (money for saving in once.values() for money in saving):
        sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
    return dict(sorted(sums.items()))


def rules_of(kind: str) -> tuple[tuple[WasteKind, Rule], ...]:
    """The rules for a type of resource, without case."""
    return _RULES.get(kind.lower(), ())


def judged_types() -> frozenset[str]:
    """Types that any rule looks at, in lower case."""
    return frozenset(_RULES)


def _judge(
    item: ConfigurationItem, known: Known, estate: Estate, kind: WasteKind, rule: Rule
) -> Case | Undecided | None:
    found = rule(item, known, estate)
    if found is None:
        return None
    monthly = tuple(known.monthly)
    if isinstance(found, str):
        return Undecided(item, kind, found, monthly)
    saving = tuple(money for money in monthly if money.amount > 0) if kind in ENDS else ()
    return Case(item, kind, found[0], found[1], monthly, saving)


def read(item: ConfigurationItem, path: str) -> Value:
    """What stands at a dotted path of a resource's document, without case; `UNREAD` where nobody asked."""
    segments = path.split(".")
    value: Json = dict(item.properties)
    for place, segment in enumerate(segments):
        if not isinstance(value, dict):
            return MISSING
        key = next((key for key in value if key.lower() == segment.lower()), None)
        if key is None:
            unread = "*" in item.unread or (place == 0 and segment.lower() in map(str.lower, item.unread))
            return UNREAD if unread else MISSING
        value = value[key]
    return value


def _first(item: ConfigurationItem, *paths: str) -> tuple[str, Value]:
    """The first path that holds something; otherwise the last, unread where any of them is."""
    tried = [(path, read(item, path)) for path in paths]
    held = [each for each in tried if each[1] is not MISSING and each[1] is not UNREAD]
    unread = [each for each in tried if each[1] is UNREAD]
    return (held or unread or tried)[0]


def _unread(path: str) -> str:
    return f"{path} was not read"


def _is_state(*paths: str, states: frozenset[str], text: str) -> Rule:
    """A case where an attribute has one of some values."""

    def rule(item: ConfigurationItem, _: Known, __: Estate) -> Found | str | None:
        path, value = _first(item, *paths)
        if value is UNREAD or value is MISSING or value is None:
            return _unread(path)
        is_case = isinstance(value, str) and value.lower() in states
        return (text, (Fact(path, value),)) if is_case else None

    return rule


def _is_empty(*paths: str, text: str, when_missing: bool = True) -> Rule:
    """A case where every one of some attributes is absent or empty."""

    def rule(item: ConfigurationItem, _: Known, __: Estate) -> Found | str | None:
        values = [(path, read(item, path)) for path in paths]
        if any(value not in (MISSING, UNREAD, None, "", [], {}) for _, value in values):
            return None
        unread = next((path for path, value in values if value is UNREAD), None)
        if unread is not None:
            return _unread(unread)
        if not when_missing and all(value is MISSING for _, value in values):
            return _unread(paths[0])
        return text, tuple(Fact(path, None if isinstance(value, Absent) else value) for path, value in values)

    return rule


def _is_unused(text: str, *, by: str) -> Rule:
    """A case where nothing of a kind, which its id tells, refers to it in a complete inventory."""

    def rule(_: ConfigurationItem, known: Known, estate: Estate) -> Found | str | None:
        if known.users is None:
            return "what refers to it was not worked out"
        if any(by in user for user in known.users):
            return None
        if not estate.is_complete:
            return "the inventory has gaps: what uses it may be in one"
        return text, (Fact("resources that refer to it", list(known.users)),)

    return rule


def _orphaned(*paths: str, full: Callable[[ConfigurationItem, str], str]) -> Rule:
    """A case where a snapshot's source is not in a complete inventory."""

    def rule(item: ConfigurationItem, _: Known, estate: Estate) -> Found | str | None:
        path, source = _first(item, *paths)
        if not isinstance(source, str) or not source:
            return _unread(path)
        if estate.holds(full(item, source)):
            return None
        if not estate.is_complete:
            return "the inventory has gaps: its source may be in one"
        return "what it was taken of is gone", (Fact(path, source),)

    return rule


def _idle(*paths: str, states: frozenset[str]) -> Rule:
    """A case where a machine is stopped, or its processor was hardly used; use decides only where it was measured."""
    stopped = _is_state(*paths, states=states, text="it is stopped, and what belongs to it is still charged")

    def rule(item: ConfigurationItem, known: Known, estate: Estate) -> Found | str | None:
        found = stopped(item, known, estate)
        if isinstance(found, tuple):
            return found
        if known.cpu_p99 is None:
            return found or "its use was not measured"
        if known.cpu_p99 > IDLE_CPU_P99:
            return None
        return "its processor was hardly used", (Fact("cpu_percent, 99th percentile", round(known.cpu_p99, 2)),)

    return rule


def _old_machine(*paths: str) -> Rule:
    def rule(item: ConfigurationItem, _: Known, __: Estate) -> Found | str | None:
        path, name = _first(item, *paths)
        if not isinstance(name, str):
            return _unread(path)
        size = machine_size(name)
        if size is None or size.successor is None:
            return None
        return f"a current generation is {size.successor}", (Fact(path, name),)

    return rule


def _forgotten(item: ConfigurationItem, known: Known, estate: Estate) -> Found | str | None:
    tags = {name.lower().replace("-", "").replace("_", ""): value for name, value in item.tags.items()}
    stage = next((tags[name] for name in _ENVIRONMENT_TAGS if name in tags), None)
    if stage is None or stage.lower() not in TEST_ENVIRONMENTS or any(tags.get(name) for name in _OWNER_TAGS):
        return None
    limit = estate.as_of - FORGOTTEN_AFTER
    if known.changed_at is not None and known.changed_at > limit:
        return None
    if known.history_since is None or known.history_since > limit:
        return f"changes are not recorded for {FORGOTTEN_AFTER.days} days yet"
    changed = known.changed_at or known.history_since
    facts = (Fact("tags", dict(item.tags)), Fact("last change, at the latest", changed.isoformat()))
    return f"of {stage}, without an owner, and unchanged for {(estate.as_of - changed).days} days", facts


def _same(_: ConfigurationItem, source: str) -> str:
    return source


def _aws_volume(item: ConfigurationItem, source: str) -> str:
    """A volume's ARN beside its snapshot's."""
    head, mark, _ = item.uid.partition(":snapshot/")
    return f"{head}:volume/{source}" if mark else source


_UNUSED_DISK: Final = "it is attached to nothing"
_UNUSED_ADDRESS: Final = "it is assigned to nothing"
_NO_TARGETS: Final = "it has nothing behind it"
_LIFECYCLE: Final = "nothing moves or removes what gets old"
_K = WasteKind
_FORGOTTEN: Final = (_K.FORGOTTEN, _forgotten)

_RULES: Final[Mapping[str, tuple[tuple[WasteKind, Rule], ...]]] = {
    "aws::ec2::volume": (
        (_K.UNATTACHED, _is_state("State", states=frozenset({"available"}), text=_UNUSED_DISK)),
        (
            _K.OLD_GENERATION,
            _is_state("VolumeType", states=frozenset({"gp2", "io1", "standard"}), text="a current type is gp3 or io2"),
        ),
        _FORGOTTEN,
    ),
    "microsoft.compute/disks": (
        (
            _K.UNATTACHED,
            _is_state("properties.diskState", states=frozenset({"unattached"}), text=_UNUSED_DISK),
        ),
        _FORGOTTEN,
    ),
    "compute.googleapis.com/disk": ((_K.UNATTACHED, _is_empty("users", "user", text=_UNUSED_DISK)), _FORGOTTEN),
    "aws::ec2::eip": (
        (_K.UNATTACHED, _is_empty("AssociationId", "InstanceId", "NetworkInterfaceId", text=_UNUSED_ADDRESS)),
    ),
    "microsoft.network/publicipaddresses": (
        (
            _K.UNATTACHED,
            _is_empty("properties.ipConfiguration", "properties.natGateway", text=_UNUSED_ADDRESS),
        ),
    ),
    "compute.googleapis.com/address": (
        (_K.UNATTACHED, _is_state("status", states=frozenset({"reserved"}), text=_UNUSED_ADDRESS)),
    ),
    "aws::elasticloadbalancingv2::loadbalancer": ((_K.UNATTACHED, _is_unused(_NO_TARGETS, by=":targetgroup/")),),
    "microsoft.network/loadbalancers": (
        (_K.UNATTACHED, _is_empty("properties.backendAddressPools", text=_NO_TARGETS)),
    ),
    "aws::ec2::natgateway": ((_K.UNATTACHED, _is_unused("no route leads to it", by=":route-table/")),),
    "microsoft.network/natgateways": ((_K.UNATTACHED, _is_empty("properties.subnets", text="no subnet uses it")),),
    "aws::ec2::snapshot": ((_K.ORPHANED, _orphaned("VolumeId", full=_aws_volume)), _FORGOTTEN),
    "microsoft.compute/snapshots": (
        (_K.ORPHANED, _orphaned("properties.creationData.sourceResourceId", full=_same)),
        _FORGOTTEN,
    ),
    "compute.googleapis.com/snapshot": ((_K.ORPHANED, _orphaned("sourceDisk", full=_same)), _FORGOTTEN),
    "aws::ec2::instance": (
        (_K.IDLE, _idle("State.Name", states=frozenset({"stopped"}))),
        (_K.OLD_GENERATION, _old_machine("InstanceType")),
        _FORGOTTEN,
    ),
    "microsoft.compute/virtualmachines": (
        (
            _K.IDLE,
            _idle(
                "properties.extended.instanceView.powerState.code",
                states=frozenset({"powerstate/stopped", "powerstate/deallocated"}),
            ),
        ),
        (_K.OLD_GENERATION, _old_machine("properties.hardwareProfile.vmSize")),
        _FORGOTTEN,
    ),
    "compute.googleapis.com/instance": (
        (_K.IDLE, _idle("status", states=frozenset({"terminated", "stopped", "suspended"}))),
        (_K.OLD_GENERATION, _old_machine("machineType")),
        _FORGOTTEN,
    ),
    "aws::s3::bucket": ((_K.NO_LIFECYCLE, _is_empty("BucketLifecycle.Rules", text=_LIFECYCLE)), _FORGOTTEN),
    "storage.googleapis.com/bucket": ((_K.NO_LIFECYCLE, _is_empty("lifecycle.rule", text=_LIFECYCLE)), _FORGOTTEN),
    "aws::logs::loggroup": ((_K.NO_LIFECYCLE, _is_empty("RetentionInDays", text="it keeps everything for ever")),),
}
