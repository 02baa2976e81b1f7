"""The operations we call: where they are, and how often a seller may call them (Amazon's published usage plans)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Api = Literal["sp-api", "ads"]


@dataclass(frozen=True, slots=True)
class Operation:
    """``rate``: calls a second and seller; ``burst``: how many may come at once."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    rate: float
    burst: int
    api: Api = "sp-api"
    content_type: str = "application/json"


SEARCH_ORDERS = Operation("searchOrders", "GET", "/orders/2026-01-01/orders", 0.0056, 20)
GET_ORDERS_V0 = Operation("getOrders", "GET", "/orders/v0/orders", 0.0167, 20)
GET_ORDER_ITEMS_V0 = Operation("getOrderItems", "GET", "/orders/v0/orders/{orderId}/orderItems", 0.5, 30)
LIST_FINANCIAL_EVENTS = Operation("listFinancialEvents", "GET", "/finances/v0/financialEvents", 0.5, 30)
LIST_TRANSACTIONS = Operation("listTransactions", "GET", "/finances/2024-06-19/transactions", 0.5, 10)
GET_ORDER_METRICS = Operation("getOrderMetrics", "GET", "/sales/v1/orderMetrics", 0.5, 15)
GET_INVENTORY = Operation("getInventorySummaries", "GET", "/fba/inventory/v1/summaries", 2, 2)
GET_MARKETPLACES = Operation("getMarketplaceParticipations", "GET", "/sellers/v1/marketplaceParticipations", 0.016, 15)
ESTIMATE_FEES_SKU = Operation(
    "getMyFeesEstimateForSKU", "POST", "/products/fees/v0/listings/{SellerSKU}/feesEstimate", 1, 2
)
ESTIMATE_FEES_ASIN = Operation("getMyFeesEstimateForASIN", "POST", "/products/fees/v0/items/{Asin}/feesEstimate", 1, 2)

LIST_REPORTS = Operation("getReports", "GET", "/reports/2021-06-30/reports", 0.0222, 10)
CREATE_REPORT = Operation("createReport", "POST", "/reports/2021-06-30/reports", 0.0167, 15)
GET_REPORT = Operation("getReport", "GET", "/reports/2021-06-30/reports/{reportId}", 2, 15)
GET_REPORT_DOCUMENT = Operation(
    "getReportDocument", "GET", "/reports/2021-06-30/documents/{reportDocumentId}", 0.0167, 15
)

CREATE_QUERY = Operation("createQuery", "POST", "/dataKiosk/2023-11-15/queries", 0.0167, 15)
GET_QUERY = Operation("getQuery", "GET", "/dataKiosk/2023-11-15/queries/{queryId}", 2, 15)
GET_DOCUMENT = Operation("getDocument", "GET", "/dataKiosk/2023-11-15/documents/{documentId}", 0.0167, 15)

# The Ads API publishes no plan: it throttles by its own load. These are ours, and a 429 corrects them.
LIST_PROFILES = Operation("listProfiles", "GET", "/v2/profiles", 1, 10, "ads")
CREATE_ADS_REPORT = Operation(
    "createAdsReport",
    "POST",
    "/reporting/reports",
    1,
    10,
    "ads",
    "application/vnd.createasyncreportrequest.v3+json",
)
GET_ADS_REPORT = Operation("getAdsReport", "GET", "/reporting/reports/{reportId}", 1, 10, "ads")

#: Every one, as a seller's budgets are listed.
OPERATIONS = (
    SEARCH_ORDERS,
    GET_ORDERS_V0,
    GET_ORDER_ITEMS_V0,
    LIST_FINANCIAL_EVENTS,
    LIST_TRANSACTIONS,
    GET_ORDER_METRICS,
    GET_INVENTORY,
    GET_MARKETPLACES,
    ESTIMATE_FEES_SKU,
    ESTIMATE_FEES_ASIN,
    LIST_REPORTS,
    CREATE_REPORT,
    GET_REPORT,
    GET_REPORT_DOCUMENT,
    CREATE_QUERY,
    GET_QUERY,
    GET_DOCUMENT,
    LIST_PROFILES,
    CREATE_ADS_REPORT,
    GET_ADS_REPORT,
)
