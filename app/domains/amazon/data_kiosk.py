"""Data Kiosk: a GraphQL query, polled, answered as a document of JSON Lines; further pages are further queries."""

from __future__ import annotations

from typing import Any

from app.domains.amazon import documents
from app.domains.amazon.client import Amazon
from app.domains.amazon.http import take
from app.domains.amazon.operations import CREATE_QUERY, GET_DOCUMENT, GET_QUERY
from app.domains.amazon.pagination import Page
from app.domains.amazon.polling import forget_report, forgetting_lost_reports, report_failed, wait_for_report
from app.domains.amazon.staging import State
from app.domains.amazon.windows import Window

_AMOUNT = "{ amount currencyCode }"
_DETAIL = (
    f"amount {_AMOUNT} amountPerUnit {_AMOUNT} promotionAmount {_AMOUNT} "
    f"quantity taxAmount {_AMOUNT} totalAmount {_AMOUNT}"
)
_ECONOMICS = f"""
startDate endDate marketplaceId parentAsin childAsin msku fnsku
sales {{
  orderedProductSales {_AMOUNT} refundedProductSales {_AMOUNT} netProductSales {_AMOUNT}
  averageSellingPrice {_AMOUNT} unitsOrdered unitsRefunded netUnitsSold
}}
fees {{ feeTypeName charges {{ identifier startDate endDate aggregatedDetail {{ {_DETAIL} }} }} }}
ads {{ adTypeName charge {{ {_DETAIL} }} }}
cost {{
  costOfGoodsSold {_AMOUNT} miscellaneousCost {_AMOUNT}
  fbaCost {{ shippingToAmazonCost {_AMOUNT} }}
  mfnCost {{ fulfillmentCost {_AMOUNT} storageCost {_AMOUNT} }}
}}
netProceeds {{ total {_AMOUNT} perUnit {_AMOUNT} }}
"""


def economics_query(marketplace_id: str, window: Window) -> str:
    """Sales, fees, ads, costs and net proceeds by day and SKU (schema analytics_economics_2024_03_15).

    Amazon counts whole days of the marketplace's own time, both ends included.
    """
    arguments = (
        f'startDate: "{window.first_day}" endDate: "{window.last_day}" marketplaceIds: ["{marketplace_id}"] '
        "aggregateBy: { date: DAY, productId: MSKU }"
    )
    query = f"query {{ analytics_economics_2024_03_15 {{ economics({arguments}) {{ {_ECONOMICS} }} }} }}"
    return " ".join(query.split())


def run_query(amazon: Amazon, query: str, state: State, token: str | None) -> Page:
    """One page of a query's rows. Raises ReportPending until it is made; ``state`` holds its id meanwhile."""
    if "document_id" not in state:

        def create() -> str:
            body = {"query": query} if token is None else {"query": query, "paginationToken": token}
            return str(take(CREATE_QUERY.name, amazon.call(CREATE_QUERY, body=body), "queryId"))

        def poll(query_id: str) -> dict[str, Any] | None:
            answer = amazon.call(GET_QUERY, path={"queryId": query_id})
            status = take(GET_QUERY.name, answer, "processingStatus")
            if status in ("FATAL", "CANCELLED"):
                raise report_failed(state, GET_QUERY, status)
            return dict(answer) if status == "DONE" else None

        done = wait_for_report(amazon, state, GET_QUERY, create, poll)
        state["document_id"] = done.get("dataDocumentId")
        state["query_next"] = (done.get("pagination") or {}).get("nextToken")
    document_id = state["document_id"]
    with forgetting_lost_reports(state):
        rows = [] if document_id is None else fetch_rows(amazon, document_id)
    next_token = state.pop("query_next", None)
    forget_report(state)
    return Page(rows, next_token)


def fetch_rows(amazon: Amazon, document_id: str) -> list[Any]:
    """The rows of a data document."""
    document = amazon.call(GET_DOCUMENT, path={"documentId": document_id})
    text = documents.download("downloadQuery", take(GET_DOCUMENT.name, document, "documentUrl"))
    return documents.parse_lines("downloadQuery", text)
