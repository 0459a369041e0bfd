"""A question about a whole graph after one change: beside judging everything anew, in CPU time of one run.

One tenant's state as a shard holds it: a DuckDB store, a stream of changes, and the built-in policies. Where recorded
Microsoft definitions are, their share that runs is imported too. `anew` is the same question where nothing is kept.

    python -m benchmarks.judged [--resources N] [--changes N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

from actors.folders import Folders
from actors.tenant_state import TenantState
from assessment.scan import assess
from benchmarks.engine.estate import AS_OF, RECORDED, Templates
from benchmarks.engine.timing import timed
from benchmarks.report import Row, publish
from connectors.stream.memory import MemoryChangeStream
from domain.change import ChangeBatch, ChangeEvent
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import tenant_id
from graph.stores.duckdb import DuckDbStore
from policy.evaluate import Lookups

TENANT: Final = tenant_id("demo")
SECOND: Final = timedelta(seconds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=20_000)
    parser.add_argument("--changes", type=int, default=7)
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    for is_imported in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            tenant = Tenant(Path(folder), given.resources)
            if not is_imported or tenant.imports_definitions():
                rows += tenant.measure(given.changes)
    publish("judged", rows)
    return 0


class Tenant:
    """A tenant whose graph is asked about between changes."""

    def __init__(self, folder: Path, resources: int) -> None:
        made = Templates().items(resources, first=0)
        self.items = sorted((_with(item, 0) for item in made), key=lambda item: resource_key(item.uid))
        folders, self.stream = Folders(folder), MemoryChangeStream()
        self.state = TenantState(
            TENANT, lambda: DuckDbStore(folders.graph(TENANT), TENANT), folders, stream=self.stream
        )
        self.state.store.put_inventory(Inventory(tuple(self.items), (), (), (), 0), "all", AS_OF - timedelta(days=2))
        self.asked = AS_OF

    def imports_definitions(self) -> bool:
        """Import the recorded definitions; False where there are none."""
        definitions = RECORDED / "policy" / "azure_policy_definitions.ndjson.gz"
        if definitions.is_file():
            self.state.policies.take_in(definitions, [RECORDED / "policy" / "azure_aliases.ndjson.gz"])
        return definitions.is_file()

    def measure(self, changes: int) -> list[Row]:
        """The first question, some at other times, one after each change, and the last of them anew."""
        _, first_s = timed(self.ask)
        again_s = median(timed(self.ask)[1] for _ in range(changes))
        taken, asked = [], []
        for number in range(1, changes + 1):
            taken.append(timed(partial(self.change, number))[1])
            asked.append(timed(self.ask)[1])
        kept_bytes = self.state.judged.size_bytes
        inputs = self.state.judged.at(self.asked).inputs
        _, verdicts_s = timed(lambda: assess(replace(inputs, kept=None, lookups=Lookups())))
        _, kept_s = timed(lambda: assess(replace(inputs, lookups=Lookups())))
        self.state.judged.forget()
        _, anew_s = timed(self.ask)
        policies = sum(each.program is not None for each in inputs.policies)
        size = f"{len(self.items):,} resources, {policies:,} policies"
        return [
            Row(f"{size}: first question", first_s, "CPU s"),
            Row("a change, taken into graph and store", median(taken) * 1e3, "CPU ms"),
            Row("the question after it", median(asked) * 1e3, "CPU ms", "anew", anew_s / median(asked)),
            Row("of that, the assessment", kept_s * 1e3, "CPU ms", "every verdict judged", verdicts_s / kept_s),
            Row("the question where nothing changed, at another time", again_s * 1e3, "CPU ms"),
            Row("the question anew: policies, documents, columns, verdicts", anew_s, "CPU s"),
            Row("kept meanwhile, as it is counted", kept_bytes / 2**20, "MiB"),
        ]

    def ask(self) -> None:
        """What is wrong in the whole graph, a second later than before."""
        self.asked += SECOND
        assert len(self.state.judged.at(self.asked).violations), "something is wrong in it"

    def change(self, number: int) -> None:
        """One resource has another document."""
        item = _with(self.items[number * 37 % len(self.items)], number)
        event = ChangeEvent(item.uid, AS_OF - timedelta(days=1) + number * SECOND, item)
        self.stream.publish(ChangeBatch(TENANT, f"b-{number}", "benchmark", AS_OF, (event,)))
        assert self.state.updates.catch_up() == 1, "the change is taken"


def _with(item: ConfigurationItem, number: int) -> ConfigurationItem:
    """A resource with another tag, which is a change of its document."""
    tags = {**item.tags, "round": str(number)}
    digest = sha256(f"{item.uid}\n{number}".encode()).hexdigest()
    return replace(item, properties={**item.properties, "tags": dict(tags)}, tags=tags, digest=digest)


if __name__ == "__main__":
    sys.exit(main())
