"""The smallest size that carries what a machine was seen to need, with head-room; or why nothing can be said.

Needed are the larger of the 95th percentile with head-room and the 99th percentile, of cores and of memory alike, over
at least two weeks of hourly samples. Without memory there is no answer: a machine whose processor idles may still need
all of its memory. A machine that is never busy at all is not made smaller here; it is a case for waste (`cost.waste`).

A size is only proposed within the machine's own family, because what another family does differently (disks, network,
accelerators) is not in the metrics. Burstable machines are refused, since their credits are not in the metrics either.

The saving is the machine's own monthly cost times what the smaller size is cheaper by; never more than that cost. What
a commitment covers is not saved before the commitment is used elsewhere, and is said apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

import polars as pl

from cost.machine_prices import HourlyPrice, MachinePrices
from cost.machine_sizes import MachineSize, family_sizes, machine_size
from cost.sharing import UNIT
from domain.errors import InputError
from domain.money import Money

DAYS_MIN: Final = 14
SAMPLES_SHARE_MIN: Final = 0.9
HEADROOM: Final = 0.2
COLUMNS: Final = ("resource_id", "metric", "at", "value")


class Metric(StrEnum):
    """What is measured, in percent of what the machine has."""

    CPU = "cpu_percent"
    MEMORY = "memory_percent"


class Refusal(StrEnum):
    """Why nothing is proposed."""

    NO_CPU = "no processor use was read"
    NO_MEMORY = "no memory use was read"
    TOO_SHORT = "use was read for less than two weeks"
    GAPS = "more than a tenth of the hours have no sample"
    UNKNOWN_SIZE = "the size's cores and memory are not known"
    BURSTABLE = "the machine bursts on credits, which were not read"
    FITS = "no smaller size of the family carries it"
    NO_PRICE = "the bills have no price of the sizes"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as the graph and the bill know it.

    Args:
        monthly: its own monthly cost. committed: the part of it that a commitment covers.
    """

    uid: str
    size: str
    region: str
    monthly: Money
    committed: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Use:
    """Percentiles in percent, over the hours between the first and the last sample."""

    cpu_p95: float
    cpu_p99: float
    memory_p95: float
    memory_p99: float
    days: int
    samples: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A smaller size.

    Args:
        saving: a month, on what is paid on demand. committed_saving: what is freed of commitments besides.
        needed_cores, needed_memory_gib: with head-room.
        now, then: prices of an hour, with what they are based on.
    """

    machine: Machine
    size: MachineSize
    use: Use
    needed_cores: float
    needed_memory_gib: float
    now: HourlyPrice
    then: HourlyPrice
    saving: Money
    committed_saving: Money


@dataclass(frozen=True, slots=True)
class Refused:
    """A machine about which nothing can be said."""

    machine: Machine
    reason: Refusal
    use: Use | None = None


def read_metrics(frame: pl.DataFrame) -> pl.DataFrame:
    """Check samples: `COLUMNS`, one row for each resource, metric and hour.

    Raises:
        InputError: a column is missing, a value is no percentage, or an hour is no instant.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise InputError("metrics lack a column", got=", ".join(frame.columns), expected=", ".join(COLUMNS))
    at = pl.col("at")
    if frame.schema["at"] == pl.String:
        at = at.str.to_datetime("%+", time_zone="UTC", strict=False)
    elif isinstance(kind := frame.schema["at"], pl.Datetime):
        at = at.dt.replace_time_zone("UTC") if kind.time_zone is None else at.dt.convert_time_zone("UTC")
    typed = frame.select(
        pl.col("resource_id").cast(pl.String),
        pl.col("metric").cast(pl.String).str.to_lowercase(),
        at.cast(pl.Datetime("us", "UTC"), strict=False).alias("at"),
        pl.col("value").cast(pl.Float64, strict=False),
    )
    own = typed.filter(pl.col("metric").is_in([metric.value for metric in Metric]))
    bad = own.with_row_index("row", 1).filter(
        pl.col("at").is_null() | ~pl.col("value").is_between(0, 100).fill_null(value=False)
    )
    if not bad.is_empty():
        raise InputError(
            "a sample is not a percentage at an instant",
            where=f"row {bad['row'][0]}",
            got=str(bad.select("at", "value").row(0)),
            expected="an instant in UTC, and 0 to 100",
            todo="Correct the metrics",
        )
    return own


