"""Economics rows: costs go out, and net proceeds are checked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domains.profit.economics import check_net_proceeds, lines, unit_costs
from app.domains.profit.lines import Category
from app.domains.profit.money import Money

US = "ATVPDKIKX0DER"


def amount(value: str) -> dict[str, Any]:
    """So many dollars."""
    return {"amount": Decimal(value), "currencyCode": "USD"}


def row(total: str, cost: dict[str, Any] | None = None) -> dict[str, Any]:
    """Three sold, one back; fees 3.10, ads 1.25: 12.90 without costs."""
    return {
        "startDate": "2026-03-02",
        "marketplaceId": US,
        "msku": "MUG",
        "sales": {
            "orderedProductSales": amount("25.875"),
            "refundedProductSales": amount("8.625"),
            "netProductSales": amount("17.25"),
            "unitsOrdered": 3,
            "unitsRefunded": 1,
            "netUnitsSold": 2,
        },
        "fees": [{"feeTypeName": "Referral fee", "charges": [{"aggregatedDetail": {"totalAmount": amount("3.10")}}]}],
        "ads": [{"adTypeName": "Sponsored Products charge", "charge": {"totalAmount": amount("1.25")}}],
        "cost": cost,
        "netProceeds": {"total": amount(total)},
    }


def test_positive_fees_and_ads_become_what_goes_out() -> None:
    """Economics writes costs as positive amounts; lines are signed from the seller's side."""
    found = {line.category: (line.amount, line.units) for line in lines([row("12.90")], "account", US)}

    assert found == {
        Category.SALE: (Decimal("25.875"), 3),
        Category.REFUND: (Decimal("-8.625"), -1),
        Category.FEE: (Decimal("-3.10"), 0),
        Category.ADS: (Decimal("-1.25"), 0),
    }


def test_net_proceeds_agree_to_the_cent_or_the_row_is_named() -> None:
    """17.25 − 3.10 − 1.25 = 12.90; a cent more is a difference."""
    right, wrong = row("12.904"), row("12.91")

    checks = check_net_proceeds([right, wrong], "account", US)

    assert [check.agrees for check in checks] == [True, False]
    assert checks[1].ours == Money.of("12.90", "USD")


def test_costs_entered_at_amazon_are_the_cost_of_goods() -> None:
    """(3.00 + 0.25 + 0.50) × 2 net units are in the net proceeds, and are the unit cost."""
    cost = {
        "costOfGoodsSold": amount("3.00"),
        "miscellaneousCost": amount("0.25"),
        "fbaCost": {"shippingToAmazonCost": amount("0.50")},
        "mfnCost": None,
    }

    checks = check_net_proceeds([row("5.40", cost)], "account", US)

    assert [check.agrees for check in checks] == [True]
    assert unit_costs([row("5.40", cost)]) == {"MUG": Money.of("3.75", "USD")}


def test_net_proceeds_without_their_parts_are_not_compared() -> None:
    """The total does not change with the query's selection, so a row without fees proves nothing."""
    partial = {name: value for name, value in row("800").items() if name != "fees"}

    assert [check.agrees for check in check_net_proceeds([partial], "account", US)] == [None]
