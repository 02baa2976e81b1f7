"""Sums over lines: per currency, per SKU, with the costs that are known."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from app.domains.profit.analysis import analyse_daily, analyse_weekly
from app.domains.profit.lines import Category, Line
from app.domains.profit.money import Money
from app.domains.profit.profitability import profitability


def line(category: Category, amount: str, units: int = 0, sku: str | None = "MUG", currency: str = "USD") -> Line:
    """A line of 2 March."""
    return Line("account", "US", sku, date(2026, 3, 2), category, Decimal(amount), currency, units, "id", "label")


def total(*lines: Line, costs: dict[str, Money] | None = None) -> dict[str, Any]:
    """The only currency's figures."""
    [figures] = profitability(lines, costs or {}).as_json()["totals"]
    found: dict[str, Any] = figures
    return found


def test_profit_is_net_sales_less_fees_ads_and_cost_with_the_rest() -> None:
    """100 + 5 − 10 − 20 = 75 net; 75 − 15 − 5 − 2 × 8 + 1 = 40."""
    found = total(
        line(Category.SALE, "100", 3),
        line(Category.SHIPPING, "5"),
        line(Category.PROMOTION, "-10"),
        line(Category.REFUND, "-20", -1),
        line(Category.FEE, "-15"),
        line(Category.ADS, "-5"),
        line(Category.OTHER, "1"),
        costs={"MUG": Money.of(8, "USD")},
    )

    assert (found["gross_sales"], found["net_sales"], found["cogs"], found["profit"]) == (
        "105.00",
        "75.00",
        "16.00",
        "40.00",
    )
    assert found["margin"] == "0.5333"


def test_tax_transfers_and_invoices_are_no_part_of_the_profit() -> None:
    """They pass through, or repeat what is counted elsewhere."""
    found = total(
        line(Category.SALE, "10", 1),
        line(Category.TAX, "2"),
        line(Category.TRANSFER, "-100"),
        line(Category.ADS_INVOICE, "-5"),
    )

    assert (found["profit"], found["tax"]) == ("10.00", "2.00")


def test_amazons_cost_goes_before_the_users() -> None:
    """Cost lines are the cost of goods; the user's own is not added again."""
    found = total(line(Category.SALE, "10", 1), line(Category.COGS, "-4", 1), costs={"MUG": Money.of(9, "USD")})

    assert (found["cogs"], found["profit"]) == ("4.00", "6.00")


def test_a_cost_in_another_currency_counts_as_missing() -> None:
    """Dollars and euros are never added; the gap is shown."""
    found = total(line(Category.SALE, "10", 2), costs={"MUG": Money.of(3, "EUR")})

    assert (found["cogs"], found["cogs_coverage"]) == ("0.00", "0 of 2 units costed")


def test_ratios_without_a_divisor_are_none() -> None:
    """No sales, no margin; no ad sales, no ACOS."""
    found = total(line(Category.ADS, "-5"))

    assert (found["margin"], found["acos"], found["tacos"]) == (None, None, None)


def test_currencies_are_sums_of_their_own() -> None:
    """Two of them, two totals."""
    found = profitability([line(Category.SALE, "10", 1), line(Category.SALE, "1980", 1, currency="JPY")], {}).as_json()

    assert [(row["currency"], row["net_sales"]) for row in found["totals"]] == [("JPY", "1980"), ("USD", "10.00")]


def test_datasets_that_were_not_fetched_are_none() -> None:
    """A failed dataset must not look like an empty one."""
    day = analyse_daily({"transactions": [], "ads": None}, "account", "ATVPDKIKX0DER", {})
    week = analyse_weekly({}, "account", "ATVPDKIKX0DER", {})

    assert day["economics"] is None
    assert day["sponsored_ads"] is None
    assert day["profitability"]["totals"] == []
    assert {name for name, value in week.items() if value is None} == {
        "performance_v1",
        "performance_v2",
        "inventory",
        "sales_traffic",
        "sales_totals",
        "finances",
    }
    json.dumps([day, week])
