"""What names in a rule stand for: fields and aliases as paths, parameters and loop variables as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from domain.errors import InputError
from domain.value import Json
from graph.path import EACH, Path, fold, parse_path
from policy.aliases import AliasTable
from policy.errors import DefinitionError, InvalidDefinition, MissingAlias, UnsupportedDefinition
from policy.tree import OUTER, Expression

_SHOWN_MAX: Final = 300
_ITEM_FIELDS: Final = frozenset({"id", "name", "fullname", "type", "location"})


@dataclass(frozen=True, slots=True)
class Related:
    """That names stand for a related resource: its folded type, and those of what triggers (None for any)."""

    type: str
    outer_types: frozenset[str] | None


@dataclass(slots=True)
class Budget:
    """How many conditions of one rule were compiled, a count of values compiling its ``where`` for each."""

    spent: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """The names in force at one place of a rule.

    Args:
        parameters: values by folded name.
        context: what ``requestContext()``, ``resourceGroup()`` and ``subscription()`` answer, where it is known.
        absent: folded names of parameters whose value is not known.
        loops: arrays being counted, outermost first.
        current: values of ``current()`` by folded name; under ``""`` the innermost.
        related: set inside an existence condition.
        budget: what compiling the rule has cost so far.
        is_open: only the form of a rule is asked, so that parameters need no declaration.
    """

    aliases: AliasTable
    parameters: Mapping[str, Json]
    context: Mapping[str, Json]
    origin: str
    absent: frozenset[str] = frozenset()
    loops: tuple[Path, ...] = ()
    current: Mapping[str, Expression] = field(default_factory=dict)
    related: Related | None = None
    is_open: bool = False
    budget: Budget = field(default_factory=Budget)

    @property
    def own(self) -> str:
        """What stands before paths of the resource that the rule's ``if`` judges."""
        return "" if self.related is None else OUTER

    def marked(self, path: Path) -> str:
        """What stands before a path that ``field()`` reads.

        In an existence condition that is the triggering resource, except for an element being counted and for
        an alias that of the two only the related resource has.
        """
        if self.related is None or self.bound(path):
            return ""
        is_there = path.on(self.related.type) is not None and (path.owners is not None)
        outer = self.related.outer_types
        is_only_there = is_there and outer is not None and all(path.on(kind) is None for kind in outer)
        return "" if is_only_there else OUTER

    def counting(self, array: Path, alias: str, element: Expression) -> Names:
        """Inside a count of `array`."""
        current = {**self.current, fold(alias): element, "": element}
        return replace(self, loops=(*self.loops, array), current=current)

    def binding(self, name: str, value: Expression) -> Names:
        """Inside a value count, at one value."""
        return replace(self, current={**self.current, fold(name): value, "": value})

    def bound(self, path: Path) -> int:
        """How many leading segments of a path are bound by the counts around it."""
        lengths = [len(loop.segments) for loop in self.loops if _is_prefix(loop, path)]
        return max(lengths, default=0)

    def is_within(self, array: Path) -> bool:
        """Whether a count around here goes over elements of this array, or of arrays inside it."""
        return any(_is_prefix(array, loop) for loop in self.loops)

    def field_path(self, name: str, where: str) -> Path:
        """The path that a field name or alias stands for.

        Raises:
            MissingAlias: an alias that no table has.
            InvalidDefinition: not a readable name.
        """
        folded = fold(name.strip())
        if folded in _ITEM_FIELDS:
            return Path(None, (f"@{folded}",))
        if folded == "tags" or folded.startswith(("tags.", "tags[")):
            return _tag_path(folded)
        if "/" in folded.partition("[")[0] or "::" in folded:
            return self._alias_path(name, where)
        return self._literal_path(folded, where)

    def _alias_path(self, name: str, where: str) -> Path:
        found = self.aliases.find(name)
        if not found and self.aliases.is_literal:
            return self._literal_path(name, where)
        if not found:
            raise MissingAlias(
                "alias is in no alias table",
                where=self.origin,
                path=where,
                alias=name,
                todo="Add a table that has it with --aliases",
            )
        version = self._requested_version()
        first, *others = (Path(alias.owners, parse_path(alias.path_at(version)).segments) for alias in found)
        if others and EACH in first.segments:
            raise self.unsupported("alias of an array differs between types", where, alias=name)
        return Path(first.owners, first.segments, tuple(others))

    def _requested_version(self) -> Json:
        request = self.context.get("requestContext")
        return request.get("apiVersion") if isinstance(request, dict) else None

    def _literal_path(self, name: str, where: str) -> Path:
        try:
            return parse_path(name.replace('["', "['").replace('"]', "']"))
        except InputError as failure:
            raise self.invalid("field is not readable", where, **failure.facts) from None

    def invalid(self, summary: str, where: str, **facts: object) -> DefinitionError:
        """A broken rule, with the place."""
        facts.setdefault("todo", "Correct the definition")
        if len(repr(facts.get("got"))) > _SHOWN_MAX:
            facts["got"] = f"{repr(facts['got'])[:_SHOWN_MAX]}…"
        return InvalidDefinition(summary, where=self.origin, path=where, **facts)

    def unsupported(self, summary: str, where: str, **facts: object) -> DefinitionError:
        """A rule that needs more than this engine has, with the place."""
        todo = "This part of the language cannot run here"
        return UnsupportedDefinition(summary, where=self.origin, path=where, todo=todo, **facts)


def _tag_path(folded: str) -> Path:
    rest = folded.removeprefix("tags")
    if rest.startswith("."):
        return Path(None, ("@tags", rest[1:]))
    if rest.endswith("]"):
        return Path(None, ("@tags", rest[1:-1].strip("'\"")))
    return Path(None, ("@tags",))


def _is_prefix(loop: Path, path: Path) -> bool:
    return loop.owners == path.owners and path.segments[: len(loop.segments)] == loop.segments


def unbound_arrays(path: Path, bound: int) -> tuple[int, ...]:
    """Where ``[*]`` stands beyond the bound segments."""
    return tuple(at for at in path.arrays if at >= bound)


def array_of(path: Path, at: int) -> Path:
    """The array path whose ``[*]`` is the segment at `at`."""
    assert path.segments[at] == EACH
    return path.prefix(at + 1)
