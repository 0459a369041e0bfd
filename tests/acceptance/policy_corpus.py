"""Microsoft's definitions on recorded Azure resources: `python -m tests.acceptance.policy_corpus DATA`.

States how many definitions of each class run, need parameters or cannot run and why; assigns declared sample values
where a parameter has none; then judges every recorded Azure resource by every program that runs, over columns and by
the interpreter, pair by pair. The exit status is the number of statements that did not hold.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assessment.beside import related_items
from assessment.evaluation import groups, selected
from assessment.inputs import AssessedPolicy, required_paths
from assessment.policies import assessed_policy
from connectors.files import read_inputs
from domain.finding import Verdict
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import tenant_id
from domain.value import MISSING, Json
from graph.build import build_snapshot
from graph.snapshot import Snapshot
from policy.aliases import AliasTable
from policy.compile import Program
from policy.corpus import ImportReport, PolicyClass, import_definitions
from policy.definition import Definition, parse_definition
from policy.errors import DefinitionError
from policy.evaluate import Lookups
from policy.interpret import violates
from policy.pack import load_pack
from policy.tree import Truth
from tests.acceptance.recorded_exports import Check

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
PER_RESOURCE_MIN, RELATED_MIN, RUNNABLE_MIN = 620, 1070, 900
SAMPLES: Mapping[str, Json] = json.loads(Path(__file__).with_name("sample_parameters.json").read_text())
"""Values for parameters without one, by name: one sample assignment of every definition."""

_VERDICTS = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}


def imported(data: Path) -> tuple[ImportReport, AliasTable]:
    """Microsoft's definitions, unmodified."""
    aliases = AliasTable.builtin().with_files([data / "policy" / "azure_aliases.ndjson.gz"])
    return import_definitions(data / "policy" / "azure_policy_definitions.ndjson.gz", aliases), aliases


def class_checks(report: ImportReport) -> Iterator[Check]:
    """How many definitions are what, and that each that does not run says why."""
    runnable = ("runs", "needs_parameters")
    for policy_class, least in (
        (PolicyClass.PER_RESOURCE, PER_RESOURCE_MIN),
        (PolicyClass.RELATED_RESOURCE, RELATED_MIN),
    ):
        states = Counter(row.state for row in report.rows if row.policy_class is policy_class)
        count = report.count(policy_class, *runnable)
        yield Check(
            f"{policy_class} definitions that compile", f">= {least}", f"{count} {dict(states)}", count >= least
        )
    silent = [row.id for row in report.rows if row.state != "runs" and not row.reason]
    yield Check("each other one has a reason", "all", str(silent), not silent)
    paperwork = report.count(PolicyClass.MANUAL, "runs") + report.count(PolicyClass.MANAGED_CONTROL, "runs")
    yield Check("paperwork that counts as monitored", "0", str(paperwork), paperwork == 0)
    total = len(load_pack()) + report.count(None, "runs")
    yield Check("definitions that run in all", f">= {RUNNABLE_MIN}", str(total), total >= RUNNABLE_MIN)


def sampled(report: ImportReport, aliases: AliasTable) -> tuple[list[AssessedPolicy], list[str]]:
    """Every definition that runs, or runs with the sample values; and why others that should do not."""
    found, refused = [], []
    for row in report.rows:
        if (
            row.policy_class not in {PolicyClass.PER_RESOURCE, PolicyClass.RELATED_RESOURCE}
            or row.state == "unsupported"
        ):
            continue
        try:
            definition = parse_definition(report.documents[row.id], origin=row.id)
            policy = assessed_policy(definition, aliases, source="imported", parameters=_samples(definition))
        except DefinitionError as failure:
            refused.append(f"{row.id}: {failure}")
            continue
        if policy.program is not None:
            found.append(policy)
        elif row.state == "needs_parameters":
            refused.append(f"{row.id}: {policy.reason}")
    return found, refused


def _samples(definition: Definition) -> dict[str, Json]:
    """Sample values of the parameters that have none; the first allowed one where the sample is not allowed."""
    found: dict[str, Json] = {}
    for parameter in definition.parameters.values():
        if parameter.default is not MISSING:
            continue
        sample = SAMPLES.get(parameter.name)
        if parameter.allowed and not isinstance(sample, list) and sample not in parameter.allowed:
            sample = parameter.allowed[0]
        if sample is not None:
            found[parameter.name] = sample
    return found


def sample_checks(report: ImportReport, policies: Sequence[AssessedPolicy], refused: Sequence[str]) -> Iterator[Check]:
    """That the sample assignments make every definition run that compiles."""
    runnable = report.count(None, "runs", "needs_parameters")
    got = "; ".join([str(len(policies)), *refused])
    yield Check("definitions that run with sample assignments", f">= {runnable}", got, not refused)


def pair_checks(data: Path, policies: Sequence[AssessedPolicy]) -> Iterator[Check]:
    """Every recorded Azure resource by every policy of its type: no error, and both evaluators agree."""
    files = [data / "inventory" / f"azure_{name}.ndjson.gz" for name in ("resources", "resource_graph_rows")]
    inventory = read_inputs([str(file) for file in files], tenant=tenant_id("demo")).inventory
    items = sorted(inventory.items, key=lambda item: resource_key(item.uid))
    paths = required_paths(policies, items)
    snapshot = build_snapshot(tenant_id("demo"), items, as_of=AS_OF, paths_by_type=paths)
    counts, differing = Counter[Verdict](), []
    by_type, lookups = groups(snapshot, np.ones(len(snapshot), dtype=bool)), Lookups()
    fired, existence = set(), Counter[Verdict]()
    for program in (policy.program for policy in policies if policy.program is not None):
        for group in selected(program, by_type) if program.is_enabled else ():
            verdicts = group.verdicts(program, lookups, now=AS_OF)
            for row, code in zip(group.rows.tolist(), verdicts.tolist(), strict=True):
                verdict = Verdict(code)
                counts[verdict] += 1
                if program.existence is not None:
                    existence[verdict] += 1
                if verdict is Verdict.VIOLATION:
                    fired.add(program.policy_id)
                if interpreted(program, row, snapshot, items) is not verdict:
                    differing.append(f"{program.policy_id} on {items[row].uid}")
    told = {verdict.name.lower(): count for verdict, count in counts.items()}
    yield Check(
        f"{counts.total()} pairs of {len(policies)} policies and {len(items)} resources: columns = interpreter",
        "all",
        f"{len(differing)} differ {differing[:3]}; {told}, {len(fired)} policies are violated",
        not differing,
    )
    joined = {verdict.name.lower(): count for verdict, count in existence.items()}
    yield Check("pairs that existence conditions decide", "some", str(joined), existence.total() > 0)


def interpreted(program: Program, row: int, snapshot: Snapshot, items: Sequence[ConfigurationItem]) -> Verdict:
    """What the interpreter says of one pair."""
    existence = program.existence
    related = () if existence is None else related_items(existence, row, snapshot, items, now=AS_OF)
    return _VERDICTS[violates(program.condition, existence, items[row], related, AS_OF)]


def checks(data: Path) -> Iterator[Check]:
    """Every statement."""
    report, aliases = imported(data)
    policies, refused = sampled(report, aliases)
    yield from class_checks(report)
    yield from sample_checks(report, policies, refused)
    yield from pair_checks(data, policies)


def main(data: Path) -> int:
    """Print every statement; the number that did not hold."""
    failed = 0
    for check in checks(data.resolve()):
        failed += not check.held
        mark = "ok    " if check.held else "FAILED"
        sys.stdout.write(f"{mark} {check.name}: expected {check.expected}, got {check.got}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
