"""What the clicks cost and sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domains.profit.sponsored_ads import sponsored_ads

US = "ATVPDKIKX0DER"


def row(campaign: int, sku: str, cost: str, sales: str, **more: Any) -> dict[str, Any]:
    """A day of one advertised product."""
    figures = {"cost": Decimal(cost), "sales7d": Decimal(sales), "impressions": 200, "clicks": 4, "purchases7d": 1}
    return {"date": "2026-03-02", "campaignId": campaign, "advertisedSku": sku, **figures, **more}


def test_campaigns_and_skus_add_up_to_the_total() -> None:
    """1.10 and 2.20 of one campaign, 0.70 of another."""
    found = sponsored_ads([row(1, "A", "1.10", "10"), row(1, "B", "2.20", "20"), row(2, "A", "0.70", "0")], US)

    assert [(total["cost"], total["sales"], total["acos"]) for total in found["totals"]] == [
        ("4.00", "30.00", "0.1333")
    ]
    assert [(one["campaign_id"], one["cost"]) for one in found["by_campaign"]] == [("1", "3.30"), ("2", "0.70")]
    assert [(one["sku"], one["cost"]) for one in found["by_sku"]] == [("A", "1.80"), ("B", "2.20")]


def test_a_row_without_currency_has_its_marketplaces() -> None:
    """And a row that names one keeps it: two currencies are two totals."""
    found = sponsored_ads([row(1, "A", "1.10", "10"), row(1, "A", "120", "0", campaignBudgetCurrencyCode="JPY")], US)

    assert [(total["currency"], total["cost"]) for total in found["totals"]] == [("JPY", "120"), ("USD", "1.10")]


def test_ratios_without_clicks_or_sales_are_none() -> None:
    """Nothing was clicked: no cost per click, no ACOS."""
    [found] = sponsored_ads([row(1, "A", "0", "0", clicks=0)], US)["totals"]

    assert (found["cost_per_click"], found["acos"], found["roas"]) == (None, None, None)


def test_the_shown_attribution_window_is_seven_days() -> None:
    """Where a report has several, seven days go before fourteen."""
    [found] = sponsored_ads([row(1, "A", "1", "10", sales14d=Decimal(99))], US)["totals"]

    assert found["sales"] == "10.00"
