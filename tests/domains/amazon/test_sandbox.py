"""The client over Amazon's own sandbox cases: the figures are those of Amazon's published examples."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domains.amazon import ads, calls, reports
from app.domains.amazon.datasets import fetch
from app.domains.amazon.errors import AmazonError, ReportPending
from app.domains.amazon.operations import CREATE_QUERY, ESTIMATE_FEES_SKU, GET_DOCUMENT, GET_QUERY
from app.domains.amazon.windows import Window
from tests.domains.amazon.conftest import Clock, Line
from tests.domains.amazon.sandbox import Sandbox
from tests.domains.amazon.served import Reply, Served, said, serve

WEEK = Window(datetime(2024, 12, 25, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture
def served(amazon_models: Path) -> Iterator[Served]:
    """The sandbox in the place of Amazon."""
    with serve(Sandbox(amazon_models / "sp-api/models")) as sandbox:
        yield sandbox


def test_an_order_in_yen_has_its_total_its_prices_and_its_units(line: Line) -> None:
    """Yen have no places: 19940 stays 19940, from one item at 5980 and two at 6980."""
    amazon = line(region="fe", country="JP", marketplace_id="A1VC38T7YXB528")

    (order,) = fetch("orders", amazon, WEEK, {})

    assert order["proceeds"]["grandTotal"] == {"amount": "19940", "currencyCode": "JPY"}
    items = order["orderItems"]
    assert [(item["quantityOrdered"], item["product"]["price"]["unitPrice"]["amount"]) for item in items] == [
        (Decimal(1), "5980"),
        (Decimal(2), "6980"),
    ]
    assert sum(item["quantityOrdered"] for item in items) == 3
    assert items[1]["proceeds"]["proceedsTotal"]["amount"] == "13960"


def test_a_token_that_no_page_answers_ends_the_pages(line: Line, served: Served) -> None:
    """The sandbox gives the same page and the same token again: two calls, not a thousand, and the order once."""
    amazon = line(region="fe", country="JP", marketplace_id="A1VC38T7YXB528")

    orders = fetch("orders", amazon, WEEK, {})

    assert len(orders) == 1
    assert served.count("/sp/orders/2026-01-01/orders") == 2


@pytest.mark.parametrize(
    ("marketplace", "day", "total"),
    [
        ("A1F83G8C2ARO7P", 23, {"amount": "34.99", "currencyCode": "GBP"}),
        ("A2Q3Y263D00KWC", 20, {"amount": "1599.90", "currencyCode": "BRL"}),
    ],
)
def test_an_order_keeps_its_cents(line: Line, marketplace: str, day: int, total: dict[str, str]) -> None:
    """1599.90 reais do not become 1599.9."""
    amazon = line(marketplace_id=marketplace)
    window = Window(datetime(2024, 12, day, tzinfo=UTC), WEEK.end)

    (order,) = fetch("orders", amazon, window, {})

    assert order["proceeds"]["grandTotal"] == total


def test_a_transaction_without_breakdowns_is_ten_dollars(line: Line) -> None:
    """Its amount is a JSON number: Decimal, never a binary float."""
    amazon = line(marketplace_id="ATIV93840DER")
    window = Window(datetime(2023, 3, 7, tzinfo=UTC), datetime(2023, 3, 14, tzinfo=UTC))

    page = next(calls.list_transactions(amazon, window, token="jehgri34yo7jr9e8f984tr9i4o"))

    (shipment,) = page.items
    assert shipment["transactionType"] == "Shipment"
    assert shipment["totalAmount"] == {"currencyAmount": Decimal(10), "currencyCode": "USD"}
    assert "breakdowns" not in shipment


def test_orders_v0_come_with_their_totals(line: Line) -> None:
    """Two orders, of which one cost 11.01 dollars; their dates in seconds of the epoch do no harm."""
    (page,) = list(calls.orders_v0(line(), "TEST_CASE_200"))

    assert len(page.items) == 2
    assert {"CurrencyCode": "USD", "Amount": "11.01"} in [order.get("OrderTotal") for order in page.items]


def test_orders_v0_follow_their_token_to_a_second_page(line: Line) -> None:
    """``payload.NextToken`` goes into ``NextToken``, beside the arguments of the first page."""
    pages = list(calls.orders_v0(line(), "TEST_CASE_200_NEXT_TOKEN"))

    assert [page.next_token for page in pages] == ["2YgYW55IGNhcm5hbCBwbGVhc3VyZS4", None]


def test_order_items_v0_have_price_and_tax(line: Line) -> None:
    """Ten dollars and 1.01 of tax."""
    (page,) = list(calls.order_items_v0(line(), "TEST_CASE_200"))

    item = page.items[0]
    assert item["SellerSKU"] == "NABetaASINB00551Q3CS"
    assert (item["ItemPrice"]["Amount"], item["ItemTax"]["Amount"]) == ("10.00", "1.01")


def test_an_ads_invoice_among_the_financial_events_is_exact(line: Line) -> None:
    """25.37 as a JSON number would be 25.370000000000001 in binary."""
    query = {"MaxResultsPerPage": 10, "NextToken": "jehgri34yo7jr9e8f984tr9i4o"}

    page = next(calls.list_financial_events(line(), query))

    (invoice,) = page.items[0]["ProductAdsPaymentEventList"]
    assert invoice["transactionValue"] == {"CurrencyCode": "USD", "CurrencyAmount": Decimal("25.37")}


def test_order_metrics_are_the_days_totals(line: Line) -> None:
    """22.95 and 2.05 make the 25 that the total granularity says."""
    amazon = line()

    days = calls.order_metrics(amazon, WEEK)
    (total,) = calls.order_metrics(amazon, WEEK, granularity="Total")

    assert [day["totalSales"]["amount"] for day in days] == ["22.95", "2.05"]
    assert sum(Decimal(day["totalSales"]["amount"]) for day in days) == Decimal(total["totalSales"]["amount"]) == 25


def test_fees_of_a_product_are_estimated(line: Line) -> None:
    """Three dollars for one at ten."""
    body = {
        "FeesEstimateRequest": {
            "MarketplaceId": "ATVPDKIKX0DER",
            "IsAmazonFulfilled": False,
            "PriceToEstimateFees": {
                "ListingPrice": {"CurrencyCode": "USD", "Amount": 10},
                "Shipping": {"CurrencyCode": "USD", "Amount": 10},
                "Points": {"PointsNumber": 0, "PointsMonetaryValue": {"CurrencyCode": "USD", "Amount": 0}},
            },
            "Identifier": "UmaS1",
        }
    }

    result = line().call(ESTIMATE_FEES_SKU, path={"SellerSKU": "UmaS1"}, body=body)

    estimate = result["payload"]["FeesEstimateResult"]["FeesEstimate"]
    assert estimate["TotalFeesEstimate"] == {"CurrencyCode": "USD", "Amount": Decimal("3.0")}


def test_participations_are_asked_once_and_then_kept(line: Line, served: Served) -> None:
    """The operation may be called once a minute."""
    amazon = line()

    first, second = calls.marketplace_participations(amazon), calls.marketplace_participations(amazon)

    assert first[0]["marketplace"]["id"] == "ATVPDKIKX0DER"
    assert first == second
    assert served.count("/sp/sellers/v1/marketplaceParticipations") == 1


def test_a_report_is_created_and_awaited_without_being_created_twice(line: Line, served: Served, clock: Clock) -> None:
    """The sandbox's report ID323 stays in progress: each look parks, none asks for a new one."""
    amazon, state = line(), dict[str, Any]()

    for _ in range(3):
        with pytest.raises(ReportPending):
            reports.fetch_report(amazon, "GET_MERCHANT_LISTINGS_ALL_DATA", WEEK, state)
        clock.pass_s(60)

    assert state["report_id"] == "ID323"
    assert served.count("/sp/reports/2021-06-30/reports") == 1
    assert served.count("/sp/reports/2021-06-30/reports/ID323") == 3


