from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.value import Json
from graph.drift import values


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("true", True),
        ("FALSE", False),
        ("300", 300),
        (5.0, 5),
        ("2026-01-02T03:04:05.678Z", "2026-01-02T05:04:05+02:00"),
        ("2001:0db8::0:1/64", "2001:db8::1/64"),
    ],
)
def test_one_value_in_two_spellings_is_equal(left: Json, right: Json) -> None:
    assert values.scalar(left, is_caseless=False) == values.scalar(right, is_caseless=False)


@pytest.mark.parametrize(
    ("left", "right"), [("1.10", "1.1"), ("010", "10"), ("10.0.0.0/8", "10.0.0.0/16"), ("TLS1_2", "TLS1_0")]
)
def test_values_that_only_look_alike_are_not_equal(left: str, right: str) -> None:
    assert values.scalar(left, is_caseless=True) != values.scalar(right, is_caseless=True)


def test_case_counts_only_where_the_provider_says_so() -> None:
    assert values.scalar("TLS1_2", is_caseless=True) == values.scalar("tls1_2", is_caseless=True)
    assert values.scalar("TLS1_2", is_caseless=False) != values.scalar("tls1_2", is_caseless=False)


def test_quantities_are_compared_in_one_unit() -> None:
    assert values.size("512Mi") == 536_870_912
    assert values.size("1GB") == 1_000_000_000
    assert values.duration("P7D") == values.duration("604800s") == values.duration(604_800) == 604_800
    assert values.duration("PT1H30M") == 5_400
    assert values.size("lots") == "lots"


def test_short_and_long_ids_of_one_thing_are_the_same_reference() -> None:
    arn = "arn:aws:kms:eu-central-1:123456789012:key/1cb2"
    assert values.same_reference(arn, "1cb2")
    assert values.same_reference("/subscriptions/A/resourceGroups/G", "/subscriptions/a/resourcegroups/g")
    assert values.same_reference(
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/machineTypes/n1", "zones/z/machineTypes/n1"
    )
    assert not values.same_reference(arn, "arn:aws:kms:eu-central-1:999999999999:key/1cb2")
    assert not values.same_reference("key/1cb2", "key/2cb2")


def test_policies_that_mean_the_same_are_equal() -> None:
    one = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "s3:GetObject",
            "Resource": ["b", "a"],
            "Sid": "",
        },
    }
    other = {
        "version": "2012-10-17",
        "statement": [
            {
                "action": ["S3:GetObject"],
                "effect": "Allow",
                "resource": ["a", "b"],
                "principal": {"AWS": ["123456789012"]},
            }
        ],
    }
    assert values.policy(json.dumps(one)) == values.policy(other)  # type: ignore[arg-type]


def test_the_order_of_statements_does_not_count_but_their_content_does() -> None:
    first: Json = {"Effect": "Allow", "Action": "a:B", "Resource": "*"}
    second: Json = {"Effect": "Deny", "Action": "a:C", "Resource": "*"}
    assert values.policy({"Statement": [first, second]}) == values.policy({"Statement": [second, first]})
    assert values.policy({"Statement": [first]}) != values.policy({"Statement": [second]})


def test_text_that_is_no_policy_stays() -> None:
    assert values.policy("no json") == "no json"
    assert values.policy(3) == 3


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_a_whole_number_equals_its_text(number: int) -> None:
    assert values.scalar(str(number), is_caseless=False) == number


@given(st.text())
def test_every_text_has_one_form(text: str) -> None:
    once = values.scalar(text, is_caseless=True)
    assert not isinstance(once, str) or values.scalar(once, is_caseless=True) == once
