"""Where resources run: zones and regions, read out of their documents, and what is lost with one of them.

A resource that runs in several zones, or says that it is spread over zones, survives the loss of one; one that runs
in several regions survives the loss of one. What is lost besides follows from the graph. A resource in a region whose
document names no zone is not taken to be in any: it is counted, so that nobody reads it as safe.

AWS and Azure name zones per account: the same name may mean another building elsewhere.
Source of the property names: AWS Config resource schema and API responses, ARM templates, Google Cloud API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.errors import NotFound
from domain.resource import ConfigurationItem
from domain.value import Json
from graph.snapshot import Rows

_ZONE_PATHS: Final = """
availabilityzone
availabilityzones
availabilityzones.zonename
availabilityzones.value
availabilityzonename
placement.availabilityzone
preferredavailabilityzone
secondaryavailabilityzone
vpcoptions.availabilityzones
configurationitem.availabilityzone
zones
properties.availabilityzone
properties.standbyavailabilityzone
properties.highavailability.standbyavailabilityzone
zone
gcezone
secondarygcezone
replicazone
replicazones
settings.locationpreference.zone
settings.locationpreference.secondaryzone
distributionpolicy.zones.zone
config.gceclusterconfig.zoneuri
nodes.zone
"""
_SPREAD_PATHS: Final = """
multiaz
properties.zoneredundant
properties.highavailability.mode
properties.locations.iszoneredundant
settings.availabilitytype
sku.name
zonedistributionconfig.mode
"""
_REGION_PATHS: Final = """
properties.locations.locationname
replicas.regionname
replicas.region
"""
_SPREAD: Final = re.compile(r"true|enabled|regional|zoneredundant|multi_zone|.*_(?:zrs|gzrs|ragzrs)")
_REGIONAL_TYPES: Final = re.compile(r".*snapshot|compute\.googleapis\.com/region|aws::ec2::servicedetail")
"""Kept in the region although their documents name the zone that they were made from."""
_NAMED_ZONE: Final = re.compile(r"(?:.*/)?((?:[a-z]+-)+\d[a-z]|[a-z]+(?:-[a-z]+)+\d+-[a-z])")
_NUMBERED_ZONE: Final = re.compile(r"[1-9]")
_IN_ID: Final = re.compile(r"/zones/([a-z0-9-]+)(?:/|$)")
KNOWN_MAX: Final = 20
_NOWHERE: Final = frozenset({"", "global", "aws-global"})


def _paths(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split(".")) for line in table.split())


ZONES, SPREADS, REGIONS = _paths(_ZONE_PATHS), _paths(_SPREAD_PATHS), _paths(_REGION_PATHS)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one resource runs. `is_spread`: it says that it survives the loss of a zone."""

    regions: frozenset[str]
    zones: frozenset[str]
    is_spread: bool


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """What the loss of a place takes with it at once.

    Args:
        rows: those that run there alone. spread: how many run there and elsewhere.
        unplaced: how many in the zone's region do not say where they run.
    """

    rows: Rows
    spread: int
    unplaced: int


def place_of(item: ConfigurationItem) -> Place:
    """Where a resource runs, as far as its document says."""
    region = _folded(item.region)
    regions = {_folded(text) for text in _texts(item, REGIONS)} | {region}
    zones: set[str] = set()
    if not _REGIONAL_TYPES.fullmatch(item.type.lower()):
        zones = {zone for text in (*_texts(item, ZONES), *_IN_ID.findall(item.uid)) if (zone := _zone(text, region))}
    is_spread = any(_SPREAD.fullmatch(text) for text in _texts(item, SPREADS))
    return Place(frozenset(regions - _NOWHERE), frozenset(zones), is_spread)


class Places:
    """The places of all rows of a graph: distinct ones once, and a code for each row.

    Args:
        codes: int32 (n,), index into `known`; -1 for a row without a resource.
    """

    def __init__(self, codes: Rows, known: Sequence[Place]) -> None:
        self._codes = codes
        self._known = known
        used = {place for code, place in enumerate(known) if code in set(np.unique(codes).tolist())}
        self.zones = tuple(sorted({zone for place in used for zone in place.zones}))
        self.regions = tuple(sorted({region for place in used for region in place.regions}))

    @classmethod
    def of(cls, items: Iterable[ConfigurationItem]) -> Places:
        """The places of items, which are in the order of rows."""
        number: dict[Place, int] = {}
        codes = [number.setdefault(place_of(item), len(number)) for item in items]
        return cls(np.array(codes, np.int32), tuple(number))

    def lost_with_zone(self, zone: str) -> Lost:
        """What is lost with a zone.

        Raises:
            NotFound: no resource names it.
        """
        name = _found(self.zones, zone, "zone")
        there = [place for place in self._known if name in place.zones]
        alone = self._rows([place for place in there if not place.is_spread and len(place.zones) == 1])
        region = _region_of(name)
        silent = [p for p in self._known if region in p.regions and not p.zones and not p.is_spread]
        return Lost(alone, len(self._rows(there)) - len(alone), len(self._rows(silent)))

    def lost_with_region(self, region: str) -> Lost:
        """What is lost with a region.

        Raises:
            NotFound: no resource is there.
        """
        name = _found(self.regions, region, "region")
        there = [place for place in self._known if name in place.regions]
        alone = self._rows([place for place in there if len(place.regions) == 1])
        return Lost(alone, len(self._rows(there)) - len(alone), 0)

    def _rows(self, places: Iterable[Place]) -> Rows:
        chosen = set(places)
        numbers = [code for code, place in enumerate(self._known) if place in chosen]
        return np.flatnonzero(np.isin(self._codes, numbers)).astype(np.int32)


def _found(known: Sequence[str], name: str, what: str) -> str:
    if _folded(name) not in known:
        shown = ", ".join(known[:KNOWN_MAX]) or "none"
        raise NotFound(f"no resource is in that {what}", got=name, known=shown, todo=f"Give one of the {what}s known")
    return _folded(name)


def _folded(text: str) -> str:
    return text.replace(" ", "").lower()


def _zone(text: str, region: str) -> str:
    """A zone by its whole name; Azure's numbers are named after their region."""
    if _NUMBERED_ZONE.fullmatch(text):
        return f"{region}-{text}" if region else ""
    found = _NAMED_ZONE.fullmatch(text)
    return found[1] if found else ""


def _region_of(zone: str) -> str:
    """``eu-west-1a``, ``europe-west1-b`` and ``westeurope-2`` without their last part."""
    return zone[:-1].removesuffix("-")


def _texts(item: ConfigurationItem, paths: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Texts and truths at some paths, folded, through arrays, names without case."""
    names = {name.lower(): value for name, value in item.properties.items()}
    for path in paths:
        if path[0] in names:
            yield from _at(names[path[0]], path[1:])


def _at(value: Json, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _at(element, path)
    elif path:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name.lower() == path[0]:
                    yield from _at(inner, path[1:])
    elif isinstance(value, str | bool):
        yield _folded(str(value))
