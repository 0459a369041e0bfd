"""The operators' side of a platform that is reached over HTTP: the face of `serve.log_operations`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from chain.cosignature import CosignerKey
from chain.proof import ConsistencyProof
from chain.tree_hash import Twin
from domain.errors import NotFound
from domain.tenancy import TenantId
from domain.value import Json

Row = dict[str, Any]
Get = Callable[[TenantId, str], Row]
Change = Callable[[TenantId, str, Mapping[str, Json]], Row]


class RemoteLogs:
    """Speaks to one running platform."""

    def __init__(self, get: Get, change: Change) -> None:
        self._get = get
        self._change = change

    def anchors(self, tenant: TenantId, *, before: str | None = None, limit: int = 100) -> Row:
        """Targets, and a page of receipts and gaps there."""
        cursor = {} if before is None else {"cursor": before}
        return self._get(tenant, f"/chain/anchors?{urlencode({'limit': limit, **cursor})}")

    def anchor(self, tenant: TenantId) -> Row:
        """Ask every target now."""
        return self._change(tenant, "/chain/anchors", {})

    def holds(self, tenant: TenantId) -> list[Row]:
        """The tenant's legal holds in force there."""
        found: list[Row] = self._get(tenant, "/chain/holds")["items"]
        return found

    def place_hold(self, tenant: TenantId, hold_id: str, *, year: int, by: str, reason: str) -> Row:
        """Keep a year's log beyond its retention."""
        return self._change(tenant, "/chain/holds", {"hold": hold_id, "year": year, "by": by, "reason": reason})

    def lift_hold(self, tenant: TenantId, hold_id: str, *, by: str, reason: str) -> Row:
        """End a hold."""
        return self._change(tenant, f"/chain/holds/{quote(hold_id, safe='')}/release", {"by": by, "reason": reason})

    def expire(self, tenant: TenantId, *, is_dry_run: bool) -> Row:
        """End the logs whose retention is over, or say which would go."""
        return self._change(tenant, "/chain/expiry", {"is_dry_run": is_dry_run})

    def witnessed_log(self, tenant: TenantId) -> RemoteLog:
        """The tenant's newest log there.

        Raises:
            NotFound: nothing was published yet.
        """
        logs = self._get(tenant, "/chain/head")["logs"]
        if not logs or logs[-1]["checkpoint"] is None:
            raise NotFound("evidence log has no checkpoint yet", todo="Publish the log first")
        return RemoteLog(self, tenant, logs[-1]["origin"])

    def head(self, tenant: TenantId) -> RemoteHead:
        """What the tenant's newest log last published."""
        log = self._get(tenant, "/chain/head")["logs"][-1]
        return RemoteHead(log["origin"], log["size"], log["checkpoint"])

    def consistency(self, tenant: TenantId, origin: str, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove the log of one size to begin with that of the other."""
        query = urlencode({"origin": origin, "old": old_size, "new": new_size})
        found = self._get(tenant, f"/chain/consistency-proof?{query}")
        paths = (tuple(map(bytes.fromhex, found[name])) for name in ("path_sha256", "path_sha3_256"))
        return Twin(*(ConsistencyProof(old_size, new_size, path) for path in paths))

    def cosign(self, tenant: TenantId, origin: str, cosigned: str, cosigners: list[Json]) -> None:
        """Keep and publish cosignatures there."""
        body: dict[str, Json] = {"origin": origin, "checkpoint": cosigned, "cosigners": cosigners}
        self._change(tenant, "/chain/cosignatures", body)


@dataclass(frozen=True, slots=True)
class RemoteHead:
    """What a log there last published."""

    origin: str
    size: int
    checkpoint: str


class RemoteLog:
    """A log there that can be cosigned (`chain.witness.publishing.WitnessedLog`)."""

    def __init__(self, logs: RemoteLogs, tenant: TenantId, origin: str) -> None:
        self._logs = logs
        self._tenant = tenant
        self.origin = origin

    def head(self) -> RemoteHead:
        """What was last published."""
        return self._logs.head(self._tenant)

    def consistency_proof(self, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove that the log of one size begins with that of the other."""
        return self._logs.consistency(self._tenant, self.origin, old_size, new_size)

    def add_cosignatures(self, cosigned: str, cosigners: Sequence[CosignerKey]) -> RemoteHead:
        """Keep and publish cosignatures of the published checkpoint."""
        self._logs.cosign(self._tenant, self.origin, cosigned, [key.text for key in cosigners])
        return self.head()