def test_a_listing_of_reports_stops_at_its_first_page(line: Line) -> None:
    """Its token, asked alone, matches no case: the second call is a 400, and says so."""
    amazon = line()

    pages = reports.list_reports(amazon, ["FEE_DISCOUNTS_REPORT", "GET_AFN_INVENTORY_DATA"])
    first = next(pages)

    assert first.items[0]["reportId"] == "ReportId1"
    assert first.next_token is not None
    with pytest.raises(AmazonError, match="InvalidInput"):
        next(pages)


def test_amazons_own_sales_and_traffic_example_comes_through_to_the_cent(
    line: Line, served: Served, amazon_models: Path
) -> None:
    """Four days: 1083.14 dollars, 97 units, 1 refunded; gzipped, as documents are."""
    schema = json.loads((amazon_models / "sp-api/schemas/reports/sellerSalesAndTrafficReport.json").read_text())
    served.on("/document", Reply(200, gzip.compress(json.dumps(schema["examples"][0]).encode()), {}))
    _made_report(served, "/document")

    report = fetch("sales_traffic", line(), WEEK, {"report_id": "made"})

    days = [day["salesByDate"] for day in report["salesAndTrafficByDate"]]
    assert sum(day["orderedProductSales"]["amount"] for day in days) == Decimal("1083.14")
    assert sum(day["unitsOrdered"] for day in days) == 97
    assert sum(day["unitsRefunded"] for day in days) == 1


def test_amazons_own_account_health_example_comes_through(line: Line, served: Served, amazon_models: Path) -> None:
    """Rates have eleven places, and keep them."""
    schema = json.loads((amazon_models / "sp-api/schemas/reports/accountHealthReport-2020-11-18.json").read_text())
    served.on("/document", Reply(200, json.dumps(schema["examples"][0]).encode(), {}))
    _made_report(served, "/document")

    report = fetch("performance_v2", line(), WEEK, {"report_id": "made"})

    assert report["accountStatuses"][0] == {"marketplaceId": "ATVPDKIKX0DER", "status": "AT_RISK"}
    assert report["performanceMetrics"][0]["lateShipmentRate"]["rate"] == Decimal("0.03203973037")


