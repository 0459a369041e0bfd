"""What is published of every log, as part of the evidence actor: for publishing in time and for asking witnesses."""

from __future__ import annotations

from collections.abc import Sequence

from actors.messages import LogState
from actors.open_writer import OpenWriter
from chain.cosignature import CosignerKey
from chain.keys.freeze import MARKER
from chain.proof import ConsistencyProof
from chain.shard import LogHead, ShardLog
from chain.tree_hash import Twin
from domain.errors import NotFound
from domain.tenancy import TenantId


class PublishedLogs:
    """The newest log of each tenant and of the platform, as others see them."""

    _opened: OpenWriter

    def states(self) -> list[LogState]:
        """How far each log is recorded and published; one that is frozen is left out. Appends go on in between."""
        with self._opened.held() as writer:
            tenants = writer.tenants()
        found: list[LogState] = []
        for tenant in tenants:
            with self._opened.held() as writer:
                shard = writer.shard(tenant)
                if not (shard.place.state / MARKER).exists():
                    found.append(LogState(tenant, shard.origin, shard.size, shard.published_size))
        return found

    def newest_head(self, tenant: TenantId) -> LogHead:
        """What a tenant's newest log last published.

        Raises:
            NotFound: nothing was published yet.
        """
        with self._opened.held() as writer:
            return writer.shard(tenant).head()

    def consistency(self, tenant: TenantId, origin: str, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove that a log of one size begins with that of the other.

        Raises:
            NotFound: the tenant's newest log has another origin.
        """
        with self._opened.held() as writer:
            return _log(writer.shard(tenant), origin).consistency_proof(old_size, new_size)

    def add_cosignatures(
        self, tenant: TenantId, origin: str, cosigned: str, cosigners: Sequence[CosignerKey]
    ) -> LogHead:
        """Keep and publish what witnesses signed of a log's published checkpoint.

        Raises:
            ConflictError: another checkpoint is the newest.
            IntegrityError: a signature is wrong.
        """
        with self._opened.held() as writer:
            return _log(writer.shard(tenant), origin).add_cosignatures(cosigned, cosigners)


def _log(shard: ShardLog, origin: str) -> ShardLog:
    if shard.origin != origin:
        raise NotFound("not the tenant's newest log", expected=shard.origin, got=origin)
    return shard
