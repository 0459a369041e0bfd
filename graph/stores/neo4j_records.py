"""Scans and imported definitions as nodes, and back."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
import pyarrow as pa

from domain.finding import PolicyId, Severity, Violation
from domain.resource import ResourceId
from domain.tenancy import TenantId
from graph.stores.bodies import encode
from graph.stores.contract import ScanRecord, StoredDefinition
from graph.stores.instants import us_from_instant
from graph.stores.neo4j_rows import Properties, node_id


def scan_row(tenant: TenantId, scan: ScanRecord) -> Properties:
    """A scan's node, but for its place among the others."""
    found = sorted((each.resource_id, each.policy_id, each.severity.value) for each in scan.violations)
    text = orjson.dumps(found)
    return {
        "id": node_id(tenant, scan.scan_id),
        "tenant": tenant,
        "scan": scan.scan_id,
        "finished": us_from_instant(scan.at),
        "summary": encode(scan.summary)[0].decode(),
        "violations": pa.Codec("zstd").compress(text, asbytes=True),
        "size": len(text),
    }


def violations_from(body: bytes, size_bytes: int) -> frozenset[Violation]:
    """What a scan found."""
    text = pa.Codec("zstd").decompress(bytes(body), decompressed_size=size_bytes, asbytes=True)
    return frozenset(
        Violation(ResourceId(resource), PolicyId(policy), Severity(severity))
        for resource, policy, severity in orjson.loads(text)
    )


def definition_rows(tenant: TenantId, definitions: Iterable[StoredDefinition]) -> list[Properties]:
    """Nodes of definitions."""
    return [
        {
            "id": node_id(tenant, each.policy_id),
            "tenant": tenant,
            "policy": each.policy_id,
            "document": encode(each.document)[0].decode(),
            "origin": each.origin,
            "state": each.state,
        }
        for each in definitions
    ]
