"""Every definition that runs: our packs, and Microsoft's where the recorded data is present."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from benchmarks.engine.estate import RECORDED
from domain.resource import Provider
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.corpus import import_definitions
from policy.pack import load_pack


def runnable() -> tuple[Program, ...]:
    """Compiled and enabled programs, in order of id."""
    aliases = AliasTable.builtin()
    programs = [compile_definition(policy.definition, aliases) for policy in load_pack()]
    definitions = RECORDED / "policy" / "azure_policy_definitions.ndjson.gz"
    if definitions.is_file():
        aliases = aliases.with_files([RECORDED / "policy" / "azure_aliases.ndjson.gz"])
        programs += import_definitions(definitions, aliases).programs
    return tuple(sorted((each for each in programs if each.is_enabled), key=lambda program: program.policy_id))


def some(programs: Sequence[Program], count: int) -> tuple[Program, ...]:
    """An even choice of those that judge Azure resources by themselves, which parts of an estate can run."""
    alone = [each for each in programs if Provider.AZURE in each.clouds and each.existence is None]
    return tuple(Random(1).sample(alone, min(count, len(alone))))
