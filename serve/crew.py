"""The actors of a cluster, found by name or started."""

from __future__ import annotations

from actors.folders import Folders
from actors.placement import chain_handle, shard_handle, simulation_handle, upkeep_handle
from actors.upkeep import UpkeepConfig
from chain.keys.log_key_places import LogKeyPlaces
from serve.platform import Crew
from serve.store_place import StorePlace


def ray_crew(
    folders: Folders,
    upkeep: UpkeepConfig,
    log_keys: LogKeyPlaces,
    stores: StorePlace,
    *,
    shards: int,
    simulations: int,
) -> Crew:
    """Handles of every actor; placement of tenants depends on the number of shards alone."""
    chain = chain_handle(folders, log_keys)
    names = [f"shard-{number}" for number in range(shards)]
    return Crew(
        shards={name: shard_handle(name, folders, stores) for name in names},
        chain=chain,
        upkeep=upkeep_handle(chain, upkeep),
        simulations=[simulation_handle(number) for number in range(simulations)],
        is_local=False,
    )
