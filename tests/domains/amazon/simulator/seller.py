"""A seller who asks the simulator by plain HTTP: a client of the tests' own, so that ours is not its own witness."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from werkzeug.test import TestResponse

from app.domains.amazon.simulator import Options, create_app

COLUMNS = [
    "date",
    "campaignId",
    "campaignName",
    "advertisedSku",
    "impressions",
    "clicks",
    "cost",
    "sales7d",
    "purchases7d",
    "campaignBudgetCurrencyCode",
]
ECONOMICS = (
    'query { analytics_economics_2024_03_15 { economics(startDate: "%s", endDate: "%s", '
    'marketplaceIds: ["%s"], aggregateBy: { date: DAY, productId: MSKU }) { msku } } }'
)


class Clock:
    """Time that moves when it is told to."""

    def __init__(self, now: datetime = datetime(2026, 3, 20, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self.now += timedelta(seconds=seconds)


class SimulatedSeller:
    """A seller with an access token; by default on a simulator of its own."""

    def __init__(
        self, seller_id: str, country: str, options: Options | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.app = create_app(clock=self.clock, options=options or Options())
        self.http = self.app.test_client()
        self.refresh_token = f"demo-{seller_id}-{country}"
        self.authorise()

    def authorise(self) -> TestResponse:
        """Take a new access token, and the marketplace that it is for."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
            "client_id": "c",
            "client_secret": "s",
        }
        answer = self.http.post("/auth/o2/token", data=form)
        if answer.status_code == 200:
            token = answer.get_json()["access_token"]
            self.headers = {
                "x-amz-access-token": token,
                "Authorization": f"Bearer {token}",
                "Amazon-Advertising-API-Scope": "1",
            }
        return answer

    def get(self, path: str, **query: Any) -> TestResponse:
        """One GET, with the token."""
        return self.http.get(path, query_string=query, headers=self.headers)

    def post(self, path: str, body: dict[str, Any]) -> TestResponse:
        """One POST of JSON, with the token."""
        return self.http.post(path, json=body, headers=self.headers)

    @property
    def marketplace(self) -> str:
        """The home marketplace's id."""
        stores = exact(self.get("/sp/sellers/v1/marketplaceParticipations"))["payload"]
        return str(stores[0]["marketplace"]["id"])

    def transactions(self, after: str, before: str) -> list[Any]:
        """All pages of them."""
        return list(self._pages("/sp/finances/2024-06-19/transactions", postedAfter=after, postedBefore=before))

    def _pages(self, path: str, **query: Any) -> Iterator[Any]:
        token = None
        while True:
            more: dict[str, str] = {"nextToken": token} if token else {}
            payload = exact(self.get(path, **query, **more))["payload"]
            yield from payload["transactions"]
            token = payload.get("nextToken")
            if not token:
                return

    def orders(self, after: str, before: str) -> list[Any]:
        """All pages of them."""
        found, token = [], None
        while True:
            more: dict[str, str] = {"paginationToken": token} if token else {}
            page = exact(self.get("/sp/orders/2026-01-01/orders", createdAfter=after, createdBefore=before, **more))
            found += page["orders"]
            token = page.get("pagination", {}).get("nextToken")
            if not token:
                return found

    def economics(self, first: str, last: str) -> list[Any]:
        """The rows of a query, taken from its document."""
        made = self.post("/sp/dataKiosk/2023-11-15/queries", {"query": ECONOMICS % (first, last, self.marketplace)})
        self.clock.pass_s(2)
        query = exact(self.get(f"/sp/dataKiosk/2023-11-15/queries/{made.get_json()['queryId']}"))
        document = exact(self.get(f"/sp/dataKiosk/2023-11-15/documents/{query['dataDocumentId']}"))
        return [decimals(line) for line in self.download(document["documentUrl"]).splitlines()]

    def ads(self, first: str, last: str) -> list[Any]:
        """The rows of a report of advertised products."""
        configuration = {
            "adProduct": "SPONSORED_PRODUCTS",
            "groupBy": ["advertiser"],
            "columns": COLUMNS,
            "reportTypeId": "spAdvertisedProduct",
            "timeUnit": "DAILY",
            "format": "GZIP_JSON",
        }
        asked = {"name": "ads", "startDate": first, "endDate": last, "configuration": configuration}
        made = self.post("/ads/reporting/reports", asked)
        self.clock.pass_s(2)
        done = exact(self.get(f"/ads/reporting/reports/{made.get_json()['reportId']}"))
        rows: list[Any] = decimals(self.download(done["url"]))
        return rows

    def report(self, report_type: str, first: str, last: str) -> str:
        """The text of a report."""
        asked = {
            "reportType": report_type,
            "marketplaceIds": [self.marketplace],
            "dataStartTime": f"{first}T00:00:00Z",
            "dataEndTime": f"{last}T00:00:00Z",
        }
        made = self.post("/sp/reports/2021-06-30/reports", asked)
        self.clock.pass_s(2)
        done = exact(self.get(f"/sp/reports/2021-06-30/reports/{made.get_json()['reportId']}"))
        document = exact(self.get(f"/sp/reports/2021-06-30/documents/{done['reportDocumentId']}"))
        return self.download(document["url"])

    def download(self, url: str) -> str:
        """A document's text, unpacked and decoded; no token is sent."""
        answer = self.http.get(url.removeprefix("http://localhost"))
        packed = answer.data.startswith(b"\x1f\x8b")
        content = gzip.decompress(answer.data) if packed else answer.data
        return content.decode("cp1252" if "Cp1252" in answer.content_type else "utf-8")

    def daily(self, first: str, last: str) -> dict[str, Any]:
        """The daily datasets from the first day to the last, both included."""
        end = f"{last}T23:59:59Z"
        return {
            "orders": self.orders(f"{first}T00:00:00Z", end),
            "transactions": self.transactions(f"{first}T00:00:00Z", end),
            "economics": self.economics(first, last),
            "ads": self.ads(first, last),
        }

    def weekly(self, first: str, last: str) -> dict[str, Any]:
        """The weekly datasets."""
        metrics = self.get(
            "/sp/sales/v1/orderMetrics",
            interval=f"{first}T00:00:00Z--{last}T00:00:00Z",
            granularity="Day",
            marketplaceIds=self.marketplace,
        )
        inventory = self.get(
            "/sp/fba/inventory/v1/summaries",
            details="true",
            granularityType="Marketplace",
            granularityId=self.marketplace,
            marketplaceIds=self.marketplace,
        )
        return {
            "performance_v1": self.report("GET_V1_SELLER_PERFORMANCE_REPORT", first, last),
            "performance_v2": decimals(self.report("GET_V2_SELLER_PERFORMANCE_REPORT", first, last)),
            "sales_traffic": decimals(self.report("GET_SALES_AND_TRAFFIC_REPORT", first, last)),
            "sales_totals": exact(metrics)["payload"],
            "inventory": exact(inventory)["payload"]["inventorySummaries"],
            "finances": self.transactions(f"{first}T00:00:00Z", f"{last}T23:59:59Z"),
        }


def exact(answer: TestResponse) -> Any:
    """The JSON of a good answer, its numbers exact."""
    assert answer.status_code < 300, answer.text
    return decimals(answer.text)


def decimals(text: str) -> Any:
    """JSON without binary floats."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
