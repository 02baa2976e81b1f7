"""The frozen books give the figures worked by hand, from transactions and from economics alike.

The working is docs/amazon-frozen-book.md; in short, USD:

    SKU        net sales   fees      ads    cost                     profit
    MUG-BLUE   42.99       18.9075   5.35   2 × 6.25    = 12.50       6.2325
    TEA-GREEN  37.50       15.29     2.35   3 × 4.1250  = 12.375      7.485
    LAMP-OAK   39.99       11.72     0.00   unknown                  28.27
    (no SKU)    0.00       39.99     0.00   other +2.50             -37.49
    all       120.48       85.9075   7.70   24.875                    4.4975

and JPY: 3,460 − 1,402 − 120 − 2 × 700 = 538.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.domains.profit.analysis import analyse_daily, analyse_weekly
from app.domains.profit.money import Money
from tests.domains.amazon.simulator.seller import SimulatedSeller

US, JAPAN = "ATVPDKIKX0DER", "A1VC38T7YXB528"
USER_COSTS = {"MUG-BLUE": Money.of("6.25", "USD"), "KAME-01": Money.of(700, "JPY")}

ALIKE = {
    "MUG-BLUE": {
        "net_sales": "42.99",
        "amazon_fees": "18.9075",
        "ads_spend": "5.35",
        "cogs": "12.50",
        "cogs_coverage": "2 of 2 units costed",
        "profit": "6.2325",
        "margin": "0.1450",
        "tacos": "0.1244",
        "units_ordered": 3,
        "units_refunded": 1,
        "units_net": 2,
    },
    "TEA-GREEN": {
        "net_sales": "37.50",
        "amazon_fees": "15.29",
        "ads_spend": "2.35",
        "cogs": "12.375",
        "cogs_coverage": "3 of 3 units costed",
        "profit": "7.485",
        "margin": "0.1996",
        "tacos": "0.0627",
        "units_ordered": 3,
        "units_refunded": 0,
        "units_net": 3,
    },
    "LAMP-OAK": {
        "net_sales": "39.99",
        "amazon_fees": "11.72",
        "ads_spend": "0.00",
        "cogs": "0.00",
        "cogs_coverage": "0 of 1 units costed",
        "profit": "28.27",
        "margin": "0.7069",
        "tacos": "0.0000",
        "units_ordered": 1,
        "units_refunded": 0,
        "units_net": 1,
    },
}


@pytest.fixture(scope="module")
def america() -> dict[str, Any]:
    """The daily analysis of the American book, fetched through the APIs."""
    payloads = SimulatedSeller("FROZEN", "US").daily("2026-03-01", "2026-03-10")
    return analyse_daily(payloads, "account", US, USER_COSTS)


@pytest.fixture(scope="module")
def japan() -> dict[str, Any]:
    """The same of the Japanese one."""
    payloads = SimulatedSeller("FROZEN", "JP").daily("2026-03-01", "2026-03-10")
    return analyse_daily(payloads, "account", JAPAN, USER_COSTS)


@pytest.mark.parametrize("source", ["profitability", "economics"])
def test_every_sku_is_as_worked_by_hand_from_either_source(america: dict[str, Any], source: str) -> None:
    """Net sales, fees, ads, cost, profit and units of each SKU, to the last digit."""
    found = {row["sku"]: row for row in america[source]["by_sku"] if row["sku"]}

    assert {sku: {name: found[sku][name] for name in figures} for sku, figures in ALIKE.items()} == ALIKE
    assert found.keys() == ALIKE.keys()


def test_the_account_is_as_worked_by_hand(america: dict[str, Any]) -> None:
    """Everything that was posted, with what no SKU carries."""
    assert america["profitability"]["totals"] == [
        {
            "currency": "USD",
            "gross_sales": "155.48",
            "promotions": "-5.00",
            "refunds": "-30.00",
            "net_sales": "120.48",
            "amazon_fees": "85.9075",
            "ads_spend": "7.70",
            "cogs": "24.875",
            "cogs_coverage": "5 of 6 units costed",
            "other": "2.50",
            "tax": "9.36",
            "profit": "4.4975",
            "margin": "0.0373",
            "acos": "0.0994",
            "tacos": "0.0639",
            "units_ordered": 7,
            "units_refunded": 1,
            "units_net": 6,
        }
    ]


def test_the_sources_differ_by_exactly_what_no_sku_carries(america: dict[str, Any]) -> None:
    """Economics has the SKUs' 41.9875; the subscription and the credit make it 4.4975."""
    [unattributed] = [row for row in america["profitability"]["by_sku"] if row["sku"] is None]

    assert america["economics"]["totals"][0]["profit"] == "41.9875"
    assert (unattributed["amazon_fees"], unattributed["other"], unattributed["profit"]) == ("39.99", "2.50", "-37.49")


