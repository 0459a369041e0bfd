"""How large a machine is, by its type's name: cores, memory, family and generation, for the three clouds.

The providers' names follow patterns: family and size on AWS (`m7g.xlarge`), family, cores and version on Azure
(`Standard_D4s_v5`), family, class and cores on Google Cloud (`n2-standard-4`). What a pattern does not say (a size
that does not follow it, a family that is not here) is None, and a machine of it is not rightsized.

**Source**: the providers' public documentation of machine types: Amazon EC2 instance types, Azure VM sizes, Compute
Engine machine families; general-purpose, compute- and memory-optimised families, as of 2025.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MachineSize:
    """A machine type.

    Args:
        family: sizes of one family differ in size alone.
        is_burstable: its cores are shared, and use beyond a share costs credits.
        successor: family that does the same in a current generation; None where this one is current.
    """

    name: str
    family: str
    cores: float
    memory_gib: float
    is_burstable: bool = False
    successor: str | None = None


_AWS: Final = re.compile(r"^([a-z]+)(\d+)([a-z-]*)\.(nano|micro|small|medium|large|(?:\d*)xlarge|metal.*)$")
_AWS_GIB_PER_CORE: Final = {"c": 2.0, "m": 4.0, "r": 8.0}
_AWS_OLD: Final[Mapping[str, str]] = {
    "m1": "m7i", "m2": "r7i", "m3": "m7i", "m4": "m7i", "c1": "c7i", "c3": "c7i", "c4": "c7i", "r3": "r7i",
    "r4": "r7i", "t1": "t3", "t2": "t3", "i2": "i4i", "d2": "d3", "g2": "g4dn", "p2": "g4dn",
}  # fmt: skip
_AWS_BURST_GIB: Final = {"nano": 0.5, "micro": 1.0, "small": 2.0, "medium": 4.0, "large": 8.0, "xlarge": 16.0,
                         "2xlarge": 32.0}  # fmt: skip

_AZURE: Final = re.compile(r"^(?:standard|basic)_([a-z]+?)(\d+)(?:-\d+)?([a-z]*)(?:_v(\d+))?$")
_AZURE_GIB_PER_CORE: Final = {"d": 4.0, "e": 8.0, "f": 2.0}
_AZURE_V1: Final = {"d": 3.5, "ds": 3.5, "f": 2.0}
_AZURE_CURRENT_MIN: Final = 3
_AZURE_OLD_D: Final = {"1": (1, 3.5), "2": (2, 7.0), "3": (4, 14.0), "4": (8, 28.0), "5": (16, 56.0),
                       "11": (2, 14.0), "12": (4, 28.0), "13": (8, 56.0), "14": (16, 112.0)}  # fmt: skip

_GCP: Final = re.compile(r"^([a-z]\d[a-z]?)-(standard|highmem|highcpu)-(\d+)$")
_GCP_GIB: Final[Mapping[str, Mapping[str, float]]] = {
    "n1": {"standard": 3.75, "highmem": 6.5, "highcpu": 0.9},
    **{family: {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0} for family in ("n2", "n2d", "e2", "c2", "t2d")},
    **{family: {"standard": 4.0, "highmem": 8.0, "highcpu": 2.0} for family in ("c3", "c3d", "c4", "n4")},
}


def machine_size(name: str) -> MachineSize | None:
    """What a type's name says; None where it does not say both cores and memory."""
    plain = name.rpartition("/")[2].lower()
    if "." in plain:
        return _aws(plain)
    return _azure(plain) if plain.startswith(("standard_", "basic_")) else _gcp(plain)


def family_sizes(size: MachineSize) -> tuple[MachineSize, ...]:
    """The sizes of its family that are made by its pattern, smallest first; the machine's own among them."""
    family, _, extra = size.family.partition("|")
    names: list[str] = []
    if "." in size.name:
        burst = ["nano", "micro", "small", "medium"] if size.is_burstable else ["medium"] if family[-1:] == "g" else []
        names = [f"{family}.{each}" for each in [*burst, "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge",
                                                 "16xlarge", "24xlarge"]]  # fmt: skip
    elif size.name.startswith("standard_"):
        letter, _, version = family.partition("_v")
        if version:
            cores = (2, 4, 8, 16, 32, 48, 64, 96)
            names = [f"standard_{letter}{count}{extra}_v{version}" for count in cores]
    else:
        names = [f"{family}-{count}" for count in (1, 2, 4, 8, 16, 32, 48, 64, 80, 96)]
    found = {each.name: each for name in [*names, size.name] if (each := machine_size(name)) is not None}
    return tuple(sorted((each for each in found.values() if each.family == size.family), key=lambda each: each.cores))


def _aws(name: str) -> MachineSize | None:
    found = _AWS.match(name)
    if found is None:
        return None
    letter, number, extra, size = found.groups()
    family = f"{letter}{number}{extra}"
    successor = _AWS_OLD.get(f"{letter}{number}")
    if letter == "t":
        memory = _AWS_BURST_GIB.get(size)
        cores = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8}.get(size)
        if memory is None or cores is None or number in {"1", "2"}:
            return MachineSize(name, family, 0, 0, is_burstable=True, successor=successor) if successor else None
        return MachineSize(name, family, cores, memory, is_burstable=True)
    count = {"medium": 1.0, "large": 2.0, "xlarge": 4.0}.get(size)
    if count is None and size.endswith("xlarge"):
        count = 4.0 * int(size.removesuffix("xlarge"))
    ratio = _AWS_GIB_PER_CORE.get(letter)
    if count is None or ratio is None or int(number) < 5:
        return MachineSize(name, family, 0, 0, successor=successor) if successor else None
    return MachineSize(name, family, count, count * ratio, successor=successor)


def _azure(name: str) -> MachineSize | None:
    found = _AZURE.match(name)
    if found is None:
        return None
    letter, number, extra, version = found.groups()
    generation = int(version or 1)
    if letter in {"a", "d", "ds", "g", "gs"} and generation <= 2:
        cores, memory = _AZURE_OLD_D.get(number, (0, 0.0)) if letter in {"d", "ds"} else (0, 0.0)
        family = f"{letter}_v{generation}|{extra}"
        return MachineSize(name, family, cores, memory, successor="d_v5")
    ratio = _AZURE_GIB_PER_CORE.get(letter)
    if letter == "b" or ratio is None:
        return None
    successor = f"{letter}_v5" if generation < _AZURE_CURRENT_MIN and letter != "f" else None
    cores = int(number)
    return MachineSize(name, f"{letter}_v{generation}|{extra}", cores, cores * ratio, successor=successor)


def _gcp(name: str) -> MachineSize | None:
    found = _GCP.match(name)
    if found is None:
        return None
    family, kind, number = found.groups()
    ratio = _GCP_GIB.get(family, {}).get(kind)
    if ratio is None:
        return None
    successor = {"n1": "n2"}.get(family)
    return MachineSize(name, f"{family}-{kind}", int(number), int(number) * ratio, successor=successor)
