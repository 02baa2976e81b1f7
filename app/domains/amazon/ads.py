"""Sponsored ads (reporting v3): what each advertised product cost, day by day."""

from __future__ import annotations

import re
from typing import Any

from app.domains.amazon import documents
from app.domains.amazon.client import Amazon
from app.domains.amazon.errors import AmazonError
from app.domains.amazon.http import take
from app.domains.amazon.operations import CREATE_ADS_REPORT, GET_ADS_REPORT, LIST_PROFILES
from app.domains.amazon.polling import forget_report, report_failed, wait_for_report
from app.domains.amazon.regions import marketplace_of
from app.domains.amazon.staging import State
from app.domains.amazon.windows import Window

# Amazon makes reports of at most 31 days.
LONGEST_REPORT_DAYS = 31
COLUMNS = (
    "date",
    "campaignId",
    "campaignName",
    "adGroupId",
    "adId",
    "advertisedAsin",
    "advertisedSku",
    "campaignBudgetCurrencyCode",
    "impressions",
    "clicks",
    "cost",
    "purchases7d",
    "unitsSoldClicks7d",
    "sales7d",
)
_DUPLICATE = 425
_REPORT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def list_profiles(amazon: Amazon) -> list[Any]:
    """The advertising profiles that this authorisation reaches, one a marketplace."""
    profiles = amazon.call(LIST_PROFILES)
    return profiles if isinstance(profiles, list) else []


def fetch_advertised_products(amazon: Amazon, window: Window, state: State) -> list[Any]:
    """The Sponsored Products rows of a window of at most 31 days, a row per day and ad.

    Every row says its ``currencyCode``: the campaign's, else the marketplace's. Raises ReportPending until the
    report is made (up to hours); ``state`` holds its id meanwhile.
    """

    def create() -> str:
        return _create(amazon, window)

    def poll(report_id: str) -> dict[str, Any] | None:
        report = amazon.call(GET_ADS_REPORT, path={"reportId": report_id})
        status = take(GET_ADS_REPORT.name, report, "status")
        if status in ("FAILED", "FAILURE", "CANCELLED"):
            raise report_failed(state, GET_ADS_REPORT, status)
        return dict(report) if status == "COMPLETED" else None

    report = wait_for_report(amazon, state, GET_ADS_REPORT, create, poll)
    rows = documents.parse(
        "downloadAdsReport", documents.download("downloadAdsReport", take(GET_ADS_REPORT.name, report, "url"))
    )
    forget_report(state)
    currency = marketplace_of(amazon.seller.country).currency
    return [{**row, "currencyCode": row.get("campaignBudgetCurrencyCode") or currency} for row in rows]


def _create(amazon: Amazon, window: Window) -> str:
    body = {
        "name": f"Advertised products {window.first_day} to {window.last_day}",
        "startDate": window.first_day.isoformat(),
        "endDate": window.last_day.isoformat(),
        "configuration": {
            "adProduct": "SPONSORED_PRODUCTS",
            "groupBy": ["advertiser"],
            "columns": list(COLUMNS),
            "reportTypeId": "spAdvertisedProduct",
            "timeUnit": "DAILY",
            "format": "GZIP_JSON",
        },
    }
    try:
        return str(take(CREATE_ADS_REPORT.name, amazon.call(CREATE_ADS_REPORT, body=body), "reportId"))
    except AmazonError as error:
        # The same report is already being made (its answer to us was lost): Amazon names it.
        known = _REPORT_ID.search(error.message) if error.status == _DUPLICATE else None
        if known is None:
            raise
        return known[0]