def test_a_data_kiosk_query_ends_in_its_documents_address(line: Line) -> None:
    """The sandbox's QueryId1 is done; its document has a URL."""
    query = (
        'query {sampleQuery(startDate:"2023-03-01" endDate:"2023-03-31" marketplaceIds:["ATVPDKIKX0DER"])'
        "{sales{date averageSellingPrice{amount currencyCode}}}}"
    )

    created = line().call(CREATE_QUERY, body={"query": query})
    done = line().call(GET_QUERY, path={"queryId": created["queryId"]})
    document = line().call(GET_DOCUMENT, path={"documentId": done["dataDocumentId"]})

    assert created == {"queryId": "QueryId1"}
    assert document["documentUrl"].endswith("QUERY_DATA_OUTPUT_DOC.txt")


def test_amazons_own_economics_rows_come_through(line: Line, served: Served, amazon_models: Path) -> None:
    """Real documents are JSON Lines: the sample's rows, a line each."""
    sample = json.loads((amazon_models / "data-kiosk-samples/mock_uc_1_dk_response.json").read_text())
    rows = sample["documentUrl"]["data"]["analytics_economics_2024_03_15"]["economics"]
    served.on("/lines", Reply(200, "\n".join(map(json.dumps, rows)).encode(), {}))
    made = {
        "/sp/dataKiosk/2023-11-15/queries/made": said({"processingStatus": "DONE", "dataDocumentId": "made"}),
        "/sp/dataKiosk/2023-11-15/documents/made": said({"documentUrl": f"{served.url}/lines"}),
    }
    _override(served, made)

    economics = fetch("economics", line(), WEEK, {"report_id": "made"})

    assert economics[1]["netProceeds"]["total"] == {"amount": Decimal("800.0"), "currencyCode": "CAD"}
    assert [row["sales"]["unitsOrdered"] for row in economics] == [0, 50, 50]


def test_the_ads_report_is_asked_for_and_awaited_as_amazon_recorded_it(
    line: Line, served: Served, amazon_models: Path, clock: Clock
) -> None:
    """The recorded answers: PENDING with no url, then COMPLETED with one."""
    pending, complete = _recorded_ads_answers(amazon_models)
    served.on("/ads/reporting/reports", Reply(200, json.dumps(pending).encode()))
    complete["url"] = f"{served.url}/ads-rows"
    path = f"/ads/reporting/reports/{pending['reportId']}"
    served.on(path, Reply(200, json.dumps(pending).encode()), Reply(200, json.dumps(complete).encode()))
    row = b'[{"date": "2024-12-25", "campaignId": 1, "advertisedSku": "A", "cost": 1.10, "impressions": 3}]'
    served.on("/ads-rows", Reply(200, gzip.compress(row), {}))
    amazon, state = line(), dict[str, Any]()

    with pytest.raises(ReportPending):
        ads.fetch_advertised_products(amazon, WEEK, state)
    clock.pass_s(60)
    rows = ads.fetch_advertised_products(amazon, WEEK, state)

    assert rows[0]["cost"] == Decimal("1.10")
    assert rows[0]["currencyCode"] == "USD"
    created = next(asked for asked in served.asked if asked.path == "/ads/reporting/reports")
    assert created.headers["Content-Type"] == "application/vnd.createasyncreportrequest.v3+json"
    assert created.headers["Amazon-Advertising-API-Scope"] == "profile-1"
    assert created.headers["Amazon-Advertising-API-ClientId"] == "our-ads-id"


def _made_report(served: Served, document: str) -> None:
    """Past the sandbox's eternal IN_PROGRESS: a report that is done, its document on this server."""
    made = {
        "/sp/reports/2021-06-30/reports/made": said({"processingStatus": "DONE", "reportDocumentId": "made"}),
        "/sp/reports/2021-06-30/documents/made": said({"reportDocumentId": "made", "url": f"{served.url}{document}"}),
    }
    _override(served, made)


def _override(served: Served, replies: dict[str, Reply]) -> None:
    replay = served.answer
    served.answer = lambda asked: replies.get(asked.path) or replay(asked)  # type: ignore[method-assign]


def _recorded_ads_answers(models: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    collection = json.loads((models / "ads-api/amazon_ads_api.postman_subset.json").read_text())
    answers: dict[str, str] = {}

    def walk(folder: dict[str, Any]) -> None:
        for entry in folder.get("item", []):
            walk(entry)
            for answer in entry.get("response", []):
                answers[answer["name"]] = answer["body"]

    walk(collection)
    return json.loads(answers["Pending status"]), json.loads(answers["Complete status"])
