"""Which item a string names: provider ids in all their spellings.

Decided here: an index over items, and how ids of children, short ids, links, addresses and relative names lead to
one of them. A string in the shape of an id that leads nowhere is dangling. Not decided here: what a reference
means (`graph.reference_rules`).

Source: ARM resource ids, ARNs and EC2 resource ids, Google Cloud relative and full resource names, as the
providers document them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from domain.resource import ConfigurationItem, Provider, resource_key

Named: TypeAlias = "int | tuple[int, ...] | None"
"""Row of the item; several where a short name is not unique; None where the string names nothing."""

DANGLING: Final = -1

_SHORT_PREFIXES = (
    "acl dopt eipalloc eni fl fs fsap i igw eigw lt nat pcx pl rtb sg snap subnet tgw vgw cgw vpn vol vpc vpce"
)
_SHORT = re.compile(rf"(?:{_SHORT_PREFIXES.replace(' ', '|')})-[0-9a-f]{{8,17}}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32}")
HEADS: Final = frozenset(
    ["/su", "/Su", "/SU", "/pr", "arn", "htt", "pro", "fol", "org", "ser", "ali"]
    + [f"//{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    + [f"{prefix}-"[:3] for prefix in _SHORT_PREFIXES.split() if prefix != "i"]
    + [f"i-{digit}" for digit in "0123456789abcdef"]
)
"""The first three characters of ids of any kind: asked of every string of every document before `resolve`."""

_AZURE_HOSTS = {
    "microsoft.keyvault/vaults": ("vault.azure.net",),
    "microsoft.keyvault/managedhsms": ("managedhsm.azure.net",),
    "microsoft.storage/storageaccounts": tuple(
        f"{part}.core.windows.net" for part in ("blob", "file", "queue", "table", "dfs")
    ),
    "microsoft.containerregistry/registries": ("azurecr.io",),
    "microsoft.web/sites": ("azurewebsites.net",),
}
_GOOGLE_CATALOGUES = frozenset(
    [
        "zones",
        "regions",
        "locations",
        "machinetypes",
        "disktypes",
        "acceleratortypes",
        "licenses",
        "versions",
        "images",
        "families",
    ]
)


class IdentifierIndex:
    """Rows of items by every spelling of their ids.

    Args:
        items: one per id; their order gives the rows.
    """

    def __init__(self, items: Sequence[ConfigurationItem]) -> None:
        self.keys: list[str] = []
        self._scopes: list[str] = [item.scope for item in items]
        self.spellings: dict[str, int | tuple[int, ...]] = {}
        self._resolved: dict[str, Named] = {}
        for row, item in enumerate(items):
            key = resource_key(item.uid)
            self.keys.append(key)
            self._add(key, row)
            if item.uid != key:
                self._add(item.uid, row)
            for spelling in _other_spellings(item, key):
                self._add(spelling, row)

    def resolve(self, text: str) -> Named:
        """The row or rows that `text` names, `DANGLING`, or None."""
        try:
            return self._resolved[text]
        except KeyError:
            named = self._resolved[text] = self._resolve(text)
            return named

    def nearest(self, named: tuple[int, ...], scope: str) -> int:
        """The one of several that is in `scope`, else `DANGLING`."""
        here = [row for row in named if self._scopes[row] == scope]
        return here[0] if len(here) == 1 else DANGLING

    def _add(self, spelling: str, row: int) -> None:
        before = self.spellings.setdefault(spelling, row)
        if before != row:
            rows = before if isinstance(before, tuple) else (before,)
            self.spellings[spelling] = rows if row in rows else (*rows, row)

    def _resolve(self, text: str) -> Named:
        found = self.spellings.get(text)
        if found is not None:
            return found
        for prefix, read in _READERS:
            if text.startswith(prefix):
                return read(self, text)
        return DANGLING if _SHORT.fullmatch(text) else None

    def _address(self, text: str) -> Named:
        """A member of a Google binding."""
        return self.spellings.get(text.partition(":")[2])

    def _arm(self, text: str) -> Named:
        """An ARM id, or the nearest ancestor that is an item: a rule lives in its gateway."""
        key = text.lower().rstrip("/")
        if "/providers/" not in key:
            return self.spellings.get(key)
        head = key
        while "/providers/" in head:
            found = self.spellings.get(head)
            if found is not None:
                return found
            head = head.rpartition("/")[0].rpartition("/")[0]
        return DANGLING if key.startswith("/subscriptions/") else None

    def _arn(self, text: str) -> Named:
        """An ARN; of its wildcard, qualifier or object the resource that has it."""
        if text.count(":") < 5:
            return None
        head = text
        while len(head) > 8 and head.count(":") >= 5:
            found = self.spellings.get(head)
            if found is not None:
                return found
            cut = max(head.rfind(":"), head.rfind("/"))
            head = head[:cut]
        is_ours = "*" not in text and ":aws:" not in text[4:] and text.rpartition(":")[2] not in {"", "root"}
        return DANGLING if is_ours else None

    def _link(self, text: str) -> Named:
        key = resource_key(text)
        found = self.spellings.get(key)
        if found is not None:
            return found
        if key.startswith("//"):
            return self._google(key[2:].partition("/")[2])
        host = text.removeprefix("https://").partition("/")[0].lower()
        return self.spellings.get(f"//{host}")

    def _google(self, text: str) -> Named:
        """A Google Cloud name; of a part without an item the nearest ancestor below the project."""
        relative = text[text.find("projects/") :] if "projects/" in text else text
        head = relative
        while head.count("/") >= 3:
            found = self.spellings.get(head)
            if found is not None:
                return found
            head = head.rpartition("/")[0].rpartition("/")[0]
        segments = relative.lower().split("/")
        if len(segments) < 4:
            return self.spellings.get(relative)
        return None if segments[-2] in _GOOGLE_CATALOGUES else DANGLING


_READERS: tuple[tuple[str, Callable[[IdentifierIndex, str], Named]], ...] = (
    ("arn:", IdentifierIndex._arn),
    ("https://", IdentifierIndex._link),
    ("//", IdentifierIndex._link),
    ("/", IdentifierIndex._arm),
    ("serviceAccount:", IdentifierIndex._address),
    ("projects/", IdentifierIndex._google),
    ("folders/", IdentifierIndex._google),
    ("organizations/", IdentifierIndex._google),
)


def _other_spellings(item: ConfigurationItem, key: str) -> list[str]:
    if item.provider is Provider.AWS:
        return _aws_spellings(item, key)
    if item.provider is Provider.GCP and key.startswith("//"):
        relative = key[2:].partition("/")[2]
        address = relative.rpartition("/")[2]
        return [relative, address] if "@" in address else [relative]
    hosts = _AZURE_HOSTS.get(item.type.lower(), ()) if item.provider is Provider.AZURE else ()
    return [f"//{item.name.lower()}.{host}" for host in hosts]


def _aws_spellings(item: ConfigurationItem, key: str) -> list[str]:
    tail = key[max(key.rfind(":"), key.rfind("/")) + 1 :]
    if _SHORT.fullmatch(tail) or _UUID.fullmatch(tail):
        return [tail]
    kind = item.type.lower()
    if kind == "aws::organizations::account":
        return [f"/accounts/{tail}"]
    if kind == "aws::kms::alias":
        return [f"alias/{key.partition(':alias/')[2]}"]
    return []
