"""Every answer validates against Amazon's own models."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft7Validator
from werkzeug.test import TestResponse

from app.domains.amazon.simulator import Options
from tests.domains.amazon.simulator.seller import ECONOMICS, SimulatedSeller

US = "ATVPDKIKX0DER"
WINDOW = {"after": "2026-03-01T00:00:00Z", "before": "2026-03-10T00:00:00Z"}

Check = Callable[[str, str, Any], None]


@pytest.fixture
def models() -> Path:
    """The folder AMAZON_MODELS."""
    folder = os.environ.get("AMAZON_MODELS")
    if not folder:
        pytest.skip("AMAZON_MODELS does not say where Amazon's models are")
    return Path(folder) / "sp-api"


@pytest.fixture
def is_valid(models: Path) -> Check:
    """Assert that a body is what a model's definition says."""

    def check(model: str, definition: str, body: Any) -> None:
        [path] = models.glob(f"models/*/{model}.json")
        swagger = json.loads(path.read_text(), object_hook=_with_nullables)
        schema = {"$ref": f"#/definitions/{definition}", "definitions": swagger["definitions"]}
        errors = [f"{list(error.path)}: {error.message}" for error in Draft4Validator(schema).iter_errors(body)]
        assert errors == []

    return check


def _with_nullables(node: dict[str, Any]) -> dict[str, Any]:
    """Swagger 2.0 has no null; ``x-nullable`` says where one may stand."""
    if node.get("x-nullable") and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
    return node


@pytest.fixture(params=[("FROZEN", "US"), ("FROZEN", "JP"), ("7", "DE")], ids="-".join)
def seller(request: pytest.FixtureRequest) -> SimulatedSeller:
    """Frozen and generated ones; pages are short, so that tokens are in the answers."""
    seller_id, country = request.param
    return SimulatedSeller(seller_id, country, Options(page_size=2))


def good(answer: TestResponse, status: int = 200) -> Any:
    """The body of an answer with that status."""
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_orders(seller: SimulatedSeller, is_valid: Check) -> None:
    """searchOrders."""
    body = good(seller.get("/sp/orders/2026-01-01/orders", createdAfter=WINDOW["after"]))

    is_valid("orders_2026-01-01", "SearchOrdersResponse", body)
    assert body["orders"]


def test_transactions(seller: SimulatedSeller, is_valid: Check) -> None:
    """listTransactions: a first page and the next."""
    path = "/sp/finances/2024-06-19/transactions"
    first = good(seller.get(path, postedAfter=WINDOW["after"]))
    second = good(seller.get(path, postedAfter=WINDOW["after"], nextToken=first["payload"]["nextToken"]))

    for page in (first, second):
        is_valid("finances_2024-06-19", "ListTransactionsResponse", page)
        assert page["payload"]["transactions"]


def test_order_metrics(seller: SimulatedSeller, is_valid: Check) -> None:
    """getOrderMetrics."""
    interval = f"{WINDOW['after']}--{WINDOW['before']}"
    body = good(seller.get("/sp/sales/v1/orderMetrics", interval=interval, granularity="Day"))

    is_valid("sales", "GetOrderMetricsResponse", body)
    assert len(body["payload"]) == 9


@pytest.mark.parametrize("details", ["true", "false"])
def test_inventory(seller: SimulatedSeller, is_valid: Check, details: str) -> None:
    """getInventorySummaries."""
    body = good(seller.get("/sp/fba/inventory/v1/summaries", details=details))

    is_valid("fbaInventory", "GetInventorySummariesResponse", body)


def test_marketplaces(seller: SimulatedSeller, is_valid: Check) -> None:
    """getMarketplaceParticipations."""
    body = good(seller.get("/sp/sellers/v1/marketplaceParticipations"))

    is_valid("sellers", "GetMarketplaceParticipationsResponse", body)


@pytest.mark.parametrize("place", ["listings/MUG-BLUE", "items/B0FROZEN01"])
def test_fees(seller: SimulatedSeller, is_valid: Check, place: str) -> None:
    """getMyFeesEstimateForSKU and ForASIN."""
    price = {"ListingPrice": {"CurrencyCode": "USD", "Amount": 20}}
    asked = {"FeesEstimateRequest": {"MarketplaceId": US, "PriceToEstimateFees": price, "Identifier": "1"}}

    body = good(seller.post(f"/sp/products/fees/v0/{place}/feesEstimate", asked))

    is_valid("productFeesV0", "GetMyFeesEstimateResponse", body)


