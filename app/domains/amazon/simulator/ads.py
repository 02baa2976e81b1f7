"""The Ads API: the seller's profile, and the report of advertised products (reporting v3)."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import date
from typing import Any

from flask import Blueprint, jsonify, request

from app.domains.amazon.simulator.asked import body, instant, number
from app.domains.amazon.simulator.book import AdDay, Book
from app.domains.amazon.simulator.gate import Answer, Refused, operation
from app.domains.amazon.simulator.state import Seller, Task, simulator

bp = Blueprint("ads", __name__)

_STAGES = ("PENDING", "PROCESSING", "COMPLETED")


@bp.get("/v2/profiles")
@operation("listProfiles")
def list_profiles(seller: Seller) -> Answer:
    """The seller's one profile."""
    profile = {
        "profileId": profile_id(seller),
        "countryCode": seller.home.country,
        "currencyCode": seller.home.currency,
        "timezone": "UTC",
        "accountInfo": {
            "marketplaceStringId": seller.home.id,
            "id": seller.id,
            "type": "seller",
            "name": f"Store {seller.id}",
            "validPaymentMethod": True,
        },
    }
    return jsonify([profile])


def profile_id(seller: Seller) -> int:
    """The same number for the same seller and country; 15 digits at most, as a JSON number keeps them."""
    return int(hashlib.sha256(f"{seller.id}-{seller.country}".encode()).hexdigest()[:12], 16)


@bp.post("/reporting/reports")
@operation("createAdsReport")
def create_report(seller: Seller) -> Answer:
    """The advertised products by day. Any profile is accepted as scope, but there must be one."""
    _require_scope()
    asked = body()
    configuration = asked.get("configuration") or {}
    wanted = (configuration.get("reportTypeId"), configuration.get("timeUnit"), configuration.get("format"))
    if wanted != ("spAdvertisedProduct", "DAILY", "GZIP_JSON"):
        raise _bad(f"only spAdvertisedProduct, DAILY, GZIP_JSON is simulated, not {wanted}")
    try:
        first, last = (date.fromisoformat(str(asked.get(name))) for name in ("startDate", "endDate"))
    except ValueError as error:
        raise _bad("startDate and endDate are required, as dates") from error
    _refuse_duplicate(seller, asked)
    book = simulator().book(seller)
    rows = [_row(book, ad, configuration.get("columns") or []) for ad in book.ads if first <= ad.on <= last]
    task = simulator().begin(seller, asked, gzip.compress(json.dumps(rows).encode()), "application/octet-stream")
    return _report(task)


@bp.get("/reporting/reports/<report_id>")
@operation("getAdsReport")
def get_report(seller: Seller, report_id: str) -> Answer:
    """How far it is; when it is done, where it can be downloaded."""
    _require_scope()
    task = simulator().task_of(seller, report_id)
    if task is None or "configuration" not in task.asked:
        raise Refused(404, "404", f"no report {report_id!r}")
    return _report(task)


def _refuse_duplicate(seller: Seller, asked: dict[str, Any]) -> None:
    """Amazon refuses a report that it is making already, and names it."""
    state = simulator()
    for task in list(state.tasks.values()):
        if task.seller == seller and task.asked == asked and state.stage(task) < 2:
            raise Refused(425, "425", f"The Request is a duplicate of : {task.id}")


def _row(book: Book, ad: AdDay, columns: list[str]) -> dict[str, Any]:
    product = book.product(ad.sku)
    everything = {
        "date": str(ad.on),
        "campaignId": ad.campaign_id,
        "campaignName": ad.campaign,
        "adGroupId": ad.campaign_id + 100_000,
        "adId": ad.campaign_id + 200_000,
        "advertisedSku": ad.sku,
        "advertisedAsin": product.asin,
        "campaignBudgetCurrencyCode": book.marketplace.currency,
        "impressions": ad.impressions,
        "clicks": ad.clicks,
        "cost": number(ad.cost),
        "spend": number(ad.cost),
        **{f"sales{days}d": number(ad.sales) for days in (1, 7, 14, 30)},
        **{f"purchases{days}d": ad.purchases for days in (1, 7, 14, 30)},
        **{f"unitsSoldClicks{days}d": ad.purchases for days in (1, 7, 14, 30)},
    }
    unknown = [name for name in columns if name not in everything]
    if unknown:
        raise _bad(f"configuration columns includes invalid values: ({', '.join(unknown)})")
    return {name: everything[name] for name in columns}


def _report(task: Task) -> dict[str, Any]:
    state = simulator()
    stage = state.stage(task)
    done = stage == 2
    return {
        **{name: task.asked.get(name) for name in ("name", "startDate", "endDate")},
        "configuration": {"filters": None, **task.asked["configuration"]},
        "reportId": task.id,
        "status": _STAGES[stage],
        "createdAt": instant(task.created_at),
        "updatedAt": instant(state.clock()),
        "generatedAt": instant(state.clock()) if done else None,
        "failureReason": None,
        "fileSize": len(task.content) if done else None,
        "url": f"{request.host_url}documents/{task.id}" if done else None,
        "urlExpiresAt": None,
    }


def _require_scope() -> None:
    if not request.headers.get("Amazon-Advertising-API-Scope"):
        raise Refused(401, "401", "Not authorized: Amazon-Advertising-API-Scope is missing")


def _bad(message: str) -> Refused:
    return Refused(400, "400", message)
