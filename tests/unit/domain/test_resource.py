"""Ids of one resource compare equal however a provider writes them."""

from __future__ import annotations

import pytest

from domain.finding import Control, Severity
from domain.resource import Origin, resource_key, resource_keys


def test_arm_ids_compare_without_case() -> None:
    assert resource_key("/Subscriptions/S/resourceGroups/RG") == resource_key("/subscriptions/s/resourcegroups/rg")


@pytest.mark.parametrize(
    "link",
    [
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "https://compute.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "//compute.googleapis.com/projects/p/zones/z/instances/i",
    ],
)
def test_self_links_and_full_resource_names_meet(link: str) -> None:
    assert resource_key(link) == "//compute.googleapis.com/projects/p/zones/z/instances/i"


@pytest.mark.parametrize(
    "uid", ["arn:aws:s3:::Bucket", "https://example.com/Projects/", "https://www.googleapis.com/discovery", "i-0F"]
)
def test_other_ids_are_compared_as_they_are(uid: str) -> None:
    assert resource_key(uid) == uid


def test_an_origin_reads_as_file_and_line() -> None:
    assert (str(Origin("a.json", 3)), str(Origin("a.json"))) == ("a.json:3", "a.json")


def test_severities_rank_from_worst_to_least() -> None:
    assert sorted(Severity, key=lambda s: s.rank) == [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]


def test_a_control_reads_as_framework_and_id() -> None:
    assert str(Control("CIS-AWS-3.0", "5.2")) == "CIS-AWS-3.0 5.2"


def test_keys_of_many_are_those_of_each() -> None:
    uids = [
        "", "h", "/Subscriptions/S/x", "//compute.googleapis.com/projects/p/x", "arn:aws:s3:::B", "http://example.com/A",
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
    ]  # fmt: skip
    assert resource_keys(uids) == [resource_key(uid) for uid in uids]
