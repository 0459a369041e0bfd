"""Runs scenarios. Holds nothing: a pool of these works in parallel on one graph, shared through the object store.

A projection's world is shared the same way: each worker draws some blocks of its paths, and a block is the same
whoever draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import orjson

from actors.messages import ScenarioKind, SimulationRequest, SimulationResult
from actors.shards.shelf import Shared
from assessment.projection import World, project
from assessment.simulate import Estate, PolicyScenario, simulate
from cost.forecast_methods import Series
from domain.clock import format_instant


class Simulation:
    """One worker of the pool."""

    def run(self, request: SimulationRequest, prepared: tuple[Estate, PolicyScenario]) -> SimulationResult:
        """Apply a scenario to the graph that a shard prepared for it.

        Raises:
            InputError: the scenario's policy cannot run.
        """
        estate, scenario = prepared
        found = simulate(estate, scenario, now=request.as_of)
        return SimulationResult(
            simulation_id=simulation_id(request),
            kind=ScenarioKind(found.decision.value),
            policy_id=found.policy_id,
            as_of=request.as_of,
            evaluated=found.evaluated,
            opened=found.opened,
            closed=found.closed,
            unknown=found.unknown,
            at_risk=found.at_risk,
        )

    def project(self, world: Shared[World], blocks: Sequence[tuple[int, int]]) -> Series:
        """Draw some blocks of a projection: float64 (paths, horizons, columns).

        Raises:
            UnavailableError: the world is gone with the process that shared it.
        """
        return project(world.get(), blocks)

    def ping(self) -> str:
        """Answer, to show that the worker is there."""
        return "ok"


def simulation_id(request: SimulationRequest) -> str:
    """Equal requests have equal ids."""
    policy = request.policy if isinstance(request.policy, str) else dict(request.policy)
    parts = [
        request.tenant,
        request.kind,
        policy,
        format_instant(request.as_of),
        dict(request.parameters),
        request.scope,
    ]
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]
