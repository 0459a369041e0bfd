"""Amounts of money: exact, with their currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.errors import InputError


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in one ISO 4217 currency."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.amount - other.amount, self.currency)

    def _require_same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InputError(
                "two currencies in one sum",
                expected=self.currency,
                got=other.currency,
                todo="Convert one with a rates table first",
            )