def test_amazons_own_net_proceeds_agree_row_by_row(america: dict[str, Any]) -> None:
    """Eight rows, none without comparison."""
    assert america["economics"]["net_proceeds"] == {"agree": 8, "not_comparable": 0, "differ": []}


def test_the_ads_invoice_is_reconciled_and_not_added(america: dict[str, Any]) -> None:
    """7.70 spent, 6.55 invoiced: the spend stays 7.70."""
    assert america["profitability"]["ads_invoices"] == [
        {"currency": "USD", "reported": "7.70", "invoiced": "6.55", "not_invoiced": "1.15"}
    ]


def test_an_unknown_type_is_counted_and_named(america: dict[str, Any]) -> None:
    """The credit is in the profit and visible."""
    [other] = america["profitability"]["other"]

    assert (other["label"].split(":")[0], other["count"], other["amount"]) == ("LoyaltyCredit", 1, "2.50")


def test_orders_say_what_was_ordered_and_what_was_cancelled(america: dict[str, Any]) -> None:
    """Three orders live, one cancelled."""
    assert america["orders"] == {
        "orders": 3,
        "cancelled": 1,
        "totals": [{"currency": "USD", "gross_sales": "155.48", "promotions": "-5.00", "tax": "11.76", "units": 7}],
    }


@pytest.mark.parametrize("source", ["profitability", "economics"])
def test_yen_are_counted_in_yen(japan: dict[str, Any], source: str) -> None:
    """Net 3,460, fees 1,402, ads 120, cost 1,400: 538 yen, without decimals."""
    [yen] = [row for row in japan[source]["totals"] if row["currency"] == "JPY"]

    assert (yen["net_sales"], yen["amazon_fees"], yen["ads_spend"], yen["cogs"], yen["profit"]) == (
        "3460",
        "1402",
        "120",
        "1400",
        "538",
    )


def test_two_currencies_of_one_account_stay_apart(japan: dict[str, Any]) -> None:
    """The subscription is billed in dollars: a loss of its own, with no margin."""
    [dollars] = [row for row in japan["profitability"]["totals"] if row["currency"] == "USD"]

    assert (dollars["amazon_fees"], dollars["profit"], dollars["margin"]) == ("39.99", "-39.99", None)


def test_the_week_tells_the_same_book() -> None:
    """Sales totals, traffic, inventory and finances of the American book."""
    payloads = SimulatedSeller("FROZEN", "US").weekly("2026-03-01", "2026-03-10")

    week = analyse_weekly(payloads, "account", US, USER_COSTS)

    assert week["sales_totals"]["sales"] == [{"amount": "147.49", "currency": "USD"}]
    assert (week["sales_totals"]["orders"], week["sales_totals"]["units"]) == (3, 7)
    assert week["sales_traffic"]["sales"] == [{"amount": "147.49", "currency": "USD"}]
    assert (week["sales_traffic"]["units_ordered"], week["sales_traffic"]["units_refunded"]) == (7, 1)
    assert week["inventory"]["totals"]["fulfillable"] == 52
    assert week["inventory"]["out_of_stock"] == ["LAMP-OAK"]
    assert week["finances"]["totals"][0]["amazon_fees"] == "85.9075"
    assert week["performance_v2"]["marketplaces"][0]["bad"] == ["preFulfillmentCancellationRate"]
    assert week["performance_v1"]["verified"] is False
    assert "– für „Käufer“" in week["performance_v1"]["raw"]
