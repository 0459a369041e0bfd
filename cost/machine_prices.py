"""What a machine type costs an hour, by the customer's own unit prices.

AWS names the type in the meter (`EUC1-BoxUsage:m5.large`), Azure without version marks (`D4s v5`), and Google Cloud
bills cores and memory apart (`N2 Instance Core running in Frankfurt`). Prices are on demand, in one region and
currency. A type that was never bought there has no price; then `by_capacity` scales the price of another size of its
family, which is how the providers price sizes of a family, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cost.machine_sizes import MachineSize, machine_size
from cost.prices import UnitPrice

STANDARD: Final = frozenset({"Standard", "On-Demand", "", "Other"})
_HOURS: Final = ("hour", "hrs", "hr")


@dataclass(frozen=True, slots=True)
class HourlyPrice:
    """What an hour costs.

    Args:
        basis: ``billed`` where the type itself was bought, ``capacity`` where another size of its family was.
        source: the meter that it comes from.
    """

    amount: Decimal
    currency: str
    basis: str
    source: str


class MachinePrices:
    """Hourly prices of machine types by region and currency."""

    def __init__(self, prices: Iterable[UnitPrice]) -> None:
        self._whole: dict[tuple[str, str, str], tuple[Decimal, str]] = {}
        self._cores: dict[tuple[str, str, str], tuple[Decimal, str]] = {}
        self._memory: dict[tuple[str, str, str], tuple[Decimal, str]] = {}
        for price in prices:
            if price.category in STANDARD and price.contracted > 0:
                self._take(price)

    def of(self, size: MachineSize, *, region: str, currency: str) -> HourlyPrice | None:
        """The price of a type, by its own bill or by its family's; None where neither is known."""
        own = self._billed(size, region, currency)
        return own or self._by_capacity(size, region, currency)

    def _billed(self, size: MachineSize, region: str, currency: str) -> HourlyPrice | None:
        key = (_plain(size.name), region, currency)
        if key in self._whole:
            amount, source = self._whole[key]
            return HourlyPrice(amount, currency, "billed", source)
        family = (size.family.partition("-")[0], region, currency)
        core, memory = self._cores.get(family), self._memory.get(family)
        if core is None or memory is None:
            return None
        amount = core[0] * Decimal(str(size.cores)) + memory[0] * Decimal(str(size.memory_gib))
        return HourlyPrice(amount, currency, "billed", f"{core[1]}; {memory[1]}")

    def _by_capacity(self, size: MachineSize, region: str, currency: str) -> HourlyPrice | None:
        if not size.cores:
            return None
        for (name, where, money), (amount, source) in sorted(self._whole.items()):
            other = self._sizes.get(name)
            if (where, money) == (region, currency) and other and other.family == size.family and other.cores:
                scaled = amount * Decimal(str(size.cores)) / Decimal(str(other.cores))
                return HourlyPrice(scaled, currency, "capacity", source)
        return None

    @property
    def _sizes(self) -> Mapping[str, MachineSize]:
        found = ((name, machine_size(name) or machine_size(_azure_name(name))) for name, _, _ in self._whole)
        return {name: size for name, size in found if size is not None}

    def _take(self, price: UnitPrice) -> None:
        if _is_google(price.provider):
            self._take_part(price)
        elif any(mark in price.unit.lower() for mark in _HOURS) or "boxusage:" in price.meter.lower():
            name = _plain(price.meter.rpartition(":")[2])
            if machine_size(name) or machine_size(_azure_name(name)):
                key = (name, price.region, price.currency)
                self._whole.setdefault(key, (price.contracted / _block(price.unit), price.meter))

    def _take_part(self, price: UnitPrice) -> None:
        words = price.meter.lower().split()
        if "instance" not in words or not {"core", "ram"} & set(words) or "preemptible" in words or "spot" in words:
            return
        kind = self._cores if "core" in words else self._memory
        kind.setdefault((words[0], price.region, price.currency), (price.contracted, price.meter))


def _is_google(provider: str) -> bool:
    return provider.lower().startswith("google")


def _block(unit: str) -> Decimal:
    """How many hours one unit is: 100 for `100 Hours`."""
    first = unit.split(maxsplit=1)[0] if unit.split() else "1"
    return Decimal(first) if first.isdecimal() and int(first) else Decimal(1)


def _plain(name: str) -> str:
    """One spelling: lower case, `standard_d4s_v5` and `D4s v5` alike without the first word."""
    return name.strip().lower().replace(" ", "_").removeprefix("standard_")


def _azure_name(plain: str) -> str:
    return f"standard_{plain}"
