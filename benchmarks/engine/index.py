"""Programs by what they look at, so that a benchmark asks of each type those that judge it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.resource import Provider
from graph.path import fold
from policy.compile import Program


@dataclass(frozen=True, slots=True, eq=False)
class ProgramIndex:
    """Enabled programs by what they look at; each tuple in the order given.

    Args:
        by_type: programs that name their types, by folded type.
        of_any: programs that may concern every type.
        by_related: programs with an existence condition, by the folded type it looks for.
    """

    by_type: Mapping[str, tuple[Program, ...]]
    of_any: tuple[Program, ...]
    by_related: Mapping[str, tuple[Program, ...]]

    @staticmethod
    def of(programs: Iterable[Program]) -> ProgramIndex:
        """File programs; those that are not to be assessed are left out."""
        by_type: dict[str, list[Program]] = {}
        by_related: dict[str, list[Program]] = {}
        of_any: list[Program] = []
        for program in programs:
            if not program.is_enabled:
                continue
            if program.types is None:
                of_any.append(program)
            for kind in program.types or ():
                by_type.setdefault(kind, []).append(program)
            if program.existence is not None:
                by_related.setdefault(program.existence.type, []).append(program)
        return ProgramIndex(_frozen(by_type), tuple(of_any), _frozen(by_related))

    def judging(self, kind: str, provider: Provider) -> tuple[Program, ...]:
        """The programs that judge resources of a type."""
        found = (*self.by_type.get(fold(kind), ()), *self.of_any)
        return tuple(program for program in found if provider in program.clouds)

    def looking_for(self, kind: str) -> tuple[Program, ...]:
        """The programs whose existence condition resources of a type can satisfy."""
        return self.by_related.get(fold(kind), ())

    def paths(self, kind: str, provider: Provider) -> frozenset[str]:
        """The columns that all of these read of a type."""
        judging = (program.paths for program in self.judging(kind, provider))
        looking = (program.existence.paths for program in self.looking_for(kind) if program.existence is not None)
        return frozenset[str]().union(*judging, *looking)


def _frozen(found: Mapping[str, list[Program]]) -> dict[str, tuple[Program, ...]]:
    return {kind: tuple(programs) for kind, programs in found.items()}