def test_the_life_of_a_report(seller: SimulatedSeller, is_valid: Check) -> None:
    """createReport, getReport while it waits and when it is done, getReports, getReportDocument."""
    asked = {"reportType": "GET_V2_SELLER_PERFORMANCE_REPORT", "marketplaceIds": [seller.marketplace]}
    made = good(seller.post("/sp/reports/2021-06-30/reports", asked), 202)
    waiting = good(seller.get(f"/sp/reports/2021-06-30/reports/{made['reportId']}"))
    seller.clock.pass_s(2)
    done = good(seller.get(f"/sp/reports/2021-06-30/reports/{made['reportId']}"))
    listed = good(seller.get("/sp/reports/2021-06-30/reports", reportTypes=asked["reportType"]))
    document = good(seller.get(f"/sp/reports/2021-06-30/documents/{done['reportDocumentId']}"))

    is_valid("reports_2021-06-30", "CreateReportResponse", made)
    is_valid("reports_2021-06-30", "Report", waiting)
    is_valid("reports_2021-06-30", "Report", done)
    is_valid("reports_2021-06-30", "GetReportsResponse", listed)
    is_valid("reports_2021-06-30", "ReportDocument", document)
    assert (waiting["processingStatus"], done["processingStatus"]) == ("IN_QUEUE", "DONE")


def test_the_life_of_a_query(seller: SimulatedSeller, is_valid: Check) -> None:
    """createQuery, getQuery while it waits and when it is done, getDocument."""
    query = ECONOMICS % ("2026-03-01", "2026-03-10", seller.marketplace)
    made = good(seller.post("/sp/dataKiosk/2023-11-15/queries", {"query": query}), 202)
    waiting = good(seller.get(f"/sp/dataKiosk/2023-11-15/queries/{made['queryId']}"))
    seller.clock.pass_s(2)
    done = good(seller.get(f"/sp/dataKiosk/2023-11-15/queries/{made['queryId']}"))
    document = good(seller.get(f"/sp/dataKiosk/2023-11-15/documents/{done['dataDocumentId']}"))

    is_valid("dataKiosk_2023-11-15", "CreateQueryResponse", made)
    is_valid("dataKiosk_2023-11-15", "Query", waiting)
    is_valid("dataKiosk_2023-11-15", "Query", done)
    is_valid("dataKiosk_2023-11-15", "GetDocumentResponse", document)


@pytest.mark.parametrize(
    ("report_type", "schema"),
    [
        ("GET_V2_SELLER_PERFORMANCE_REPORT", "accountHealthReport-2020-11-18"),
        ("GET_SALES_AND_TRAFFIC_REPORT", "sellerSalesAndTrafficReport"),
    ],
)
def test_report_documents(seller: SimulatedSeller, models: Path, report_type: str, schema: str) -> None:
    """The two report documents that Amazon publishes a schema of."""
    document = json.loads(seller.report(report_type, "2026-03-01", "2026-03-10"))

    validator = Draft7Validator(json.loads((models / f"schemas/reports/{schema}.json").read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("status", [400, 403, 429])
def test_errors(seller: SimulatedSeller, is_valid: Check, status: int) -> None:
    """Errors have Amazon's shape too."""
    if status == 403:
        seller.headers = {}
    if status == 429:
        seller.http.post("/faults", json={"operation": "searchOrders", "fault": "throttle"})

    body = good(seller.get("/sp/orders/2026-01-01/orders"), status)

    is_valid("orders_2026-01-01", "ErrorList", body)


def test_an_ads_report_has_the_fields_of_amazons_recorded_ones(seller: SimulatedSeller, models: Path) -> None:
    """The collection's recorded answers are the only description of reporting v3 that is at hand."""
    collection = json.loads((models.parent / "ads-api/amazon_ads_api.postman_subset.json").read_text())
    recorded = [json.loads(body) for body in _bodies(collection) if '"reportId"' in body]
    configuration = {
        "adProduct": "SPONSORED_PRODUCTS",
        "groupBy": ["advertiser"],
        "columns": ["date"],
        "reportTypeId": "spAdvertisedProduct",
        "timeUnit": "DAILY",
        "format": "GZIP_JSON",
    }
    asked = {"name": "ads", "startDate": "2026-03-01", "endDate": "2026-03-10", "configuration": configuration}
    made = good(seller.post("/ads/reporting/reports", asked))

    assert recorded
    assert all(made.keys() == answer.keys() for answer in recorded)
    assert all(made["configuration"].keys() == answer["configuration"].keys() for answer in recorded)
    assert (made["status"], made["url"]) == ("PENDING", None)


def _bodies(node: dict[str, Any]) -> list[str]:
    found = [answer.get("body") or "" for answer in node.get("response", [])]
    return found + [body for child in node.get("item", []) for body in _bodies(child)]