def uses(metrics: pl.DataFrame) -> Mapping[str, Mapping[Metric, tuple[float, float, int, int, float]]]:
    """Percentiles by resource and metric: p95, p99, days, samples, and the share of hours with a sample."""
    hour = pl.col("at").dt.truncate("1h")
    sums = metrics.group_by("resource_id", "metric").agg(
        pl.col("value").quantile(0.95, "higher").alias("p95"),
        pl.col("value").quantile(0.99, "higher").alias("p99"),
        ((hour.max() - hour.min()).dt.total_hours() + 1).alias("hours"),
        pl.len().alias("samples"),
        hour.n_unique().alias("seen"),
    )
    found: dict[str, dict[Metric, tuple[float, float, int, int, float]]] = {}
    for uid, metric, p95, p99, hours, samples, seen in sums.sort("resource_id", "metric").rows():
        found.setdefault(uid, {})[Metric(metric)] = (p95, p99, hours // 24, samples, seen / hours)
    return found


def rightsize(
    machines: Sequence[Machine], metrics: pl.DataFrame, prices: MachinePrices, *, headroom: float = HEADROOM
) -> tuple[tuple[Proposal, ...], tuple[Refused, ...]]:
    """Judge machines by checked samples; proposals come with the largest saving first, refusals in order of id.

    Raises:
        InputError: the head-room is below zero or above two.
    """
    if not 0 <= headroom <= 2:
        raise InputError("the head-room is out of bounds", got=headroom, expected="0 to 2", todo="Give 0.2 for 20 %")
    seen = uses(metrics)
    judged = [_judge(machine, seen.get(machine.uid, {}), prices, headroom) for machine in machines]
    proposals = sorted(
        (each for each in judged if isinstance(each, Proposal)),
        key=lambda each: (-each.saving.amount - each.committed_saving.amount, each.machine.uid),
    )
    refused = sorted((each for each in judged if isinstance(each, Refused)), key=lambda each: each.machine.uid)
    return tuple(proposals), tuple(refused)


def _judge(
    machine: Machine,
    seen: Mapping[Metric, tuple[float, float, int, int, float]],
    prices: MachinePrices,
    headroom: float,
) -> Proposal | Refused:
    size = machine_size(machine.size)
    use = _use(seen)
    if isinstance(use, Refusal):
        return Refused(machine, use)
    if size is not None and size.is_burstable:
        return Refused(machine, Refusal.BURSTABLE, use)
    if size is None or not size.cores or not size.memory_gib:
        return Refused(machine, Refusal.UNKNOWN_SIZE, use)
    cores = size.cores * max(use.cpu_p95 * (1 + headroom), use.cpu_p99) / 100
    memory = size.memory_gib * max(use.memory_p95 * (1 + headroom), use.memory_p99) / 100
    smaller = next((each for each in family_sizes(size) if each.cores >= cores and each.memory_gib >= memory), size)
    if smaller.cores >= size.cores:
        return Refused(machine, Refusal.FITS, use)
    now = prices.of(size, region=machine.region, currency=machine.monthly.currency)
    then = prices.of(smaller, region=machine.region, currency=machine.monthly.currency)
    if now is None or then is None or now.amount <= 0 or then.amount >= now.amount:
        return Refused(machine, Refusal.NO_PRICE, use)
    cheaper = 1 - then.amount / now.amount
    covered = min(max(machine.committed, Decimal(0)), max(machine.monthly.amount, Decimal(0)))
    saving = ((machine.monthly.amount - covered) * cheaper).quantize(UNIT)
    return Proposal(
        machine, smaller, use, cores, memory, now, then,
        Money(max(saving, Decimal(0)), machine.monthly.currency),
        Money((covered * cheaper).quantize(UNIT), machine.monthly.currency),
    )  # fmt: skip


def _use(seen: Mapping[Metric, tuple[float, float, int, int, float]]) -> Use | Refusal:
    if Metric.MEMORY not in seen:
        return Refusal.NO_MEMORY
    if Metric.CPU not in seen:
        return Refusal.NO_CPU
    cpu, memory = seen[Metric.CPU], seen[Metric.MEMORY]
    if min(cpu[2], memory[2]) < DAYS_MIN:
        return Refusal.TOO_SHORT
    if min(cpu[4], memory[4]) < SAMPLES_SHARE_MIN:
        return Refusal.GAPS
    return Use(cpu[0], cpu[1], memory[0], memory[1], min(cpu[2], memory[2]), min(cpu[3], memory[3]))
