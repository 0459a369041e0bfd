"""Two documents of one resource, attribute by attribute.

What is declared is compared; what nobody declared is not, except in maps and arrays, which are declared as a whole,
and in approved snapshots, where everything is. Arrays are compared without order where no rule says otherwise, and
elements of objects are matched so that as many as possible fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from domain.drift import AttributeDrift
from domain.value import MISSING, UNREAD, Absent, Json
from graph.drift.canonical import Canonicaliser, Tree, as_json, is_default, normal
from graph.drift.rules import How, TypeRules, fold
from graph.drift.values import same_reference

MATCHED_MAX: Final = 256
"""Elements of one array that are matched by what they declare; in a longer rest, elements must be equal."""

_WHOLE: Final = frozenset({How.MAP, How.PAIRS, How.KEYED})


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one comparison came to.

    Args:
        uncompared: declared attributes of which one side is not known.
        compared: declared attributes that were compared.
    """

    drifts: tuple[AttributeDrift, ...]
    uncompared: int
    compared: int


def compare_documents(
    declared: Mapping[str, Json],
    observed: Mapping[str, Json],
    rules: TypeRules,
    *,
    is_whole: bool = False,
    is_part: bool = False,
    unread: frozenset[str] = frozenset(),
    unread_before: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare a declared document with an observed one.

    Args:
        is_whole: what is not declared is declared not to be set.
        is_part: arrays hold what must be there, and not all that may be.
        unread: folded first segments that the observation does not know, ``*`` for all that are not there.
        unread_before: the same of a declaration that was observed.
    """
    observer = Canonicaliser(rules)
    declarer = Canonicaliser(rules, keeps_empty=not is_whole, names=observer.names)
    actual, expected = observer.document(observed), declarer.document(declared)
    walk = _Walk(rules, observer.names, is_part=is_part)
    for key in expected.keys() | (actual.keys() if is_whole else set()):
        is_unknown = key not in actual and (key in unread or "*" in unread)
        was_unknown = key not in expected and (key in unread_before or "*" in unread_before)
        if is_unknown or was_unknown:
            walk.uncompared += 1
        else:
            walk.pair(expected.get(key, MISSING), actual.get(key, MISSING), _At(key, is_whole=is_whole))
    return Comparison(tuple(sorted(walk.drifts, key=lambda each: each.path)), walk.uncompared, walk.compared)


def compare_loosely(declared: Mapping[str, Json], observed: Mapping[str, Json], rules: TypeRules) -> Comparison:
    """Compare only what both have under like names, as plain values or arrays of them."""
    known = {fold(key): value for key, value in observed.items() if _is_plain(value)}
    shared = {key: value for key, value in declared.items() if _is_plain(value) and fold(key) in known}
    return compare_documents(shared, observed, rules)


def _is_plain(value: Json) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float) and value != ""


def compare_tags(
    declared: Mapping[str, str], observed: Mapping[str, str], ignored: tuple[str, ...]
) -> list[AttributeDrift]:
    """Tags are declared as a whole, but for those that the provider and its tools set."""
    found = []
    for key in sorted(declared.keys() | observed.keys()):
        if key.startswith(ignored):
            continue
        expected: str | Absent = declared.get(key, MISSING)
        actual: str | Absent = observed.get(key, MISSING)
        if expected != actual and not _is_secret(expected, actual):
            found.append(AttributeDrift(f"tags.{key}", expected, actual))
    return found


def _is_secret(*values: str | Absent) -> bool:
    return any(isinstance(value, str) and value.startswith("[removed:") for value in values)


@dataclass(frozen=True, slots=True)
class _At:
    """A place.

    Args:
        path: folded, for the rules.
        shown: what readers see of the members of maps on the way.
        is_whole: what is not declared here is declared not to be set.
        is_member: a member of the array or map that the path names.
    """

    path: str
    shown: tuple[str, ...] = ()
    is_whole: bool = False
    is_member: bool = False


@dataclass(slots=True)
class _Walk:
    """Goes through two trees side by side."""

    rules: TypeRules
    names: Mapping[str, str]
    is_part: bool = False
    drifts: list[AttributeDrift] = field(default_factory=list)
    uncompared: int = 0
    compared: int = 0

    def pair(self, expected: Tree, actual: Tree, at: _At) -> None:
        """Compare two trees at one place."""
        if expected is UNREAD or actual is UNREAD:
            self.uncompared += 1
            return
        expected, actual = _alike(expected, actual)
        if How.POLICY in self.rules.at(at.path):
            self._policies(expected, actual, at)
        elif (actual is MISSING and self._is_void(expected, at.path)) or (
            expected is MISSING and self._is_void(actual, at.path)
        ):
            self.compared += 1
        elif isinstance(expected, dict) and isinstance(actual, dict):
            self._objects(expected, actual, at)
        elif isinstance(expected, dict) and actual is MISSING:
            self._objects(expected, {}, at)
        elif expected is MISSING and isinstance(actual, dict) and at.is_whole:
            self._objects({}, actual, at)
        elif isinstance(expected, list) and isinstance(actual, list):
            self._arrays(expected, actual, at)
        else:
            self.compared += 1
            if not self._is_same(expected, actual, at.path):
                self._drift(at, expected, actual)

    def _policies(self, expected: Tree, actual: Tree, at: _At) -> None:
        """A policy is declared as a whole; what is told is the statements that only one of the two has."""
        self.compared += 1
        if _bytes(expected) == _bytes(actual):
            return
        if isinstance(expected, dict) and isinstance(actual, dict):
            left, right = _statements(expected), _statements(actual)
            here, there = {_bytes(each) for each in left}, {_bytes(each) for each in right}
            lacking = [each for each in left if _bytes(each) not in there]
            extra = [each for each in right if _bytes(each) not in here]
            if lacking or extra:
                expected, actual = lacking or MISSING, extra or MISSING
        self._drift(at, expected, actual)

    def _objects(self, expected: dict[str, Tree], actual: dict[str, Tree], at: _At) -> None:
        said = self.rules.at(at.path)
        is_map = not at.is_member and not _WHOLE.isdisjoint(said)
        is_whole = at.is_whole or is_map
        folds = is_map and How.KEYED not in said and self.rules.is_caseless
        if folds:
            expected, actual = _folded(expected), _folded(actual)
        for key in sorted(expected.keys() | (actual.keys() if is_whole else set())):
            inner = at.path if is_map and How.KEYED in said else f"{at.path}.{fold(key) if is_map else key}"
            shown = (*at.shown, f"[{key}]" if How.KEYED in said else f".{key}") if is_map else at.shown
            here = _At(inner, shown, at.is_whole, is_member=is_map and How.KEYED in said)
            if is_map and (key not in expected or key not in actual):
                self.compared += 1
                self._drift_unless_unread(here, expected.get(key, MISSING), actual.get(key, MISSING))
            else:
                self.pair(expected.get(key, MISSING), actual.get(key, MISSING), here)

    def _arrays(self, expected: list[Tree], actual: list[Tree], at: _At) -> None:
        self.compared += 1
        if UNREAD in expected or UNREAD in actual:
            self.uncompared += 1
            return
        if How.ORDERED in self.rules.at(at.path):
            same = len(expected) == len(actual) and all(
                self._fits(left, right, at) for left, right in zip(expected, actual, strict=True)
            )
            if not same:
                self._drift(at, expected, actual)
            return
        lacking, extra = self._unmatched(expected, actual, at)
        if self.is_part:
            extra = []
        if len(lacking) == len(extra) == 1 and isinstance(lacking[0], dict) and isinstance(extra[0], dict):
            self.pair(lacking[0], extra[0], replace(at, is_member=True))
        elif lacking or extra:
            self._drift(at, lacking or MISSING, extra or MISSING)

    def _unmatched(self, expected: list[Tree], actual: list[Tree], at: _At) -> tuple[list[Tree], list[Tree]]:
        """What is left of both when elements that fit are taken away in pairs, as many as possible."""
        rest: dict[bytes, list[Tree]] = {}
        for each in actual:
            rest.setdefault(self._key(each, at.path), []).append(each)
        lacking: list[Tree] = []
        for each in expected:
            equal = rest.get(self._key(each, at.path))
            if equal:
                equal.pop()
            elif not self._is_void(each, at.path):
                lacking.append(each)
        extra = [each for some in rest.values() for each in some]
        if not lacking or not extra or len(lacking) > MATCHED_MAX or len(extra) > MATCHED_MAX:
            return lacking, extra
        fits = [[right for right, there in enumerate(extra) if self._fits(here, there, at)] for here in lacking]
        taken = _matching(fits)
        matched = set(taken.values())
        return (
            [each for number, each in enumerate(lacking) if number not in matched],
            [each for number, each in enumerate(extra) if number not in taken],
        )

    def _fits(self, expected: Tree, actual: Tree, at: _At) -> bool:
        inner = replace(self, drifts=[], uncompared=0, compared=0)
        inner.pair(expected, actual, replace(at, is_member=True))
        return not inner.drifts

    def _is_void(self, tree: Tree, path: str) -> bool:
        """Whether nothing is said but that things are not set, or are what they are where nobody sets them."""
        if isinstance(tree, dict):
            return all(self._is_void(each, f"{path}.{key}") for key, each in tree.items())
        said = self.rules.at(path)
        if is_default(tree, said, is_caseless=self.rules.is_caseless):
            return True
        return all(self._is_void(each, path) for each in tree) if isinstance(tree, list) else tree is MISSING

    def _is_same(self, expected: Tree, actual: Tree, path: str) -> bool:
        said = self.rules.at(path)
        if How.REFERENCE in said and isinstance(expected, str) and isinstance(actual, str):
            return same_reference(expected, actual)
        is_caseless = self.rules.is_caseless
        left = normal(expected, said, is_caseless=is_caseless)
        right = normal(actual, said, is_caseless=is_caseless)
        if isinstance(left, bool) is not isinstance(right, bool):
            return False
        return left == right

    def _key(self, tree: Tree, path: str) -> bytes:
        return _bytes(self._normal_tree(tree, path))

    def _normal_tree(self, tree: Tree, path: str) -> Tree:
        if isinstance(tree, dict):
            parts = {
                key: self._normal_tree(each, f"{path}.{key}")
                for key, each in tree.items()
                if not self._is_void(each, f"{path}.{key}")
            }
            return dict(sorted(parts.items()))
        if isinstance(tree, list):
            return sorted((self._normal_tree(each, path) for each in tree), key=_bytes)
        return normal(tree, self.rules.at(path), is_caseless=self.rules.is_caseless)

    def _drift_unless_unread(self, at: _At, expected: Tree, actual: Tree) -> None:
        if UNREAD in (expected, actual):
            self.uncompared += 1
        else:
            self._drift(at, expected, actual)

    def _drift(self, at: _At, expected: Tree, actual: Tree) -> None:
        values = (as_json(each, self.names, at.path) for each in (expected, actual))
        self.drifts.append(AttributeDrift(self._shown(at), *values))

    def _shown(self, at: _At) -> str:
        """The path as the documents spell it, with the keys of maps in place."""
        parts, path = [], ""
        keys = list(at.shown)
        for segment in at.path.split("."):
            path = f"{path}.{segment}" if path else segment
            said = self.rules.at(path.rpartition(".")[0]) if path != segment else {}
            is_key = bool(keys) and not said.keys().isdisjoint({How.MAP, How.PAIRS})
            parts.append(keys.pop(0) if is_key else "." + self.names.get(path, segment))
            if keys and How.KEYED in self.rules.at(path):
                parts.append(keys.pop(0))
        return "".join(parts + keys).removeprefix(".")


def _statements(tree: dict[str, Tree]) -> list[Tree]:
    found = tree.get("statement", [])
    return found if isinstance(found, list) else [found]


def _alike(expected: Tree, actual: Tree) -> tuple[Tree, Tree]:
    """An array of one beside what is no array: some shapes have the one, some the other."""
    if isinstance(expected, list) and len(expected) == 1 and not isinstance(actual, list | Absent):
        return expected[0], actual
    if isinstance(actual, list) and len(actual) == 1 and not isinstance(expected, list | Absent):
        return expected, actual[0]
    return expected, actual


def _folded(tree: dict[str, Tree]) -> dict[str, Tree]:
    return {key.casefold(): each for key, each in tree.items()}


def _matching(fits: list[list[int]]) -> dict[int, int]:
    """A largest matching of left elements to right ones: right number to left number."""
    taken: dict[int, int] = {}

    def place(left: int, seen: set[int]) -> bool:
        for right in fits[left]:
            if right in seen:
                continue
            seen.add(right)
            if right not in taken or place(taken[right], seen):
                taken[right] = left
                return True
        return False

    for left in range(len(fits)):
        place(left, set())
    return taken


def _bytes(tree: Tree) -> bytes:
    found = as_json(tree, {}, "")
    return orjson.dumps(None if isinstance(found, Absent) else found, option=orjson.OPT_SORT_KEYS)
