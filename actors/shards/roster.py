"""Which shards there are and where each tenant is placed: a value that only the supervisor makes, in versions.

Most tenants are placed by rendezvous hashing and need no entry. The few that are heavy are placed by name, because ten
of them would lie unevenly wherever chance put them; the others then fill what the heavy ones leave. Placement is only
a wish: what makes one owner at a time is the epoch that a store is claimed with (`actors.shards.leases`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from actors.rendezvous import owner, ranked
from domain.errors import InputError, IntegrityError
from domain.tenancy import TenantId

SCHEMA: Final = 1
HEAVY_MIN: Final = 20_000
"""Resources from which on a tenant is placed by name."""
HEAVY_KEPT_MAX: Final = 10_000
TOLERANCE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Roster:
    """One version of the placement.

    Args:
        shards: names that tenants are placed on, in order.
        heavy: shard of each tenant that is placed by name.
        weights: resources of those tenants.
        capacities: share of the other tenants that a shard takes; 1 where it is not named.
    """

    version: int
    shards: tuple[str, ...]
    heavy: Mapping[TenantId, str] = field(default_factory=dict)
    weights: Mapping[TenantId, int] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)

    def owner(self, tenant: TenantId) -> str:
        """The shard that a tenant belongs to.

        Raises:
            InputError: there is no shard.
        """
        return self.heavy.get(tenant) or owner(tenant, self.shards, self.capacities)

    def with_shards(self, shards: Sequence[str]) -> Roster:
        """The next version over these shards; the heavy tenants of a shard that left go to their next choice.

        Raises:
            InputError: there would be no shard.
        """
        if not shards:
            raise InputError("no shard would remain", expected="at least 1", todo="Keep one shard")
        names = tuple(sorted(set(shards)))
        heavy = {
            tenant: shard if shard in names else owner(tenant, names) for tenant, shard in sorted(self.heavy.items())
        }
        capacities = {name: share for name, share in self.capacities.items() if name in names}
        return replace(self, version=self.version + 1, shards=names, heavy=heavy, capacities=capacities)

    def encoded(self) -> bytes:
        """The roster as it is kept: canonical JSON with its schema's version."""
        document = {
            "v": SCHEMA,
            "version": self.version,
            "shards": list(self.shards),
            "heavy": {tenant: [shard, self.weights.get(tenant, 0)] for tenant, shard in self.heavy.items()},
            "capacities": dict(self.capacities),
        }
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def decoded(content: bytes, *, where: str) -> Roster:
    """Read what `Roster.encoded` wrote.

    Raises:
        IntegrityError: it is something else.
    """
    try:
        document = _document(content)
        heavy = {TenantId(tenant): (str(shard), int(weight)) for tenant, (shard, weight) in document["heavy"].items()}
        return Roster(
            int(document["version"]),
            tuple(str(name) for name in document["shards"]),
            {tenant: shard for tenant, (shard, _) in heavy.items()},
            {tenant: weight for tenant, (_, weight) in heavy.items()},
            {str(name): float(share) for name, share in document["capacities"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            "the list of shards is damaged",
            where=where,
            got=repr(error)[:120],
            todo="Remove the file while no platform runs: it is made anew, and no data is in it",
        ) from None


def _document(content: bytes) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(content)
    if document["v"] != SCHEMA:
        raise ValueError(f"schema version {document['v']}")
    return document


def loads(roster: Roster, sizes: Mapping[TenantId, int]) -> dict[str, int]:
    """Resources on each shard, of tenants with these sizes."""
    found = dict.fromkeys(roster.shards, 0)
    for tenant, size in sizes.items():
        found[roster.owner(tenant)] += size
    return found


def imbalance(weights: Mapping[str, float]) -> float:
    """How far the shard farthest from the mean is from it, as a share of the mean; 0 where there is nothing."""
    mean = sum(weights.values()) / max(len(weights), 1)
    return max((abs(weight - mean) / mean for weight in weights.values()), default=0.0) if mean else 0.0


def rebalanced(roster: Roster, sizes: Mapping[TenantId, int], *, light: int, tolerance: float = TOLERANCE) -> Roster:
    """The next version in which shards carry about the same, or the same roster where they do within the tolerance.

    Args:
        sizes: resources of the heavy tenants that are known, those of the roster beside them.
        light: resources of all other tenants together.
    """
    weights = _known_weights(roster, sizes)
    is_placed = all(tenant in roster.heavy for tenant in weights)
    if is_placed and imbalance(_expected(roster.heavy, weights, roster, light)) <= tolerance:
        return roster
    target = (sum(weights.values()) + light) / len(roster.shards)
    heavy = _placed(roster, weights, limit=target * (1 + tolerance / 4))
    capacities = _capacities(roster.shards, heavy, weights, target)
    found = replace(roster, heavy=heavy, weights=weights, capacities=capacities)
    return roster if found == roster else replace(found, version=roster.version + 1)


def _known_weights(roster: Roster, sizes: Mapping[TenantId, int]) -> dict[TenantId, int]:
    """Weights of what is heavy now; what was and has shrunk is placed by hash again."""
    merged = {**roster.weights, **sizes}
    heaviest = sorted(merged, key=lambda tenant: (-merged[tenant], tenant))[:HEAVY_KEPT_MAX]
    return {tenant: merged[tenant] for tenant in heaviest if merged[tenant] >= HEAVY_MIN}


def _placed(roster: Roster, weights: Mapping[TenantId, int], *, limit: float) -> dict[TenantId, str]:
    """Heaviest first: where it is, else its highest choice with room, else where least is."""
    filled = dict.fromkeys(roster.shards, 0)
    placed: dict[TenantId, str] = {}
    for tenant, weight in sorted(weights.items(), key=lambda each: (-each[1], each[0])):
        now = [roster.heavy[tenant]] if roster.heavy.get(tenant) in filled else []
        choices = [*now, *ranked(tenant, roster.shards)]
        room = (shard for shard in choices if filled[shard] + weight <= limit)
        chosen = next(room, None) or min(choices, key=lambda shard: (filled[shard], shard))
        placed[tenant] = chosen
        filled[chosen] += weight
    return placed


def _capacities(
    shards: Sequence[str], heavy: Mapping[TenantId, str], weights: Mapping[TenantId, int], target: float
) -> dict[str, float]:
    """What the heavy tenants leave of each shard, as a share of the whole; nothing to say where it is all."""
    filled = dict.fromkeys(shards, 0)
    for tenant, shard in heavy.items():
        filled[shard] += weights[tenant]
    if not any(filled.values()):
        return {}
    return {shard: round(max(0.0, 1.0 - weight / target), 6) for shard, weight in filled.items()}


def _expected(
    heavy: Mapping[TenantId, str], weights: Mapping[TenantId, int], roster: Roster, light: int
) -> dict[str, float]:
    """The load of each shard when light tenants spread as their capacities say."""
    shares = {shard: roster.capacities.get(shard, 1.0) for shard in roster.shards}
    whole = sum(shares.values()) or 1.0
    found = {shard: light * share / whole for shard, share in shares.items()}
    for tenant, shard in heavy.items():
        found[shard] += weights.get(tenant, 0)
    return found
