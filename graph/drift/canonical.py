"""One resource's document in the form in which two shapes of it can be compared.

Keys are folded, what the provider computes is gone, arrays that are maps are maps. Plain values stay as they were
written, so that a reader sees them so; `graph.drift.compare` decides which are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from domain.value import MISSING, UNREAD, Absent, Json
from graph.drift.rules import How, TypeRules, fold
from graph.drift.values import duration, is_removed, policy, scalar, size

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | Absent | None"
"""A document; `MISSING` is said not to be set, `UNREAD` is not known."""


@dataclass(slots=True)
class Canonicaliser:
    """Brings documents of one type into form.

    Args:
        keeps_empty: an attribute that is written as null or empty is stated to be so.
        names: how each path is spelt, as far as documents were seen.
    """

    rules: TypeRules
    keeps_empty: bool = False
    names: dict[str, str] = field(default_factory=dict)

    def document(self, document: Mapping[str, Json]) -> dict[str, Tree]:
        """A whole document."""
        return self._object(document, "")

    def _object(self, value: Mapping[str, Json], path: str) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for key, each in value.items():
            if key.startswith("@"):
                continue  # what a format says of the object, such as `@type` and `@odata.id`
            folded = fold(key)
            at = f"{path}.{folded}" if path else folded
            other = self.rules.at(at).get(How.SAME_AS)
            if isinstance(other, str):
                folded = other
                at = f"{path}.{folded}" if path else folded
            elif folded in found:
                continue
            self.names.setdefault(at, key)
            tree = self._value(each, at)
            if tree is not MISSING or (self.keeps_empty and How.COMPUTED not in self.rules.at(at)):
                found[folded] = tree
        return found

    def _value(self, value: Json, path: str) -> Tree:
        said = self.rules.at(path)
        if How.COMPUTED in said:
            return MISSING
        if is_removed(value):
            return UNREAD
        tree = self._special(value, said, path)
        return MISSING if tree is None or tree in ("", [], {}) else tree

    def _special(self, value: Json, said: Mapping[How, Json], path: str) -> Tree:
        if How.POLICY in said:
            return _tree(policy(value))
        if How.ONE in said and isinstance(value, list) and len(value) == 1:
            value = value[0]
        inner = said.get(How.INNER)
        if isinstance(inner, str) and isinstance(value, dict):
            value = next((each for key, each in value.items() if fold(key) == inner), value)
        wrapped = said.get(How.WRAP)
        if isinstance(wrapped, str) and isinstance(value, list):
            value = [each if isinstance(each, dict) else {wrapped: each} for each in value]
        if How.SPREAD in said and isinstance(value, list):
            return self._spread(value, said, path)
        if How.PAIRS in said and isinstance(value, list):
            return self._pairs(value, said[How.PAIRS], path)
        if How.KEYED in said and isinstance(value, list):
            return self._keyed(value, str(said[How.KEYED]), path)
        if How.MAP in said and isinstance(value, dict):
            return {key: self._named(each, f"{path}.{fold(key)}") for key, each in value.items()}
        return self._plain(value, path)

    def _plain(self, value: Json, path: str) -> Tree:
        if isinstance(value, dict):
            return self._object(value, path)
        if isinstance(value, list):
            members = (self._value(each, path) for each in value)
            return [each for each in members if each is not MISSING]
        return value

    def _spread(self, value: list[Json], said: Mapping[How, Json], path: str) -> Tree:
        """One object for each member of the arrays; one alone where all of them are empty."""
        names = str(said[How.SPREAD]).split()
        found: list[Tree] = []
        for each in value:
            if not isinstance(each, dict):
                return self._plain(value, path)
            whole = self._object(each, path)
            _drop(whole, said.get(How.DROP))
            rest = {key: member for key, member in whole.items() if key not in names and member is not MISSING}
            members = [(name, one) for name in names for one in _members(whole.get(name, MISSING))]
            found.extend({**rest, name: one} for name, one in members)
            if not members:
                found.append(dict(rest))
        return found

    def _named(self, value: Json, path: str) -> Tree:
        """A member of a map: empty text is a value there."""
        return UNREAD if is_removed(value) else self._plain(value, path)

    def _pairs(self, value: list[Json], named: Json, path: str) -> Tree:
        key_name, value_name = str(named).split()
        found: dict[str, Tree] = {}
        for each in value:
            folded = {fold(key): member for key, member in each.items()} if isinstance(each, dict) else {}
            key = folded.get(key_name)
            if not isinstance(key, str):
                return self._plain(value, path)
            found[key] = self._named(folded.get(value_name), path)
        return found

    def _keyed(self, value: list[Json], key_name: str, path: str) -> Tree:
        found: dict[str, Tree] = {}
        for each in value:
            if not isinstance(each, dict):
                return self._plain(value, path)
            key = next((member for name, member in each.items() if fold(name) == key_name), None)
            if not isinstance(key, str | int) or str(key).casefold() in found:
                return self._plain(value, path)
            found[str(key).casefold()] = self._object(each, path)
        return found


def _drop(tree: dict[str, Tree], said: Json) -> None:
    """Leave out members that mean nothing beside the value of another, as ports beside all protocols."""
    if isinstance(said, dict) and str(tree.get(str(said["beside"]))) in str(said["values"]).split():
        for name in str(said["members"]).split():
            tree.pop(name, None)


def _members(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []


def is_default(tree: Tree, said: Mapping[How, Json], *, is_caseless: bool) -> bool:
    """Whether a value says what holds where nothing is said."""
    if How.DEFAULT not in said:
        return False
    default = normal(_tree(said[How.DEFAULT]), said, is_caseless=is_caseless)
    here = normal(tree[0] if isinstance(tree, list) and len(tree) == 1 else tree, said, is_caseless=is_caseless)
    return here == default and isinstance(here, bool) is isinstance(default, bool)


def normal(tree: Tree, said: Mapping[How, Json], *, is_caseless: bool) -> Tree:
    """A plain value in the form in which equal ones are equal, by what is said of its path."""
    if isinstance(tree, dict | list | Absent) or tree is None:
        return tree
    words = said.get(How.ALIAS)
    if isinstance(words, dict):
        tree = _tree(words.get(str(tree).lower(), _json(tree)))
    if How.SIZE in said:
        return _tree(size(_json(tree)))
    if How.DURATION in said:
        return _tree(duration(_json(tree)))
    folds = How.CASELESS in said or (is_caseless and How.CASED not in said)
    return _tree(scalar(_json(tree), is_caseless=folds))


def _tree(value: Json) -> Tree:
    """JSON is a tree; the type checker cannot see that lists of the one are lists of the other."""
    return value  # type: ignore[return-value]


def _json(tree: Tree) -> Json:
    return tree  # type: ignore[return-value]


def as_json(tree: Tree, names: Mapping[str, str], path: str) -> Json | Absent:
    """A tree for readers: keys as they were spelt, without members that are not set or not known."""
    if isinstance(tree, dict):
        return {
            names.get(f"{path}.{key}", key): found
            for key, each in tree.items()
            if not isinstance(found := as_json(each, names, f"{path}.{key}"), Absent)
        }
    if isinstance(tree, list):
        return [found for each in tree if not isinstance(found := as_json(each, names, path), Absent)]
    return tree
