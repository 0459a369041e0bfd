"""The actors of a cluster, found by name or started."""

from __future__ import annotations

from actors.folders import Folders
from actors.placement import (
    ShardOpening,
    chain_handle,
    shard_router,
    simulation_handle,
    supervisor_handle,
    upkeep_handle,
)
from actors.ray_handle import ObjectStoreShelf
from actors.shards.roster_file import RosterFile
from actors.upkeep import UpkeepConfig
from chain.keys.log_key_places import LogKeyPlaces
from serve.platform import Crew


def ray_crew(
    folders: Folders,
    upkeep: UpkeepConfig,
    log_keys: LogKeyPlaces,
    opening: ShardOpening,
    *,
    shards: int,
    simulations: int,
) -> Crew:
    """Handles of every actor. The supervisor starts the shards; how many there are, after the first start, it knows."""
    chain = chain_handle(folders, log_keys)
    return Crew(
        shards=shard_router(RosterFile(folders.store)),
        supervisor=supervisor_handle(opening, shards),
        chain=chain,
        upkeep=upkeep_handle(chain, upkeep),
        simulations=[simulation_handle(number) for number in range(simulations)],
        is_local=False,
        shelf=ObjectStoreShelf(),
    )
