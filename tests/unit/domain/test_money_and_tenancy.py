"""Money never mixes currencies; tenant names are checked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.errors import InputError
from domain.money import Money
from domain.tenancy import tenant_id
from domain.value import MISSING, UNREAD


def test_amounts_of_one_currency_add_and_subtract_exactly() -> None:
    a, b = Money(Decimal("0.10"), "EUR"), Money(Decimal("0.20"), "EUR")
    assert a + b == Money(Decimal("0.30"), "EUR")
    assert b - a == Money(Decimal("0.10"), "EUR")


def test_two_currencies_are_never_summed() -> None:
    with pytest.raises(InputError, match="two currencies"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")


@pytest.mark.parametrize("name", ["demo", "a", "team-7", "0x"])
def test_lower_case_names_are_tenants(name: str) -> None:
    assert tenant_id(name) == name


@pytest.mark.parametrize("name", ["", "Demo", "-a", "a/b", "../x", "a" * 64, "a b"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="tenant name"):
        tenant_id(name)


def test_the_two_ways_of_having_no_value_are_told_apart() -> None:
    assert len({MISSING, UNREAD}) == 2
    assert (repr(MISSING), repr(UNREAD)) == ("MISSING", "UNREAD")
