"""Documents of a tenant's resources as they are shown: those of its store, and over them what it does not have yet."""

from __future__ import annotations

from collections.abc import Sequence

from actors.shards.access import Access
from actors.shards.ahead import Ahead
from domain.resource import ConfigurationItem, resource_key


class ShownDocuments:
    """Safe for several threads."""

    def __init__(self, access: Access, ahead: Ahead) -> None:
        self._access, self._ahead = access, ahead

    def all(self) -> dict[str, ConfigurationItem]:
        """The latest state of every resource, by `resource_key`."""
        ahead = self._ahead.items()  # first: what is written meanwhile is in both
        with self._access.at_store:
            found = {resource_key(item.uid): item for item in self._access.store().items()}
        found.update({key: item for key, item in ahead.items() if item is not None})
        for key in [key for key, item in ahead.items() if item is None]:
            found.pop(key, None)
        return found

    def some(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """The latest state of some resources; those that are not here are left out."""
        shown = {resource_key(uid): item for uid in uids for is_here, item in (self._ahead.item(uid),) if is_here}
        others = [uid for uid in uids if resource_key(uid) not in shown]
        with self._access.at_store:
            found = self._access.store().documents(others) if others else ()
        ahead = [item for item in shown.values() if item is not None]
        return tuple(sorted([*found, *ahead], key=lambda item: resource_key(item.uid))) if ahead else found
