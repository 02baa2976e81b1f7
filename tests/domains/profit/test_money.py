"""Money is exact, and one currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domains.profit.money import CurrencyMismatch, Money, NotMoney, plain, ratio


def test_two_currencies_are_never_added() -> None:
    """USD and JPY have no sum."""
    dollars, yen = Money.of("1.10", "USD"), Money.of(100, "JPY")

    with pytest.raises(CurrencyMismatch, match="USD and JPY"):
        dollars + yen


@pytest.mark.parametrize(
    "spelling",
    [
        {"CurrencyCode": "USD", "Amount": "11.01"},
        {"currencyCode": "USD", "amount": "11.01"},
        {"CurrencyCode": "USD", "CurrencyAmount": Decimal("11.01")},
        {"currencyCode": "USD", "currencyAmount": Decimal("11.01")},
    ],
)
def test_money_is_read_in_each_of_amazons_spellings(spelling: dict[str, Any]) -> None:
    """All four are the same 11.01 USD."""
    assert Money.read(spelling) == Money(Decimal("11.01"), "USD")


@pytest.mark.parametrize(
    "value", [{"amount": 11.01, "currencyCode": "USD"}, {"amount": "NaN", "currencyCode": "USD"}, {}]
)
def test_a_float_a_nan_and_a_gap_are_no_money(value: dict[str, Any]) -> None:
    """A float has lost its cents before we see it."""
    with pytest.raises(NotMoney):
        Money.read(value)


def test_a_line_keeps_its_four_decimals_until_it_is_shown() -> None:
    """Three charges of 0.3333 are 0.9999, shown as 1.00; not 0.99."""
    total = Money.of("0.3333", "USD") * 3

    assert total.as_json() == {"amount": "0.9999", "currency": "USD"}
    assert total.shown() == "1.00"


def test_yen_have_no_cents() -> None:
    """JPY is shown, and written, without decimals."""
    assert Money.of("1979.5", "JPY").shown() == "1980"
    assert plain(Decimal("1980.00"), "JPY") == "1980"


def test_nothing_divided_by_zero_is_none() -> None:
    """A margin without sales is unknown, not zero."""
    assert ratio(Decimal(5), Decimal(0)) is None
    assert ratio(Decimal(0), Decimal(5)) == "0.0000"
