"""Bills in, cost per policy, and projections, beside pandas doing the same and DuckDB alone as the floor.

Everything is synthetic, from a seed. The import runs in a process of its own, so that its memory is its own. Ratios are
of CPU seconds: others disturb those less. Scaling is of seconds on the clock, so it wants a quiet machine.

    python -m benchmarks.payback [--rows N] [--resources N] [--paths N] [--folder DIR]

The default ends within four minutes; --rows 10000000 is the full size.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import ray

from actors.handles import Handle
from actors.placement import NAMESPACE, simulation_handle
from actors.projecting import ProjectionPool
from actors.ray_handle import ObjectStoreShelf
from actors.simulation import Simulation
from assessment.billing import import_billing
from assessment.projection import World
from assessment.projection_findings import FindingGroup
from assessment.projection_summary import summary
from assessment.whatif import Adoption, CommitmentPurchase, ComplianceAdoption, Range, Scaling, Scenario
from benchmarks.billing import AT, MEMORY_MIB_MAX, RATE_MIN, Took, timed, write_bill
from benchmarks.environments import peer
from benchmarks.forecast import synthetic
from benchmarks.report import Row, publish
from cost.allocation import CurrencyCosts
from cost.billing.store import BillingStore
from cost.forecast_paths import outlook
from cost.policy_cost import cost_at_risk
from domain.finding import Severity
from domain.tenancy import TenantId

POLICIES = 400
VIOLATIONS_PER_RESOURCE = 2
POLICY_S_MAX = 1.0
PROJECT_S_MAX = 2.0
SCALING_MIN = 1.8
PANDAS = ("pandas==2.3.3", "pyarrow>=20", "numpy>=2")
SCRIPT = Path(__file__).parent / "peers" / "pandas_payback.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="billing rows")
    parser.add_argument("--resources", type=int, default=1_000_000)
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    parser.add_argument("--import", dest="source", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.source is not None:
        return import_alone(Path(options.source[0]), Path(options.source[1]))
    pandas = peer("peers-pandas", *PANDAS)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        rows = [
            *imported(folder, options.rows, pandas),
            *policies(folder, options.resources, pandas),
            *projected(folder, options.paths, pandas),
        ]
    publish("payback", rows)
    return 0


def imported(folder: Path, count: int, pandas: Path | None) -> list[Row]:
    """Take a bill in, beside DuckDB copying it and pandas reading, summing and writing it."""
    source = folder / "bill"
    write_bill(source, count, is_csv=False)
    command = [sys.executable, "-m", "benchmarks.payback", "--import", str(source), str(folder / "store")]
    done = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    copy = folder / "copy.parquet"
    sql = f"COPY (SELECT * FROM read_parquet('{source}/*.parquet')) TO '{copy}' (FORMAT parquet, COMPRESSION zstd)"
    floor = timed(lambda: duckdb.execute(sql))
    target = folder / "pandas"
    target.mkdir()
    rival = asked(pandas, "import", str(source), str(target))
    rate, memory = count / done["wall_s"], done["memory_mib"]
    return [
        Row(f"import of {count:,} rows", rate, "rows/s", "", None, f">= {RATE_MIN:,} rows/s", rate >= RATE_MIN),
        Row("import, of CPU", count / done["cpu_s"], "rows/CPU s", "DuckDB copying", floor.cpu_s / done["cpu_s"]),
        *beside("import, beside pandas", done["cpu_s"], rival),
        Row("import, memory", memory, "MiB", "", None, f"<= {MEMORY_MIB_MAX}", memory <= MEMORY_MIB_MAX),
    ]


def import_alone(source: Path, target: Path) -> int:
    """One import in this process; what it took, as JSON."""
    took = timed(lambda: import_billing(BillingStore(target, TenantId("bench")), [source], at=AT))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"wall_s": took.wall_s, "cpu_s": took.cpu_s, "memory_mib": memory}))
    return 0


def policies(folder: Path, resources: int, pandas: Path | None) -> list[Row]:
    """What violations cost by policy, warm."""
    generator = np.random.default_rng(5)
    amounts = pl.Series("amount", generator.integers(1, 100_000, resources)).cast(pl.Decimal(38, 12))
    zero = Decimal(0)
    costs = CurrencyCosts("USD", amounts, zero, zero, zero, zero, (), (), (), zero, zero, zero, zero, zero)
    violations = resources * VIOLATIONS_PER_RESOURCE
    chosen = generator.integers(0, POLICIES, violations)
    concerned = generator.integers(0, resources, violations)
    took = best(lambda: cost_at_risk(costs, chosen, concerned, wasteful={1, 2, 3}))
    pairs = pl.DataFrame({"policy": chosen, "resource": concerned})
    amounts.to_frame().with_columns(pl.col("amount").cast(pl.Float64)).write_parquet(folder / "costs.parquet")
    pairs.write_parquet(folder / "pairs.parquet")
    exact = pl.DataFrame({"resource": np.arange(resources), "amount": amounts})
    tables = {"pairs": pairs.to_arrow(), "costs": exact.to_arrow()}
    floor = best(lambda: grouped(tables))
    rival = asked(pandas, "policies", str(folder / "costs.parquet"), str(folder / "pairs.parquet"))
    name = f"cost of {POLICIES} policies, {resources:,} resources"
    met = took.wall_s <= POLICY_S_MAX
    return [
        Row(name, took.wall_s, "s", "DuckDB grouping", floor.cpu_s / took.cpu_s, f"<= {POLICY_S_MAX:.0f} s", met),
        *beside("cost of policies, beside pandas", took.cpu_s, rival),
    ]


def grouped(tables: dict[str, object]) -> None:
    """The same sums by DuckDB."""
    with duckdb.connect(":memory:") as connection:
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute(
            "WITH priced AS (SELECT DISTINCT policy, resource, amount FROM pairs JOIN costs USING (resource))"
            " SELECT policy, SUM(amount), COUNT(*) FROM priced GROUP BY policy"
        ).fetchall()
        connection.execute(
            "SELECT SUM(amount) FROM costs WHERE resource IN (SELECT DISTINCT resource FROM pairs)"
        ).fetchall()


def projected(folder: Path, paths: int, pandas: Path | None) -> list[Row]:
    """Three horizons by one worker and by two, each a process that reads the world from the object store."""
    daily = synthetic(1)
    np.save(folder / "daily.npy", daily)
    world = scenarios(daily)
    ray.init(
        address="local", num_cpus=2, namespace=NAMESPACE, include_dashboard=False, log_to_driver=False,
        object_store_memory=256 << 20,
    )  # fmt: skip
    try:
        workers: list[Handle[Simulation]] = [simulation_handle(number) for number in range(2)]
        one, two = (ProjectionPool(workers[:count], ObjectStoreShelf()) for count in (1, 2))
        same = np.array_equal(two.run(world, paths=1_000, deadline_s=60), one.run(world, paths=1_000, deadline_s=60))
        assert same, "the number of workers changed the result"
        alone = best(lambda: summary(world, one.run(world, paths=paths, deadline_s=60)))
        both = best(lambda: summary(world, two.run(world, paths=paths, deadline_s=60)))
        many = paths * 4
        scaling = (
            best(lambda: one.run(world, paths=many, deadline_s=60)).wall_s
            / best(lambda: two.run(world, paths=many, deadline_s=60)).wall_s
        )
    finally:
        ray.shutdown()
    rival = asked(pandas, "project", str(folder / "daily.npy"), str(paths))
    name = f"{paths:,} paths, 3 horizons, 2 scenarios"
    fast, far = both.wall_s <= PROJECT_S_MAX, scaling >= SCALING_MIN
    return [
        Row(f"{name}: two workers", both.wall_s, "s", "", None, f"<= {PROJECT_S_MAX:.0f} s", fast),
        Row(f"{name}: one worker", alone.wall_s, "s"),
        Row("two workers over one, four times the paths", scaling, "x", "", None, f">= {SCALING_MIN}", far),
        *beside("pandas drawing cost alone, one scenario", alone.wall_s, rival),
    ]


def scenarios(daily: np.ndarray[tuple[int], np.dtype[np.float64]]) -> World:
    """A year of bills, some violations, and two scenarios of two changes each."""
    slow = Adoption(Range(0, 5, 10), Range(10, 20, 40), Range(0.6, 0.8, 1.0))
    where = {"service": ("x",)}
    asked_ = (
        Scenario("smaller", (Scaling(where, Range(0.5, 0.6, 0.8), slow), CommitmentPurchase(where, 200.0, 0.7))),
        Scenario("tidy", (ComplianceAdoption("CIS", adoption=slow), Scaling(where, Range.of(0.9), slow))),
    )
    groups = tuple(
        FindingGroup(severity, 0b100, 400, born=120, days=60, closed=90, exposure_days=9_000) for severity in Severity
    )
    cells = {0: 0.3, 0b0011: 0.4, 0b1100: 0.2, 0b1111: 0.1}
    return World(outlook(daily, horizons=(30, 60, 90)), cells, groups, asked_, ((0, 1), (2, 3)), seed=3)


def best(act: Callable[[], object]) -> Took:
    """The quickest of three."""
    return min(timed(act) for _ in range(3))


def asked(pandas: Path | None, *arguments: str) -> Took | None:
    """What pandas took; None where it cannot be installed."""
    if pandas is None:
        return None
    done = subprocess.run([str(pandas), str(SCRIPT), *arguments], stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    return Took(found["wall_s"], found["cpu_s"])


def beside(name: str, ours_s: float, rival: Took | None) -> list[Row]:
    """A row for pandas, where it is there."""
    if rival is None:
        return []
    return [Row(name, rival.cpu_s, "CPU s of pandas", PANDAS[0], rival.cpu_s / ours_s)]


if __name__ == "__main__":
    sys.exit(main())
