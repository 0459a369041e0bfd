"""What the readers of baselines share: declarations made clean, and the digest of what is declared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from connectors.observation import Document
from connectors.redaction import clean
from domain.drift import Baseline, BaselineSource, Declared
from domain.inventory import Gap
from domain.resource import Provider
from domain.value import Json


def baseline(
    name: str,
    source: BaselineSource,
    resources: Iterable[Declared],
    *,
    declared_at: datetime | None = None,
    gaps: Iterable[Gap] = (),
) -> Baseline:
    """A baseline of declarations, without secrets."""
    cleaned = tuple(map(_cleaned, _with_scopes(resources)))
    return Baseline(name, source, digest_of(cleaned), declared_at, cleaned, tuple(gaps))


def _with_scopes(resources: Iterable[Declared]) -> list[Declared]:
    """Where every id that names an account names one, the ids that name none, such as a bucket's, are in it."""
    found = list(resources)
    scopes = {each.scope for each in found if each.scope and each.provider is Provider.AWS}
    if len(scopes) != 1:
        return found
    scope = next(iter(scopes))
    return [each if each.scope or each.provider is not Provider.AWS else replace(each, scope=scope) for each in found]


def digest_of(resources: Iterable[Declared]) -> str:
    """SHA-256, hexadecimal, of what is declared, in order of address."""
    rows = sorted((as_row(each) for each in resources), key=lambda row: (str(row["address"]), str(row["uid"])))
    return hashlib.sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()


def as_row(declared: Declared) -> dict[str, Json]:
    """A declaration as JSON, without what is empty."""
    row: dict[str, Json] = {
        "address": declared.address,
        "uid": declared.uid,
        "provider": declared.provider.value,
        "type": declared.type,
        "name": declared.name,
        "scope": declared.scope,
        "region": declared.region,
        "properties": dict(declared.properties),
        "loose": dict(declared.loose),
        "unread": list(declared.unread),
        "is_whole": declared.is_whole,
        "is_aspect": declared.is_aspect,
    }
    if declared.tags is not None:
        row["tags"] = dict(declared.tags)
    kept = {"address", "uid", "provider", "type", "name", "tags"}
    return {key: value for key, value in row.items() if value or key in kept}


def from_row(row: Mapping[str, Any]) -> Declared:
    """The declaration that `as_row` wrote."""
    return Declared(
        address=row["address"],
        uid=row["uid"],
        provider=Provider(row["provider"]),
        type=row["type"],
        name=row["name"],
        scope=row.get("scope", ""),
        region=row.get("region", ""),
        properties=row.get("properties", {}),
        loose=row.get("loose", {}),
        tags=row.get("tags"),
        is_whole=row.get("is_whole", False),
        unread=tuple(row.get("unread", ())),
        is_aspect=row.get("is_aspect", False),
    )


def _cleaned(declared: Declared) -> Declared:
    """Secrets leave a declaration as they leave an observation: what is removed on both sides is not compared."""
    properties = _copy(declared.properties)
    loose = _copy(declared.loose)
    clean(properties)
    clean(loose)
    tags = None
    if declared.tags is not None:
        pairs: Document = dict(declared.tags)
        clean(pairs)
        tags = {key: str(value) for key, value in pairs.items()}
    return replace(declared, properties=properties, loose=loose, tags=tags)


def _copy(document: Mapping[str, Json]) -> Document:
    """A deep copy: cleaning changes in place, and aspects share parts of what they were made from."""
    copied: Document = orjson.loads(orjson.dumps(dict(document)))
    return copied
