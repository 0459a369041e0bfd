"""Tenants of a shard that only remember what was done to them, and a store of epochs that several shards share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from actors.shards.admission import Admission, Limits
from actors.shards.holding import Holding
from actors.shards.residency import Residency
from actors.shards.roster_file import RosterPlace
from domain.errors import ConflictError
from domain.tenancy import TenantId


@dataclass
class Tenant:
    """What a shard holds of a tenant in these tests."""

    name: TenantId
    size_bytes: int = 10
    changes_waiting: int = 0
    resources: int = 5
    is_busy: bool = False
    is_misplaced: bool = False
    cooled: int = 0
    is_closed: bool = False

    def cool(self) -> None:
        self.cooled += 1

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Epochs:
    """Claims by tenant; `locked` tenants cannot be claimed, as where another process holds a file."""

    claims: Counter[TenantId] = field(default_factory=Counter)
    locked: set[TenantId] = field(default_factory=set)
    opened: list[Tenant] = field(default_factory=list)
    failure: Exception | None = None

    def open(self, tenant: TenantId, _: str) -> tuple[Tenant, int]:
        if self.failure is not None:
            raise self.failure
        if tenant in self.locked:
            raise ConflictError("the store is in use by another process", lock="x")
        self.claims[tenant] += 1
        self.opened.append(Tenant(tenant))
        return self.opened[-1], self.claims[tenant]


class Watch:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def holding(
    name: str,
    epochs: Epochs,
    watch: Watch,
    *,
    place: RosterPlace | None = None,
    budget_bytes: int = 1_000,
    limits: Limits | None = None,
) -> Holding[Tenant]:
    return Holding(
        name,
        epochs.open,
        place=place,
        residency=Residency(budget_bytes),
        admission=Admission(limits or Limits()),
        now_s=watch,
        idle_s=60.0,
    )
