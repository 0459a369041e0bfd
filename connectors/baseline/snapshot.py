"""An approved snapshot as a baseline: resources as they were seen, each declared as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from domain.drift import Declared
from domain.resource import ConfigurationItem


def read(items: Iterable[ConfigurationItem]) -> list[Declared]:
    """Every resource as it is, approved to stay so."""
    return [
        Declared(
            address=item.uid,
            uid=item.uid,
            provider=item.provider,
            type=item.type,
            name=item.name,
            scope=item.scope,
            region=item.region,
            properties=item.properties,
            tags=item.tags,
            is_whole=True,
            unread=item.unread,
        )
        for item in items
    ]
