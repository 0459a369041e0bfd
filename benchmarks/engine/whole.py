"""End to end: read, columnise and judge an estate by every definition, again, and after one change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.engine.estate import AS_OF, Templates, read, write
from benchmarks.engine.index import ProgramIndex
from benchmarks.engine.timing import timed
from benchmarks.report import Row
from domain.resource import ConfigurationItem, Provider
from graph.columns import Table
from graph.shred import shred
from policy.compile import Program
from policy.evaluate import UNCOLLECTED, Lookups, Related, evaluate

REPEATS, SAMPLED = 5, 300
COLUMNISE_US_MAX, RESOURCE_MS_MAX = 40.0, 5.0
Items = Mapping[str, Sequence[ConfigurationItem]]


def measure_whole(folder: Path, programs: Sequence[Program], *, resources: int) -> list[Row]:
    """Cold, warm, and one changed resource."""
    path = folder / "estate.ndjson"
    write(Templates().made(resources), path)
    items, read_s = timed(lambda: read(path))
    by_type, index = grouped(items), ProgramIndex.of(programs)
    tables, shred_s = timed(lambda: columnised(by_type, index))
    lookups = Lookups()
    pairs, first_s = timed(lambda: judged(tables, index, lookups))
    again_s = median(timed(lambda: judged(tables, index, lookups))[1] for _ in range(REPEATS))
    each_us = 1e6 * shred_s / len(items)
    cold_s = read_s + shred_s + first_s
    return [
        Row("resources", len(items), "resources"),
        Row("definitions that run", len(programs), "definitions"),
        Row("evaluations", pairs, "pairs"),
        Row("read and normalise", read_s, "CPU s"),
        Row(
            "columnise", each_us, "CPU us/resource", "", None, f"<= {COLUMNISE_US_MAX} us", each_us <= COLUMNISE_US_MAX
        ),
        Row("evaluate, first", first_s, "CPU s"),
        Row("cold: read, columnise, evaluate", cold_s, "CPU s"),
        Row("warm: evaluate again", again_s, "CPU s"),
        Row("evaluations, warm", pairs / again_s, "evaluations/s"),
        *_changed_resource(items, index),
    ]


def grouped(items: Sequence[ConfigurationItem]) -> Items:
    """Items by lower-case type."""
    found: dict[str, list[ConfigurationItem]] = {}
    for item in items:
        found.setdefault(item.type.lower(), []).append(item)
    return found


def columnised(by_type: Items, index: ProgramIndex) -> dict[str, Table]:
    """A table per type, of the paths that its policies read."""
    return {kind: shred(items, index.paths(kind, Provider.AZURE)) for kind, items in by_type.items()}


def judged(tables: Mapping[str, Table], index: ProgramIndex, lookups: Lookups) -> int:
    """Every policy of every type; how many pairs that were."""
    pairs = 0
    for kind, table in tables.items():
        for program in index.judging(kind, Provider.AZURE):
            related = UNCOLLECTED
            if program.existence is not None and program.existence.type in tables:
                related = Related((tables[program.existence.type],), is_read=True)
            evaluate(program, table, now=AS_OF, lookups=lookups, related=related)
            pairs += table.size
    return pairs


def _changed_resource(items: Sequence[ConfigurationItem], index: ProgramIndex) -> list[Row]:
    """One resource, columnised and judged alone."""
    sample = Random(2).sample(list(items), min(SAMPLED, len(items)))
    times = sorted(1e3 * timed(partial(_judged_alone, item, index))[1] for item in sample)
    policies = [len(index.judging(item.type, item.provider)) for item in sample]
    middle, most = median(times), times[-1]
    aim = f"<= {RESOURCE_MS_MAX} ms"
    return [
        Row(
            f"one changed resource, median of {median(policies):.0f} policies",
            middle,
            "CPU ms",
            "",
            None,
            aim,
            middle <= RESOURCE_MS_MAX,
        ),
        Row(
            f"one changed resource, slowest, up to {max(policies)} policies",
            most,
            "CPU ms",
            "",
            None,
            aim,
            most <= RESOURCE_MS_MAX,
        ),
    ]


def _judged_alone(item: ConfigurationItem, index: ProgramIndex) -> int:
    return judged(columnised(grouped([item]), index), index, Lookups())
