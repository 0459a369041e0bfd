"""Drift: what it costs, and how often it is right, on corpora whose truth is known.

Unchanged resources are read again in another provider's shape, and must not drift; planted drift must be told, and
nothing else. Both corpora begin with resources that others recorded; shapes and changes are synthetic.

    python -m benchmarks.drift [--data FOLDER] [--seeds N] [--resources N] [--changes N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

from benchmarks.drifts.corpus import TENANT, planted, recorded, unchanged
from benchmarks.report import Row, publish
from connectors.baseline.parts import baseline
from connectors.baseline.snapshot import read as snapshot
from domain.drift import BaselineSource
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.value import Json
from graph.drift.detect import Coverage, Detector, Managed
from graph.drift.match import ItemIndex

DATA = Path(__file__).parents[2] / "shared" / "data" / "inventory"
"""Recorded resources, where they lie beside the project."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of recorded resources")
    parser.add_argument("--seeds", type=int, default=5, help="planted corpora")
    parser.add_argument("--resources", type=int, default=20_000, help="for the cost of a change")
    parser.add_argument("--changes", type=int, default=1_000)
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    items = recorded(given.data) if given.data.is_dir() else ()
    with tempfile.TemporaryDirectory() as name:
        if items:
            rows += _right(items, Path(name), given.seeds)
    rows += _cost(given.resources, given.changes)
    publish("drift", rows)
    return 0


def _right(items: tuple[ConfigurationItem, ...], folder: Path, seeds: int) -> list[Row]:
    same = unchanged(items, folder / "same.ndjson")
    found = [planted(items, folder / "planted.ndjson", seed) for seed in range(seeds)]
    right, wrong = sum(each.right for each in found), sum(len(each.wrong) for each in found)
    truth = sum(each.planted for each in found)
    return [
        Row("unchanged resources compared across shapes", same.resources, "comparisons"),
        Row("of them drifted, which is wrong", len(same.wrong), "drifts"),
        Row("planted drift (synthetic)", truth, "drifts"),
        Row("precision on planted drift", 100 * right / (right + wrong), "%"),
        Row("recall on planted drift", 100 * right / truth, "%"),
    ]


def _cost(resources: int, changes: int) -> list[Row]:
    """Everything compared once, then changes one by one."""
    items = [_queue(number, 5) for number in range(resources)]
    declared = baseline("approved", BaselineSource.SNAPSHOT, snapshot(items))
    begun_s = process_time()
    detector = Detector(TENANT, Managed.of([declared]), ItemIndex.of(items))
    coverage = Coverage(is_everything=True)
    assert detector.all(coverage) == ()
    whole_s = process_time() - begun_s
    taken_s = []
    for number in range(changes):
        changed = _queue(number % resources, 9)
        begun_s = process_time()
        detector.index.add(changed)
        _, drifts = detector.of([changed.uid], coverage)
        taken_s.append(process_time() - begun_s)
        assert len(drifts) == 1
    taken_s.sort()
    return [
        Row(f"{resources:,} resources compared with a baseline", whole_s, "CPU s"),
        Row("one change compared, median", 1e6 * taken_s[len(taken_s) // 2], "CPU us"),
        Row("one change compared, 99 of 100", 1e6 * taken_s[int(len(taken_s) * 0.99)], "CPU us"),
    ]


def _queue(number: int, delay: int) -> ConfigurationItem:
    uid = ResourceId(f"arn:aws:sqs:eu-central-1:123456789012:queue-{number}")
    properties: dict[str, Json] = {"DelaySeconds": delay, "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600"}
    return replace(_EMPTY, uid=uid, name=f"queue-{number}", properties=properties)


def _empty() -> ConfigurationItem:
    return ConfigurationItem(
        TENANT, ResourceId(""), Provider.AWS, "AWS::SQS::Queue", "", "/accounts/123456789012", "eu-central-1", {}, {},
        None, "0" * 64, Origin("generated"), synthetic=True,
    )  # fmt: skip


_EMPTY = _empty()

if __name__ == "__main__":
    sys.exit(main())
