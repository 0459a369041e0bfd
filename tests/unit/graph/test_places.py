"""Zones and regions of resources, as their documents say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import NotFound
from domain.resource import ConfigurationItem
from domain.value import Json
from graph.places import Places, place_of
from tests.unit.graph.estate import item


def placed(
    properties: dict[str, Json], *, region: str = "eu-west-1", type_: str = "t/thing", uid: str = "x"
) -> ConfigurationItem:
    return replace(item(uid, type_, properties), region=region)


@pytest.mark.parametrize(
    ("properties", "region", "zones"),
    [
        ({"Placement": {"AvailabilityZone": "eu-west-1a"}}, "eu-west-1", {"eu-west-1a"}),
        ({"availabilityZone": "us-gov-west-1b"}, "us-gov-west-1", {"us-gov-west-1b"}),
        ({"AvailabilityZones": [{"ZoneName": "eu-west-1a"}, {"ZoneName": "eu-west-1b"}]}, "eu-west-1",
         {"eu-west-1a", "eu-west-1b"}),
        ({"AvailabilityZones": ["eu-west-1c"]}, "eu-west-1", {"eu-west-1c"}),
        ({"zones": ["1"]}, "West Europe", {"westeurope-1"}),
        ({"properties": {"availabilityZone": "2"}}, "westeurope", {"westeurope-2"}),
        ({"zone": "https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b"}, "europe-west1",
         {"europe-west1-b"}),
        ({"configurationItem": {"availabilityZone": "Not Applicable"}}, "eu-west-1", set()),
        ({"zones": None, "zone": 7}, "eu-west-1", set()),
        ({"zones": ["1"]}, "", set()),
    ],
)  # fmt: skip
def test_zones_are_read_in_the_form_of_each_provider(properties: dict[str, Json], region: str, zones: set[str]) -> None:
    assert place_of(placed(properties, region=region)).zones == zones


def test_a_zone_in_the_id_counts_and_a_dns_zone_does_not() -> None:
    machine = placed({}, uid="//compute.googleapis.com/projects/p/zones/europe-west1-b/instances/web")
    name = placed({}, uid="/subscriptions/s/providers/Microsoft.Network/dnszones/example.com")
    assert place_of(machine).zones == {"europe-west1-b"}
    assert place_of(name).zones == frozenset()


def test_a_snapshot_is_kept_in_its_region() -> None:
    assert place_of(placed({"AvailabilityZone": "eu-west-1a"}, type_="AWS::RDS::DBSnapshot")).zones == frozenset()


@pytest.mark.parametrize(
    "properties",
    [
        {"MultiAZ": True},
        {"properties": {"zoneRedundant": True}},
        {"sku": {"name": "Standard_ZRS"}},
        {"settings": {"availabilityType": "REGIONAL"}},
        {"properties": {"highAvailability": {"mode": "ZoneRedundant"}}},
    ],
)
def test_what_is_spread_over_zones_survives_the_loss_of_one(properties: dict[str, Json]) -> None:
    places = Places.of(
        [placed({**properties, "AvailabilityZone": "eu-west-1a"}), placed({"AvailabilityZone": "eu-west-1a"})]
    )
    lost = places.lost_with_zone("eu-west-1a")
    assert (lost.rows.tolist(), lost.spread) == ([1], 1)


def test_a_flag_that_says_no_is_no_spread() -> None:
    assert not place_of(placed({"MultiAZ": False, "sku": {"name": "Standard_LRS"}})).is_spread


def test_resources_that_do_not_say_where_they_run_are_counted() -> None:
    places = Places.of([placed({"AvailabilityZone": "eu-west-1a"}), placed({}), placed({}, region="us-east-1")])
    lost = places.lost_with_zone("EU-WEST-1A")
    assert (lost.rows.tolist(), lost.unplaced) == ([0], 1)


def test_a_region_takes_what_runs_in_it_alone() -> None:
    both: dict[str, Json] = {
        "properties": {"locations": [{"locationName": "West Europe"}, {"locationName": "North Europe"}]}
    }
    places = Places.of(
        [placed({}, region="westeurope"), placed(both, region="West Europe"), placed({}, region="global")]
    )
    lost = places.lost_with_region("West Europe")
    assert (lost.rows.tolist(), lost.spread) == ([0], 1)
    assert places.regions == ("northeurope", "westeurope")


def test_an_unknown_place_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFound) as caught:
        Places.of([placed({"AvailabilityZone": "eu-west-1a"})]).lost_with_zone("mars-1")
    assert caught.value.facts["known"] == "eu-west-1a"
