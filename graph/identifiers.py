"""Which item a string names: provider ids in all their spellings.

Decided here: an index over items, and how ids of children, short ids, links, addresses and relative names lead to
one of them. A string in the shape of an id that leads nowhere is dangling. Not decided here: what a reference
means (`graph.reference_rules`).

Source: ARM resource ids, ARNs and EC2 resource ids, Google Cloud relative and full resource names, as the
providers document them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeAlias

from domain.resource import Provider, resource_key
from graph.reference_rules import NAME_RULES

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


NAMED_TYPES: Final = frozenset(rule.target for rule in NAME_RULES)
"""Types that are referred to by their plain names."""


NAME_MARK: Final = "\0name\0"


class Identified(Protocol):
    """What decides under which spellings a resource is found: an item, or a row of a graph."""

    @property
    def uid(self) -> str: ...
    @property
    def provider(self) -> Provider: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def scope(self) -> str: ...


class Spellings(Protocol):
    """Rows by spelling; a dictionary is one."""

    def get(self, text: str, /) -> int | tuple[int, ...] | None:
        """The row that is spelled so; several where a short name is not unique."""

    def __contains__(self, text: object, /) -> bool: ...


class Directory(Protocol):
    """What a document is read against: which resource a string names, and what that resource is."""

    @property
    def spellings(self) -> Spellings:
        """Rows by every spelling of their ids."""

    def resolve(self, text: str) -> Named:
        """The row or rows that `text` names, `DANGLING`, or None."""

    def named(self, scope: str, kind: str, name: str) -> int | None:
        """The row of the resource of a lower-case type and name in a scope, for the types that are named so."""

    def key(self, row: int) -> str:
        """A row's id as `resource_key` writes it."""

    def kind(self, row: int) -> str:
        """A row's type in lower case."""

    def scope(self, row: int) -> str:
        """Where a row lives."""


class IdentifierIndex:
    """The directory of some items.

    Args:
        items: one per id; their order gives the rows.
    """

    def __init__(self, items: Iterable[Identified]) -> None:
        self.keys: list[str] = []
        self.kinds: list[str] = []
        self.scopes: list[str] = []
        self.spellings: dict[str, int | tuple[int, ...]] = {}
        self._names: dict[str, int] = {}
        self._resolved: dict[str, Named] = {}
        for row, item in enumerate(items):
            self._add_item(row, item)

    def resolve(self, text: str) -> Named:
        try:
            return self._resolved[text]
        except KeyError:
            named = self._resolved[text] = resolve(self.spellings, text)
            return named

    def named(self, scope: str, kind: str, name: str) -> int | None:
        return self._names.get(name_spelling(scope, kind, name))

    def key(self, row: int) -> str:
        return self.keys[row]

    def kind(self, row: int) -> str:
        return self.kinds[row]

    def scope(self, row: int) -> str:
        return self.scopes[row]

    def _add_item(self, row: int, item: Identified) -> None:
        key, kind = resource_key(item.uid), item.type.lower()
        self.keys.append(key)
        self.kinds.append(kind)
        self.scopes.append(item.scope)
        for spelling in spellings_of(item, key):
            self._add(spelling, row)
        if kind in NAMED_TYPES:
            name = name_spelling(item.scope, kind, item.name.lower())
            before = self._names.get(name)
            if before is None or self.keys[before] < key:
                self._names[name] = row

    def _add(self, spelling: str, row: int) -> None:
        before = self.spellings.setdefault(spelling, row)
        if before != row:
            rows = before if isinstance(before, tuple) else (before,)
            self.spellings[spelling] = rows if row in rows else (*rows, row)


def spellings_of(item: Identified, key: str) -> list[str]:
    """Every spelling that leads to an item.

    Args:
        key: its `resource_key`.
    """
    own = [key] if item.uid == key else [key, item.uid]
    return own + _other_spellings(item, key)


def name_spelling(scope: str, kind: str, name: str) -> str:
    """How a resource is filed by its plain name; no string of a document is looked up so."""
    return f"{NAME_MARK}{scope}\0{kind}\0{name}"


