"""One book per seller: every API tells the same story."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.domains.amazon.simulator import Options
from app.domains.amazon.simulator.generated_book import generate_book
from app.domains.amazon.simulator.marketplaces import BY_COUNTRY, MARKETPLACES
from app.domains.profit.analysis import analyse_daily, analyse_weekly
from tests.domains.amazon.simulator.seller import Clock, SimulatedSeller

TODAY = date(2026, 3, 20)


def test_the_same_seller_has_the_same_book() -> None:
    """Nothing in it depends on the process or on chance; another seller has another."""
    one, again, other = (generate_book(seller, BY_COUNTRY["US"], TODAY) for seller in ("7", "7", "8"))

    assert one == again
    assert one.orders != other.orders


def test_a_day_stays_as_it_was_when_the_next_one_comes() -> None:
    """Tomorrow's book has today's orders."""
    today, tomorrow = (generate_book("7", BY_COUNTRY["US"], date(2026, 3, day)) for day in (20, 21))

    assert today.orders[-5:] == tuple(order for order in tomorrow.orders if order.at.date() < TODAY)[-5:]


def test_the_books_hold_what_analyses_stumble_over() -> None:
    """Among a few sellers: refunds whole and partial, promotions, cancellations, unknown types, two currencies."""
    books = [generate_book(str(seller), BY_COUNTRY["DE"], TODAY) for seller in range(5)]

    assert {refund.units > 0 for book in books for refund in book.refunds} == {True, False}
    assert any(item.promotion < 0 for book in books for order in book.orders for item in order.items)
    assert any(order.cancelled for book in books for order in book.orders)
    assert any(posting.transaction_type == "LoyaltyCredit" for book in books for posting in book.postings)
    assert {charge.currency for book in books for charge in book.charges} == {"EUR", "USD"}


@pytest.mark.parametrize("country", ["US", "JP", "GB", "MX"])
def test_every_api_of_a_generated_seller_tells_the_same(country: str) -> None:
    """Forty days through short pages: transactions, economics, orders, totals and traffic agree."""
    seller = SimulatedSeller("31", country, Options(page_size=20, budget_scale=1_000))
    first, last = "2026-02-08", "2026-03-19"
    day = analyse_daily(seller.daily(first, last), "account", seller.marketplace, {})
    week = analyse_weekly(seller.weekly(first, "2026-03-20"), "account", seller.marketplace, {})

    posted = {row["sku"]: row for row in day["profitability"]["by_sku"] if row["sku"]}
    kiosk = {row["sku"]: row for row in day["economics"]["by_sku"]}
    for name in ("net_sales", "amazon_fees", "ads_spend", "cogs", "profit", "units_net"):
        assert {sku: row[name] for sku, row in posted.items()} == {sku: row[name] for sku, row in kiosk.items()}, name
    assert day["economics"]["net_proceeds"]["differ"] == []
    assert day["economics"]["net_proceeds"]["not_comparable"] == 0
    [home] = [row for row in day["profitability"]["totals"] if row["currency"] == BY_COUNTRY[country].currency]
    assert home["gross_sales"] == day["orders"]["totals"][0]["gross_sales"]
    assert home["units_ordered"] == week["sales_totals"]["units"] == week["sales_traffic"]["units_ordered"]
    assert week["sales_totals"]["sales"] == week["sales_traffic"]["sales"]
    assert [row["not_invoiced"] for row in day["profitability"]["ads_invoices"]] == ["0" if country == "JP" else "0.00"]


def test_a_stale_page_token_of_finances_is_refused() -> None:
    """They live for minutes; a fresh one goes on."""
    seller = SimulatedSeller(
        "31", "US", Options(page_size=5, token_minutes=5), Clock(datetime(2026, 3, 20, tzinfo=UTC))
    )
    path = "/sp/finances/2024-06-19/transactions"
    token = seller.get(path).get_json()["payload"]["nextToken"]

    fresh = seller.get(path, nextToken=token)
    seller.clock.pass_s(301)
    stale = seller.get(path, nextToken=token)

    assert (fresh.status_code, stale.status_code) == (200, 400)


def test_another_sellers_report_is_not_found() -> None:
    """A report id is worth nothing without its seller."""
    one = SimulatedSeller("1", "US")
    other = SimulatedSeller("2", "US")
    other.app, other.http = one.app, one.http
    other.authorise()
    made = one.post(
        "/sp/reports/2021-06-30/reports",
        {"reportType": "GET_V1_SELLER_PERFORMANCE_REPORT", "marketplaceIds": [one.marketplace]},
    )

    assert other.get(f"/sp/reports/2021-06-30/reports/{made.get_json()['reportId']}").status_code == 404


def test_a_report_that_is_being_made_is_not_made_twice() -> None:
    """The Ads API answers 425 and names it."""
    seller = SimulatedSeller("1", "US")
    configuration = {"reportTypeId": "spAdvertisedProduct", "timeUnit": "DAILY", "format": "GZIP_JSON", "columns": []}
    asked = {"startDate": "2026-03-01", "endDate": "2026-03-02", "configuration": configuration}

    first, second = seller.post("/ads/reporting/reports", asked), seller.post("/ads/reporting/reports", asked)

    assert second.status_code == 425
    assert first.get_json()["reportId"] in second.text


def test_every_marketplace_has_books_in_its_own_money() -> None:
    """Prices have as many decimals as the currency."""
    for marketplace in MARKETPLACES:
        book = generate_book("1", marketplace, TODAY)
        assert all(product.price == product.price.quantize(marketplace.cent) > Decimal(0) for product in book.products)


def test_old_reports_and_tokens_are_forgotten() -> None:
    """Six hours later only the new one is kept."""
    seller = SimulatedSeller("1", "US")
    asked = {"reportType": "GET_V1_SELLER_PERFORMANCE_REPORT", "marketplaceIds": [seller.marketplace]}
    old = seller.post("/sp/reports/2021-06-30/reports", asked).get_json()["reportId"]

    seller.clock.pass_s(6 * 3_600 + 1)
    seller.authorise()
    new = seller.post("/sp/reports/2021-06-30/reports", asked).get_json()["reportId"]

    assert seller.get(f"/sp/reports/2021-06-30/reports/{old}").status_code == 404
    assert seller.get(f"/sp/reports/2021-06-30/reports/{new}").status_code == 200
