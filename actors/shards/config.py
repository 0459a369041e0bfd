"""How a shard is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from actors.shards.admission import Limits

MEBIBYTE: Final = 1024 * 1024
GATHERED_MIN_BYTES: Final = 16 * MEBIBYTE
"""However small the shard: an answer that takes less is not worth refusing."""


@dataclass(frozen=True, slots=True)
class ShardConfig:
    """One shard.

    Args:
        memory_mib: what the graphs in its memory may take together.
        idle_s: after so long without a question a tenant's store is closed; its graph stays.
        is_following: applies changes as they are published, without being asked.
        has_threads: else somebody calls `TenantShard.work` again and again.
        shows_ahead: shows changes before the stores have them, as far as that is certain to be what they come to.
        whole_bytes: what one tenant's graph may take; a larger one is held in parts by several shards. 0 is half of the
            memory.
        judged_bytes: what a graph in parts may take, with its documents, where it is judged between scans. 0 is half of
            the memory.
    """

    name: str = "local"
    memory_mib: int = 2_048
    idle_s: float = 300.0
    limits: Limits = field(default_factory=Limits)
    is_following: bool = False
    shows_ahead: bool = False
    has_threads: bool = True
    whole_bytes: int = 0
    judged_bytes: int = 0

    @property
    def whole_bytes_max(self) -> int:
        """What a graph may take that is held whole."""
        return self.whole_bytes or self.memory_mib * MEBIBYTE // 2

    @property
    def judged_bytes_max(self) -> int:
        """What a graph in parts may take where it is judged."""
        return self.judged_bytes or self.memory_mib * MEBIBYTE // 2

    @property
    def gathered_bytes(self) -> int:
        """What may be put together of a graph in parts for one question."""
        return max(GATHERED_MIN_BYTES, self.whole_bytes_max // 2)

    @property
    def parts_bytes(self) -> int:
        """What parts of graphs may take; the rest is for the tenants that are this shard's own."""
        return self.memory_mib * MEBIBYTE * 3 // 4