def resolve(spellings: Spellings, text: str) -> Named:
    """The row or rows that `text` names, `DANGLING`, or None; ids of children lead to the nearest parent."""
    found = spellings.get(text)
    if found is not None:
        return found
    for prefix, read in _READERS:
        if text.startswith(prefix):
            return read(spellings, text)
    return DANGLING if _SHORT.fullmatch(text) else None


def nearest(directory: Directory, named: tuple[int, ...], scope: str) -> int:
    """The one of several rows that is in `scope`, else `DANGLING`."""
    here = [row for row in named if directory.scope(row) == scope]
    return here[0] if len(here) == 1 else DANGLING


def _address(spellings: Spellings, text: str) -> Named:
    """A member of a Google binding."""
    return spellings.get(text.partition(":")[2])


def _arm(spellings: Spellings, text: str) -> Named:
    """An ARM id, or the nearest ancestor that is an item: a rule lives in its gateway."""
    key = text.lower().rstrip("/")
    if "/providers/" not in key:
        return spellings.get(key)
    head = key
    while "/providers/" in head:
        found = spellings.get(head)
        if found is not None:
            return found
        head = head.rpartition("/")[0].rpartition("/")[0]
    return DANGLING if key.startswith("/subscriptions/") else None


def _arn(spellings: Spellings, text: str) -> Named:
    """An ARN; of its wildcard, qualifier or object the resource that has it."""
    if text.count(":") < 5:
        return None
    head = text
    while len(head) > 8 and head.count(":") >= 5:
        found = spellings.get(head)
        if found is not None:
            return found
        cut = max(head.rfind(":"), head.rfind("/"))
        head = head[:cut]
    is_ours = "*" not in text and ":aws:" not in text[4:] and text.rpartition(":")[2] not in {"", "root"}
    return DANGLING if is_ours else None


def _link(spellings: Spellings, text: str) -> Named:
    key = resource_key(text)
    found = spellings.get(key)
    if found is not None:
        return found
    if key.startswith("//"):
        return _google(spellings, key[2:].partition("/")[2])
    host = text.removeprefix("https://").partition("/")[0].lower()
    return spellings.get(f"//{host}")


def _google(spellings: Spellings, text: str) -> Named:
    """A Google Cloud name; of a part without an item the nearest ancestor below the project."""
    relative = text[text.find("projects/") :] if "projects/" in text else text
    head = relative
    while head.count("/") >= 3:
        found = spellings.get(head)
        if found is not None:
            return found
        head = head.rpartition("/")[0].rpartition("/")[0]
    segments = relative.lower().split("/")
    if len(segments) < 4:
        return spellings.get(relative)
    return None if segments[-2] in _GOOGLE_CATALOGUES else DANGLING


_READERS: tuple[tuple[str, Callable[[Spellings, str], Named]], ...] = (
    ("arn:", _arn),
    ("https://", _link),
    ("//", _link),
    ("/", _arm),
    ("serviceAccount:", _address),
    ("projects/", _google),
    ("folders/", _google),
    ("organizations/", _google),
)


def _other_spellings(item: Identified, key: str) -> list[str]:
    if item.provider is Provider.AWS:
        return _aws_spellings(item, key)
    if item.provider is Provider.GCP and key.startswith("//"):
        relative = key[2:].partition("/")[2]
        address = relative.rpartition("/")[2]
        return [relative, address] if "@" in address else [relative]
    hosts = _AZURE_HOSTS.get(item.type.lower(), ()) if item.provider is Provider.AZURE else ()
    return [f"//{item.name.lower()}.{host}" for host in hosts]


def _aws_spellings(item: Identified, key: str) -> list[str]:
    tail = key[max(key.rfind(":"), key.rfind("/")) + 1 :]
    if _SHORT.fullmatch(tail) or _UUID.fullmatch(tail):
        return [tail]
    kind = item.type.lower()
    if kind == "aws::organizations::account":
        return [f"/accounts/{tail}"]
    if kind == "aws::kms::alias":
        return [f"alias/{key.partition(':alias/')[2]}"]
    return []
