"""Shared cost is given out by declared rules, and the parts are exactly the whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost.sharing import RULES_MAX, Method, SharingRule, share, split
from domain.errors import InputError

AMOUNTS = {"web": Decimal(60), "data": Decimal(30), "network": Decimal(10), "": Decimal(5)}


def rule(method: Method = Method.EVEN, *shared: str, name: str = "r", **weights: Decimal) -> SharingRule:
    return SharingRule(name, frozenset(shared or ("network",)), method, weights)


def totals(*rules: SharingRule) -> dict[str, Decimal]:
    return {each.key: each.total for each in share(AMOUNTS, rules).shares}


def test_even_shares_are_equal() -> None:
    assert totals(rule(Method.EVEN, "network", "")) == {"web": Decimal("67.5"), "data": Decimal("37.5")}


def test_proportional_shares_follow_what_each_costs_itself() -> None:
    found = totals(rule(Method.PROPORTIONAL, "network", ""))
    assert found == {"web": Decimal(70), "data": Decimal(35)}


def test_weights_say_who_takes_what_even_who_costs_nothing_itself() -> None:
    found = totals(rule(Method.WEIGHTS, "network", web=Decimal(1), lab=Decimal(3)))
    assert found == {"web": Decimal("62.5"), "data": 30, "lab": Decimal("7.5"), "": 5}


def test_receivers_can_be_named() -> None:
    named = SharingRule("r", frozenset({"network"}), Method.EVEN, receivers=frozenset({"data"}))
    assert totals(named) == {"web": 60, "data": 40, "": 5}


def test_each_rule_s_part_is_shown_by_its_name() -> None:
    found = share(AMOUNTS, [rule(Method.EVEN, "network", name="net"), rule(Method.PROPORTIONAL, "", name="rest")])
    web = next(each for each in found.shares if each.key == "web")
    assert web.own == 60
    assert {name: round(part, 2) for name, part in web.given.items()} == {"net": 5, "rest": Decimal("3.33")}


def test_what_nobody_can_take_stays_and_is_said() -> None:
    found = share({"network": Decimal(10)}, [rule(Method.PROPORTIONAL)])
    assert (found.shares, found.undistributed, found.whole) == ((), {"network": Decimal(10)}, Decimal(10))


@pytest.mark.parametrize(
    "rules",
    [
        [SharingRule("r", frozenset(), Method.EVEN)],
        [rule(Method.WEIGHTS)],
        [rule(Method.EVEN, web=Decimal(1))],
        [rule(Method.WEIGHTS, "network", web=Decimal(-1))],
        [rule(Method.WEIGHTS, "network", network=Decimal(1))],
        [rule(name="a"), rule(name="b")],
        [rule(), rule(Method.EVEN, "data")],
        [rule(Method.EVEN, str(number), name=str(number)) for number in range(RULES_MAX + 1)],
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: list[SharingRule]) -> None:
    with pytest.raises(InputError):
        share(AMOUNTS, rules)


_amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=12, allow_nan=False)
_weights = st.decimals(min_value="0.000001", max_value=10**6, places=6, allow_nan=False)


@given(_amounts, st.dictionaries(st.text(max_size=3), _weights, min_size=1, max_size=8))
def test_the_parts_are_exactly_the_whole(total: Decimal, weights: dict[str, Decimal]) -> None:
    parts = split(total, weights)
    assert sum(parts.values(), Decimal(0)) == total
    assert set(parts) == set(weights)


@given(
    st.dictionaries(st.sampled_from("abcdefg"), _amounts, min_size=1),
    st.sampled_from([Method.EVEN, Method.PROPORTIONAL]),
    st.sets(st.sampled_from("abcdefg"), min_size=1, max_size=3),
    st.sampled_from([Method.EVEN, Method.PROPORTIONAL]),
)
def test_however_it_is_shared_the_sum_stays(
    amounts: dict[str, Decimal], first: Method, shared: set[str], second: Method
) -> None:
    rules = [rule(first, *shared, name="1"), rule(second, "z", name="2")]
    given_amounts = {**amounts, "z": Decimal("7.000000000001")}
    assert share(given_amounts, rules).whole == sum(given_amounts.values(), Decimal(0))
