"""Money is a Decimal and a currency, together; two currencies are never added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Self

ZERO = Decimal(0)

# Currencies without minor units that Amazon pays in (ISO 4217).
_PLACES = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0}


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"cannot add {one} and {other}; keep one sum per currency")


class NotMoney(ValueError):
    """A value from Amazon is not an amount with a currency."""

    def __init__(self, value: object) -> None:
        super().__init__(f"not an amount of money: {value!r}; expected a number and a currency code")


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount; it is rounded only when it is shown."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Self:
        """Money of an exact number; a float is refused, because it has lost its cents already."""
        return cls(decimal(amount), currency)

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Money in any of Amazon's four spellings. Raises NotMoney.

        ``{CurrencyCode, Amount}``, ``{currencyCode, amount}``, ``{CurrencyCode, CurrencyAmount}``,
        ``{currencyCode, currencyAmount}``; the amount is a string or a number.
        """
        fields = {name.lower(): field for name, field in value.items()}
        amount = fields.get("currencyamount", fields.get("amount"))
        currency = fields.get("currencycode")
        if amount is None or not isinstance(currency, str):
            raise NotMoney(value)
        return cls(decimal(amount), currency)

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __mul__(self, units: int | Decimal) -> Money:
        return Money(self.amount * units, self.currency)

    def shown(self) -> str:
        """The amount as people read it: rounded to the currency's minor unit, halves away from zero."""
        return str(round_to_cents(self.amount, self.currency))

    def as_json(self) -> dict[str, str]:
        """The exact amount, as a string, with its currency."""
        return {"amount": plain(self.amount, self.currency), "currency": self.currency}


def decimal(value: object) -> Decimal:
    """The exact number; raises NotMoney for floats, NaN, infinities and what is not a number."""
    if isinstance(value, float | bool):
        raise NotMoney(value)
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation as error:
        raise NotMoney(value) from error
    if not number.is_finite():
        raise NotMoney(value)
    return number


def round_to_cents(amount: Decimal, currency: str) -> Decimal:
    """The amount in the currency's minor unit (JPY has none)."""
    return amount.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_UP)


def places(currency: str) -> int:
    """How many decimals its minor unit has."""
    return _PLACES.get(currency, 2)


def plain(amount: Decimal, currency: str) -> str:
    """The exact digits, without an exponent, and no zeros beyond the cents: ``18.9075``, ``40.00``, JPY ``1980``."""
    whole, _, fraction = f"{amount:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(places(currency), "0")
    return f"{whole}.{fraction}" if fraction else whole


def ratio(part: Decimal, whole: Decimal) -> str | None:
    """``part / whole`` with four decimals; None when there is nothing to divide by."""
    return None if whole == 0 else str((part / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP))
