"""Which resource a declaration means: by id, by the short form of an id, by name, or, where it moved, by likeness."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from domain.drift import Declared
from domain.resource import ConfigurationItem, Provider, resource_key
from graph.drift.rules import fold
from graph.drift.values import reference_parts
from graph.snapshot import account_of

_TRAILERS: Final = (":*",)
"""What some calls write behind an id and others do not."""


def key_of(uid: str) -> str:
    """The form in which two ids of one resource are equal, whichever call wrote them."""
    key = resource_key(uid)
    for trailer in _TRAILERS:
        key = key.removesuffix(trailer)
    return key


_OWNERS: Final = {
    Provider.AWS: re.compile(r"^arn:[^:]*:[^:]*:[^:]*:(\d{12}):|^/accounts/(\d+)"),
    Provider.AZURE: re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE),
    Provider.GCP: re.compile(r"(?:^|/)projects/([^/]+)"),
}


def account_key(provider: Provider, uid: str, scope: str) -> tuple[Provider, str]:
    """The account, subscription or project of a resource: by its id, else by its scope; empty where neither says."""
    pattern = _OWNERS.get(provider)
    if pattern is None:
        return provider, account_of(scope)
    found = pattern.search(uid) or pattern.search(scope)
    return provider, (found[found.lastindex or 0].lower() if found else "")


def is_short(uid: str) -> bool:
    """Whether an id is only the last part of a resource's whole one."""
    return not uid.startswith(("arn:", "/"))


@dataclass(slots=True)
class ItemIndex:
    """Resources by everything that a declaration may know of them.

    Args:
        by_short: by type and the last segment of the id, where exactly one resource has it; None where several do.
    """

    by_key: dict[str, ConfigurationItem] = field(default_factory=dict)
    by_short: dict[tuple[str, str], str | None] = field(default_factory=dict)
    by_name: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    types: set[tuple[tuple[Provider, str], str]] = field(default_factory=set)
    """Folded types by account of which any resource was ever here."""

    @classmethod
    def of(cls, items: Iterable[ConfigurationItem]) -> ItemIndex:
        """An index of all of them."""
        index = cls()
        for item in items:
            index.add(item)
        return index

    def add(self, item: ConfigurationItem) -> None:
        """Know one more resource, or its new state."""
        key = key_of(item.uid)
        is_known = key in self.by_key
        self.by_key[key] = item
        self.types.add((account_key(item.provider, item.uid, item.scope), fold(item.type)))
        if is_known:
            return
        short = (fold(item.type), last_of(key))
        self.by_short[short] = None if short in self.by_short else key
        self.by_name.setdefault((fold(item.type), item.name.casefold()), []).append(key)

    def remove(self, uid: str) -> ConfigurationItem | None:
        """Forget a resource that is gone."""
        item = self.by_key.pop(key_of(uid), None)
        if item is not None:
            key = key_of(item.uid)
            short = (fold(item.type), last_of(key))
            if self.by_short.get(short) == key:
                del self.by_short[short]
            self.by_name[fold(item.type), item.name.casefold()].remove(key)
        return item

    def find(self, declared: Declared) -> ConfigurationItem | None:
        """The resource that a declaration means; None where there is none, or where it could be several."""
        if declared.uid:
            key = key_of(declared.uid)
            found = self.by_key.get(key)
            if found is not None:
                return found
            short = self.by_short.get((fold(declared.type), last_of(key)))
            if short is not None and (is_short(key) or is_short(short)):
                return self.by_key[short]
            return None
        return self._by_name(declared)

    def namesakes(self, declared: Declared) -> list[ConfigurationItem]:
        """Resources of the type and name that are elsewhere."""
        keys = self.by_name.get((fold(declared.type), declared.name.casefold()), [])
        return [self.by_key[key] for key in keys] if declared.name else []

    def _by_name(self, declared: Declared) -> ConfigurationItem | None:
        """A declaration without an id means the only one of its type and name within its scope."""
        found = [
            item
            for item in self.namesakes(declared)
            if (not declared.scope or item.scope.casefold() == declared.scope.casefold())
            and (not declared.region or not item.region or declared.region == item.region)
        ]
        return found[0] if len(found) == 1 else None


def last_of(key: str) -> str:
    """The last segment of an id."""
    parts = reference_parts(key)
    return parts[-1] if parts else key
