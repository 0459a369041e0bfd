"""How well policies are mapped to controls by likeness: precision and recall on mappings that were held back.

    python -m benchmarks.control_mapping [--data ../shared/data/policy] [--split policy|service] [--seed 1]

Published mappings (Microsoft's initiatives, Prowler's compliance files) are split by policy, never by pair: of a
policy that is held back nothing is known but its own words. `--split service` holds whole services back, which is
what a policy for a service nobody has mapped yet meets. Definitions that check nothing (manual attestations, managed
controls) are left out. The baseline proposes for every policy the controls that most policies of the framework have,
as many as a policy has on average.

Prints JSON; a table goes to standard error. `confidence error` is the mean difference between confidence and share of
right suggestions over ten equal bins of confidence, weighed by their size.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.report import machine
from policy.aliases import read_rows
from policy.controls.catalogue import frameworks
from policy.controls.imports import read_mappings
from policy.controls.mapping import ControlMapping
from policy.controls.suggest import CONFIDENCE_MIN, Suggester
from policy.controls.words import described

THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
HELD_BACK = 0.3
HELD_MIN = 20
Truth = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Published mappings with what their policies say of themselves, and which service each is about."""

    name: str
    mappings: tuple[ControlMapping, ...]
    texts: Mapping[str, str]
    services: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One framework at one threshold; `threshold` is None for the baseline."""

    corpus: str
    framework: str
    threshold: float | None
    policies: int
    precision: float
    recall: float
    suggestions_each: float


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control_mapping")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/policy"))
    parser.add_argument("--split", choices=("policy", "service"), default="policy")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    figures: list[Figure] = []
    errors: dict[str, dict[str, float]] = {}
    seconds: dict[str, float] = {}
    for corpus in (_azure(asked.data), _prowler(asked.data)):
        found, error, took = _measure(corpus, split=asked.split, seed=asked.seed)
        figures += found
        errors[corpus.name], seconds[corpus.name] = error, took
    for figure in figures:
        sys.stderr.write(_line(figure))
    answer = {
        "benchmark": "control_mapping", "machine": machine(), "split": asked.split, "seed": asked.seed,
        "held_back": HELD_BACK, "confidence_min": CONFIDENCE_MIN, "confidence_error": errors, "cpu_s": seconds,
        "figures": [asdict(figure) for figure in figures],
    }  # fmt: skip
    sys.stderr.write(f"confidence error {errors}, CPU seconds {seconds}\n")
    print(json.dumps(answer, indent=2))
    return 0


def _azure(data: Path) -> Corpus:
    rows = [row for row in read_rows(data / "azure_policy_definitions.ndjson.gz") if isinstance(row, dict)]
    checks = [row for row in rows if not _is_paperwork(row)]
    texts = {name: text for name, text in map(_said, checks)}
    services = {str(row["name"]): str(_properties(row)["metadata"].get("category")) for row in checks}
    mappings = read_mappings([data / "azure_policy_sets.ndjson.gz"]).mappings
    return Corpus("azure", _ours(mappings, texts), texts, services)


def _prowler(data: Path) -> Corpus:
    rows = [row for row in read_rows(data / "prowler_checks.ndjson.gz") if isinstance(row, dict)]
    texts = {name: text for name, text in map(_said, rows)}
    services = {str(row["CheckID"]): f"{row['Provider']} {row['ServiceName']}" for row in rows}
    mappings = read_mappings([data / "prowler_compliance.ndjson.gz"]).mappings
    return Corpus("prowler", _ours(mappings, texts), texts, services)


def _said(row: Any) -> tuple[str, str]:
    found = described(row)
    assert found is not None
    return found


def _properties(row: Any) -> dict[str, Any]:
    return dict(row["properties"])


def _is_paperwork(row: Any) -> bool:
    """A manual attestation or a managed control: it has no check to be found in its words."""
    properties = _properties(row)
    effect = properties.get("parameters", {}).get("effect", {}).get("defaultValue", "")
    stated = properties["policyRule"]["then"]["effect"]
    return properties.get("policyType") == "Static" or "manual" in {str(effect).lower(), str(stated).lower()}


def _ours(mappings: Iterable[ControlMapping], texts: Mapping[str, str]) -> tuple[ControlMapping, ...]:
    """Mappings to frameworks that we know, of policies that say something."""
    known = frameworks()
    return tuple(
        each
        for each in mappings
        if each.policy in texts
        and each.control.framework in known
        and known[each.control.framework].find(each.control.id) is not None
    )


def _measure(corpus: Corpus, *, split: str, seed: int) -> tuple[list[Figure], dict[str, float], float]:
    start = time.process_time()
    parts = corpus.services if split == "service" else {name: name for name in corpus.texts}
    held = {name for name in corpus.texts if _draw(f"{seed}/{parts[name]}") < HELD_BACK}
    suggester = Suggester([each for each in corpus.mappings if each.policy not in held], corpus.texts)
    truth: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    known: defaultdict[str, list[str]] = defaultdict(list)
    policies: defaultdict[str, set[str]] = defaultdict(set)
    for each in dict.fromkeys((each.policy, each.control) for each in corpus.mappings):
        policy, control = each
        if policy in held:
            truth[control.framework][policy].add(control.id)
        else:
            known[control.framework].append(control.id)
            policies[control.framework].add(policy)
    asked = sorted({policy for found in truth.values() for policy in found})
    proposed = {policy: suggester.suggest(corpus.texts[policy], confidence_min=0.0) for policy in asked}
    figures: list[Figure] = []
    judged: list[tuple[float, bool]] = []
    for framework in suggester.frameworks:
        right = {policy: frozenset(found) for policy, found in truth[framework].items()}
        if len(right) < HELD_MIN:
            continue
        own = {
            policy: [
                (each.control.id, each.confidence) for each in proposed[policy] if each.control.framework == framework
            ]
            for policy in right
        }
        judged += [(sure, control in right[policy]) for policy, found in own.items() for control, sure in found]
        for threshold in THRESHOLDS:
            chosen = {
                policy: {control for control, sure in found if sure >= threshold} for policy, found in own.items()
            }
            figures.append(_figure(corpus.name, framework, threshold, right, chosen))
        most = [control for control, _ in Counter(known[framework]).most_common()]
        size = max(1, round(len(known[framework]) / len(policies[framework])))
        figures.append(_figure(corpus.name, framework, None, right, {policy: set(most[:size]) for policy in right}))
    shown = [each for each in judged if each[0] >= CONFIDENCE_MIN]
    errors = {"all": _confidence_error(judged), "shown": _confidence_error(shown)}
    return figures, errors, time.process_time() - start


def _figure(
    corpus: str, framework: str, threshold: float | None, right: Truth, chosen: Mapping[str, set[str]]
) -> Figure:
    proposed = sum(map(len, chosen.values()))
    hits = sum(len(chosen[policy] & right[policy]) for policy in right)
    wanted = sum(map(len, right.values()))
    precision = hits / proposed if proposed else float("nan")
    return Figure(corpus, framework, threshold, len(right), precision, hits / wanted, proposed / len(right))


def _confidence_error(judged: Sequence[tuple[float, bool]]) -> float:
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for sure, is_right in judged:
        bins[min(9, int(sure * 10))].append((sure, is_right))
    gaps = (abs(sum(sure for sure, _ in each) - sum(is_right for _, is_right in each)) for each in bins.values())
    return sum(gaps) / max(1, len(judged))


def _draw(name: str) -> float:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") / 2**64


def _line(figure: Figure) -> str:
    at = "baseline" if figure.threshold is None else f"from {figure.threshold}"
    return (
        f"  {figure.corpus:8} {figure.framework:16} {figure.policies:5} policies  {at:9} "
        f"precision {figure.precision:5.2f}  recall {figure.recall:5.2f}  {figure.suggestions_each:5.1f} each\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
