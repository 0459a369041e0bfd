"""What two shapes of one resource may differ in without being different: the vocabulary of the provider tables.

A rule speaks of a path, written folded: lower-case letters and digits, dots between, array elements not counted, so
`IpPermissions[3].IpRanges` and `ip_permissions.ip_ranges` are `ippermissions.ipranges`. A path that begins with `*.`
is any place with that ending. The tables are `graph.drift.aws_rules`, `azure_rules` and `gcp_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from domain.value import Json

ANY_TYPE: Final = "*"


class How(StrEnum):
    """What a path is, where it is not a plain value.

    ``computed``: the provider sets it; never compared. ``default``: equal to `value` where it is not set.
    ``ordered``: an array whose order counts; elsewhere it does not. ``reference``: an id, short or long.
    ``policy``: a policy document, as JSON or text. ``caseless``, ``cased``: whether letters' case counts.
    ``map``: an object declared as a whole, so that keys nobody declared are drift. ``keyed``: an array of objects,
    found again by the member that `value` names. ``pairs``: an array of objects that is a map, with `value` naming
    key and value. ``size``, ``duration``: a quantity with a unit. ``same_as``: another name of the path in `value`.
    ``one``: an array of one object that other shapes have as the object. ``inner``: an object with one member, `value`,
    that other shapes have in place of the object; ``wrap``: a plain value stands for an object with that one member.
    ``alias``: other words for one value, as `value` maps them. ``spread``: an array of objects that says the same when
    each is split by the members of its arrays that `value` names; in ``drop``, members that mean nothing beside
    certain values of another.
    """

    COMPUTED = "computed"
    DEFAULT = "default"
    ORDERED = "ordered"
    REFERENCE = "reference"
    POLICY = "policy"
    CASELESS = "caseless"
    CASED = "cased"
    MAP = "map"
    KEYED = "keyed"
    PAIRS = "pairs"
    SIZE = "size"
    DURATION = "duration"
    SAME_AS = "same_as"
    ONE = "one"
    INNER = "inner"
    WRAP = "wrap"
    ALIAS = "alias"
    SPREAD = "spread"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a table."""

    path: str
    how: How
    value: Json = None


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """The table of one provider.

    Args:
        by_type: rules of each type, its name folded by `fold`; `ANY_TYPE` holds what is true of all.
        is_caseless: text is compared without case where no rule says otherwise.
        tag_prefixes: tags that the provider or its tools set by themselves.
        tells_tags: folded types whose own documents hold their tags; of others, none may mean that nobody asked.
            None where all do.
        made_by_provider: by type, what tells of a resource that the provider made: (path, pattern of its text).
    """

    by_type: Mapping[str, tuple[Rule, ...]]
    is_caseless: bool = False
    tag_prefixes: tuple[str, ...] = ()
    tells_tags: frozenset[str] | None = None
    made_by_provider: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules of one type, ready to be asked."""

    exact: Mapping[str, Mapping[How, Json]]
    endings: Mapping[str, Mapping[How, Json]]
    is_caseless: bool

    def at(self, path: str) -> Mapping[How, Json]:
        """What is said of a path; its own rules before those of its ending."""
        found = self.exact.get(path)
        if found is not None:
            return found
        return self.endings.get(path.rpartition(".")[2], _NOTHING)


_NOTHING: Final[Mapping[How, Json]] = {}
_OTHER: Final = re.compile(r"[^a-z0-9]")


@lru_cache(maxsize=65_536)
def fold(name: str) -> str:
    """The form in which `IpPermissions`, `ipPermissions` and `ip_permissions` are equal."""
    return _OTHER.sub("", name.casefold()) or name.casefold()


def type_rules(provider: ProviderRules, type_: str) -> TypeRules:
    """What a provider's table says of a type."""
    exact: dict[str, dict[How, Json]] = {}
    endings: dict[str, dict[How, Json]] = {}
    for rule in (*provider.by_type.get(ANY_TYPE, ()), *provider.by_type.get(fold(type_), ())):
        is_ending = rule.path.startswith("*.")
        place = (endings if is_ending else exact).setdefault(rule.path.removeprefix("*."), {})
        place[rule.how] = rule.value
    for path, own in exact.items():
        own.update({how: value for how, value in endings.get(path.rpartition(".")[2], {}).items() if how not in own})
    return TypeRules(exact, endings, provider.is_caseless)


def computed(*paths: str) -> tuple[Rule, ...]:
    """Rows for what the provider sets."""
    return tuple(Rule(path, How.COMPUTED) for path in paths)


def defaults(values: Mapping[str, Json]) -> tuple[Rule, ...]:
    """Rows for what the provider sets where nobody does."""
    return tuple(Rule(path, How.DEFAULT, value) for path, value in values.items())


def each(how: How, *paths: str) -> tuple[Rule, ...]:
    """Rows of one kind without a value."""
    return tuple(Rule(path, how) for path in paths)


def table(rows: Mapping[str, Iterable[Rule]]) -> dict[str, tuple[Rule, ...]]:
    """A table by the type's folded name."""
    return {type_ if type_ == ANY_TYPE else fold(type_): tuple(rules) for type_, rules in rows.items()}
