"""The shape of the made-up company: environments, landing zones, applications, and one stack of each per place.

Decided here: who owns what, where it runs, how carefully it is run. Not decided here: what a stack holds
(`azure`, `aws`, `gcp`), how it changed (`history`), or what it costs (`billing`). Everything follows from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random

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


@dataclass(frozen=True, slots=True)
class Stack:
    """One application in one environment, region and cloud, with its own source of chance."""

    tenant: str
    number: int
    provider: Provider
    application: str
    owner: str
    cost_center: str
    environment: Environment
    region: str
    as_of: datetime
    random: Random

    @property
    def name(self) -> str:
        """Unique within the tenant: ``checkout-prod-0007``."""
        return f"{self.application}-{self.environment.name}-{self.number:04d}"

    @property
    def short(self) -> str:
        """At most 20 lower-case letters and digits, unique within the tenant: for storage account names."""
        return f"{self.application[:6]}{self.environment.name[:3]}{self.number:05d}"

    def is_flawed(self, factor: float = 1.0) -> bool:
        """Whether this setting is one of the wrong ones."""
        return self.random.random() < self.environment.flaw_rate * factor

    def tags(self) -> dict[str, str]:
        """Tags as this stack's owners set them: some are forgotten."""
        tags = {"environment": self.environment.name, "application": self.application, "synthetic": "true"}
        if not self.is_flawed(1.5):
            tags["owner"] = self.owner
        if not self.is_flawed(1.5):
            tags["cost-center"] = self.cost_center
        return tags

    def account(self) -> str:
        """A 12-digit number for this tenant and environment, the same for all its stacks."""
        return f"{int(self._place_digest()[:12], 16) % 10**12:012d}"

    def subscription(self) -> str:
        """A GUID-shaped id for this tenant and environment."""
        digest = self._place_digest()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))

    def _place_digest(self) -> str:
        return hashlib.sha256(f"{self.tenant}/{self.environment.name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as its provider would export it.

    Args:
        uid: the id that billing rows carry.
        document: the provider's record, without a capture time.
        wrapper: the key that holds the document in a line, such as ``resource`` or ``asset``.
        beside: other keys of the line, such as ``service`` and ``operation``.
        service: FOCUS service name.
        cost_month: list cost of a month in USD before seasonality; zero for what is free.
        drift: an attribute that owners change now and then, as a path and its other value.
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
    cost_month: Decimal
    tags: Mapping[str, str]
    beside: Mapping[str, Json]
    drift: tuple[str, Json] | None = None


def stacks(*, tenant: str, seed: int, as_of: datetime) -> Iterator[Stack]:
    """Every stack of a tenant, without end; take as many as are needed."""
    number = 0
    while True:
        number += 1
        random = Random(f"{seed}/{tenant}/{number}")  # noqa: S311 (a repeatable estate, not a secret)
        provider = random.choices([p for p, _ in CLOUD_WEIGHTS], [w for _, w in CLOUD_WEIGHTS])[0]
        application, owner, cost_center = APPLICATIONS[number % len(APPLICATIONS)]
        environment = random.choices(ENVIRONMENTS, [e.weight for e in ENVIRONMENTS])[0]
        yield Stack(
            tenant=tenant,
            number=number,
            provider=provider,
            application=application,
            owner=owner,
            cost_center=cost_center,
            environment=environment,
            region=random.choice(REGIONS[provider]),
            as_of=as_of,
            random=random,
        )


def dollars(amount: float) -> Decimal:
    """An amount in whole cents."""
    return Decimal(round(amount * 100)).scaleb(-2)
