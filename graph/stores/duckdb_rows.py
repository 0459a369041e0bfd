"""Configuration items as rows of the embedded store, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from domain.errors import IntegrityError
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.stores.bodies import ITEMS_MAX, Block, Body, blocks
from graph.stores.instants import NEVER_US, instant_from_us, instants_us
from graph.stores.merge import NewVersion

ITEM_COLUMNS = "uid, provider, type, name, scope, region, captured_at, digest, file, line, synthetic, block, slot"


def block_table(versions: Sequence[NewVersion], first_block: int) -> pa.Table:
    """The documents of new versions, in the order of the versions."""
    made: list[Block] = list(blocks([version.item for version in versions]))
    return pa.table(
        {
            "block": pa.array(range(first_block, first_block + len(made)), pa.int64()),
            "plain": pa.array([block.is_plain for block in made], pa.bool_()),
            "size": pa.array([block.size_bytes for block in made], pa.int64()),
            "body": pa.array([block.body for block in made], pa.binary()),
        }
    )


def version_table(
    versions: Sequence[NewVersion], numbers: Sequence[int], *, first_block: int, written: Sequence[int], latest: bool
) -> pa.Table:
    """New versions as rows of `versions`, with their numbers and the store's versions that they came with."""
    items = [version.item for version in versions]
    places = np.arange(len(items))
    text = pa.string()
    since_us = instants_us([version.valid_from for version in versions])
    seen_us = instants_us([version.seen_at for version in versions])
    captured_us = instants_us([item.captured_at for item in items])
    origins = [item.origin for item in items]
    return pa.table(
        {
            "number": pa.array(numbers, pa.int64()),
            "key": pa.array([version.key for version in versions], text),
            "uid": pa.array([item.uid for item in items], text),
            "provider": pa.array([item.provider for item in items], text),
            "type": pa.array([item.type for item in items], text),
            "name": pa.array([item.name for item in items], text),
            "scope": pa.array([item.scope for item in items], text),
            "region": pa.array([item.region for item in items], text),
            "valid_from": since_us,
            "captured_at": pa.array(captured_us, mask=captured_us == NEVER_US),
            "digest": pa.array([item.digest for item in items], text),
            "fingerprint": pa.array([version.fingerprint for version in versions], text),
            "file": pa.array([origin.file for origin in origins], text),
            "line": pa.array([origin.line for origin in origins], pa.int64()),
            "synthetic": pa.array([item.synthetic for item in items], pa.bool_()),
            "retired": pa.array([version.is_retired for version in versions], pa.bool_()),
            "block": first_block + places // ITEMS_MAX,
            "slot": (places % ITEMS_MAX).astype(np.int32),
            "seen_at": np.where(seen_us == NEVER_US, since_us, seen_us),
            "told": pa.array([version.is_told for version in versions], pa.bool_()),
            "written": pa.array(written, pa.int64()),
            "latest": np.full(len(items), latest),
        }
    )


def items_from(
    rows: Mapping[str, Sequence[Any]], entries: Mapping[int, list[Body]], tenant: TenantId
) -> list[ConfigurationItem]:
    """The items of rows with `ITEM_COLUMNS`, documents taken from their blocks."""
    places = zip(rows["uid"], rows["block"], rows["slot"], strict=True)
    found = [_body(entries, uid, block, slot) for uid, block, slot in places]
    providers = {name: Provider(name) for name in set(rows["provider"])}
    return [
        ConfigurationItem(
            tenant=tenant,
            uid=ResourceId(uid),
            provider=providers[provider],
            type=type_,
            name=name,
            scope=scope,
            region=region,
            tags=body.tags,
            properties=body.properties,
            captured_at=None if captured_at is None else instant_from_us(captured_at),
            digest=digest,
            origin=Origin(file, line),
            unread=body.unread,
            synthetic=synthetic,
        )
        for body, uid, provider, type_, name, scope, region, captured_at, digest, file, line, synthetic in zip(
            found, *(rows[name] for name in ITEM_COLUMNS.split(", ")[:-2]), strict=True
        )
    ]


def _body(entries: Mapping[int, list[Body]], uid: str, block: int, slot: int) -> Body:
    try:
        return entries[block][slot]
    except LookupError:
        raise IntegrityError("a stored document is missing", uid=uid, block=block, slot=slot) from None
