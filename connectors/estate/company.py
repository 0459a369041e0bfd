"""The shape of the made-up company: environments, landing zones, applications, and one stack of each per place.

Decided here: who owns what, where it runs, how carefully it is run. Not decided here: what a stack or a landing zone
holds (`azure`, `aws`, `gcp`), when things expire (`dates`), how it changed (`history`), or what it costs (`billing`).
Everything follows from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import TypeVar

from domain.resource import Provider
from domain.value import Json

APPLICATIONS: tuple[tuple[str, str, str], ...] = (
    ("checkout", "payments", "cc-1100"),
    ("catalogue", "storefront", "cc-1200"),
    ("ledger", "finance-systems", "cc-2100"),
    ("identity", "platform", "cc-3100"),
    ("search", "storefront", "cc-1200"),
    ("warehouse", "logistics", "cc-4100"),
    ("pricing", "payments", "cc-1100"),
    ("recommendations", "data-science", "cc-5100"),
    ("reporting", "finance-systems", "cc-2100"),
    ("messaging", "platform", "cc-3100"),
    ("returns", "logistics", "cc-4100"),
    ("experiments", "data-science", "cc-5100"),
)


@dataclass(frozen=True, slots=True)
class Environment:
    """A stage. `flaw_rate` is the share of settings that are wrong, `size` scales capacity and cost."""

    name: str
    flaw_rate: float
    size: float
    weight: int


ENVIRONMENTS: tuple[Environment, ...] = (
    Environment("prod", 0.03, 1.0, 5),
    Environment("staging", 0.07, 0.5, 2),
    Environment("dev", 0.14, 0.3, 2),
    Environment("sandbox", 0.25, 0.2, 1),
)

REGIONS: Mapping[Provider, tuple[str, ...]] = {
    Provider.AZURE: ("westeurope", "northeurope", "swedencentral"),
    Provider.AWS: ("eu-central-1", "eu-west-1", "us-east-1"),
    Provider.GCP: ("europe-west3", "europe-west4", "us-east1"),
}

CLOUD_WEIGHTS: tuple[tuple[Provider, int], ...] = ((Provider.AZURE, 5), (Provider.AWS, 4), (Provider.GCP, 2))

ZONE_STACKS = 200
"""How many stacks share the subscriptions, accounts and projects of one set of landing zones."""

_ENVIRONMENT_WEIGHTS = [environment.weight for environment in ENVIRONMENTS]
_CLOUDS = [provider for provider, _ in CLOUD_WEIGHTS]
_CLOUD_WEIGHTS = [weight for _, weight in CLOUD_WEIGHTS]

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Place:
    """One subscription, account or project: an environment of one set of landing zones.

    Args:
        hub: name of the shared resources, such as ``hub-prod-001``.
    """

    environment: Environment
    number: int
    subscription: str
    account: str
    project: str
    hub: str


@dataclass(frozen=True, slots=True)
class Stack:
    """One application in one place, region and cloud, with its own source of chance.

    A landing zone's shared resources are a stack too, named after its hub.

    Args:
        serial: unique in the tenant; short ids are made of it.
        name: unique within the tenant: ``checkout-prod-0007``.
        short: at most 20 lower-case letters and digits, unique within the tenant: for storage account names.
    """

    tenant: str
    serial: int
    name: str
    short: str
    provider: Provider
    application: str
    owner: str
    cost_center: str
    environment: Environment
    place: Place
    region: str
    as_of: datetime
    random: Random

    def is_flawed(self, factor: float = 1.0) -> bool:
        """Whether this setting is one of the wrong ones."""
        return self.random.random() < self.environment.flaw_rate * factor

    def either(self, right: Choice, wrong: Choice, factor: float = 1.0) -> Choice:
        """`right`, or `wrong` where this setting is one of the wrong ones."""
        return wrong if self.random.random() < self.environment.flaw_rate * factor else right

    def has(self, share: float) -> bool:
        """Whether this stack is one of the share that have something."""
        return self.random.random() < share

    def tags(self) -> dict[str, str]:
        """Tags as this stack's owners set them: some are forgotten."""
        tags = {"environment": self.environment.name, "application": self.application, "synthetic": "true"}
        if not self.is_flawed(1.5):
            tags["owner"] = self.owner
        if not self.is_flawed(1.5):
            tags["cost-center"] = self.cost_center
        if self.is_flawed(0.3):
            del tags["environment"]
        return tags

    def guid(self, index: int) -> str:
        """A GUID-shaped id, one for each index."""
        return f"{self.serial:08x}-{index:04x}-4000-8000-{self.place.account}"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as its provider would export it, or one aspect of it as an own call answers.

    Args:
        uid: the id that billing rows carry.
        document: the provider's record, without a capture time.
        wrapper: the key that holds the document in a line, such as ``resource`` or ``asset``.
        beside: other keys of the line, such as ``service`` and ``operation``.
        service: FOCUS service name.
        cents_month: list cost of a month in hundredths of a USD before seasonality; zero for what is free.
        drift: an attribute that owners change now and then, as a path and its other value.
        is_aspect: whether the line completes another record of the same resource.
    """

    provider: Provider
    uid: str
    name: str
    type: str
    region: str
    account: str
    document: dict[str, Json]
    wrapper: str
    service: str
    cents_month: int
    tags: Mapping[str, str]
    beside: Mapping[str, Json]
    drift: tuple[str, Json] | None = None
    is_aspect: bool = False


def stacks(*, tenant: str, seed: int, as_of: datetime) -> Iterator[Stack]:
    """Every stack of a tenant, without end; take as many as are needed."""
    number = 0
    while True:
        number += 1
        random = Random(f"{seed}/{tenant}/{number}")  # noqa: S311 (a repeatable estate, not a secret)
        provider = random.choices(_CLOUDS, _CLOUD_WEIGHTS)[0]
        application, owner, cost_center = APPLICATIONS[number % len(APPLICATIONS)]
        environment = random.choices(ENVIRONMENTS, _ENVIRONMENT_WEIGHTS)[0]
        yield Stack(
            tenant=tenant,
            serial=number,
            name=f"{application}-{environment.name}-{number:04d}",
            short=f"{application[:6]}{environment.name[:3]}{number:05d}",
            provider=provider,
            application=application,
            owner=owner,
            cost_center=cost_center,
            environment=environment,
            place=place_of(tenant, environment, 1 + (number - 1) // ZONE_STACKS),
            region=random.choice(REGIONS[provider]),
            as_of=as_of,
            random=random,
        )


def landing_zone(stack: Stack, *, seed: int) -> Stack:
    """The shared resources of the place that a stack stands in."""
    place, provider = stack.place, stack.provider
    environment = place.environment
    position = ENVIRONMENTS.index(environment) + len(ENVIRONMENTS) * _CLOUDS.index(provider)
    return Stack(
        tenant=stack.tenant,
        serial=0xF0000000 + place.number * 64 + position,
        name=place.hub,
        short=f"hub{environment.name[:3]}{place.number:05d}",
        provider=provider,
        application="landing-zone",
        owner="platform",
        cost_center="cc-3100",
        environment=environment,
        place=place,
        region=hub_region(provider),
        as_of=stack.as_of,
        random=Random(f"{seed}/{stack.tenant}/{place.hub}/{provider}"),  # noqa: S311 (repeatable, no secret)
    )


def hub_region(provider: Provider) -> str:
    """Where a cloud's landing zones are."""
    return REGIONS[provider][0]


@lru_cache(maxsize=4096)
def place_of(tenant: str, environment: Environment, number: int) -> Place:
    """The place of an environment in one set of landing zones."""
    digest = hashlib.sha256(f"{tenant}/{environment.name}/{number}".encode()).hexdigest()
    return Place(
        environment=environment,
        number=number,
        subscription="-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])),
        account=f"{int(digest[:12], 16) % 10**12:012d}",
        project=f"{tenant}-{environment.name}-{number:03d}",
        hub=f"hub-{environment.name}-{number:03d}",
    )
