"""The calls that are one request a page: what they ask for, and nothing of how it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.domains.amazon import decimal_json
from app.domains.amazon.client import Amazon
from app.domains.amazon.http import take
from app.domains.amazon.operations import (
    ESTIMATE_FEES_ASIN,
    ESTIMATE_FEES_SKU,
    GET_INVENTORY,
    GET_MARKETPLACES,
    GET_ORDER_ITEMS_V0,
    GET_ORDER_METRICS,
    GET_ORDERS_V0,
    LIST_FINANCIAL_EVENTS,
    LIST_TRANSACTIONS,
    SEARCH_ORDERS,
    Operation,
)
from app.domains.amazon.pagination import Call, Page, inventory_pages, order_pages, transaction_pages, v0_pages
from app.domains.amazon.windows import Window, stamp

# No BUYER, no RECIPIENT: what we do not ask for we cannot lose.
ORDER_DATA = ("PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT")
_PARTICIPATIONS_TTL_S = 86_400


def search_orders(amazon: Amazon, window: Window, token: str | None = None) -> Iterator[Page]:
    """Orders created in the window, with their items and amounts (orders 2026-01-01)."""
    query = {
        "createdAfter": window.start,
        "createdBefore": window.end,
        "marketplaceIds": [amazon.seller.marketplace_id],
        "includedData": ORDER_DATA,
    }
    return order_pages(_call(amazon, SEARCH_ORDERS), query, token)


def list_transactions(amazon: Amazon, window: Window, token: str | None = None) -> Iterator[Page]:
    """Transactions posted in the window (finances 2024-06-19); those of the last 48 h may still be missing.

    In the US the marketplace is not named, since Amazon then leaves out what the seller fulfilled: the page is
    filtered here instead, and what names no marketplace stays.
    """
    wanted = amazon.seller.marketplace_id
    query: dict[str, Any] = {"postedAfter": window.start, "postedBefore": window.end}
    if amazon.seller.country != "US":
        query["marketplaceId"] = wanted
    for page in transaction_pages(_call(amazon, LIST_TRANSACTIONS), query, token):
        yield Page([item for item in page.items if _marketplace(item) in (None, wanted)], page.next_token)


def list_financial_events(amazon: Amazon, query: Mapping[str, Any], token: str | None = None) -> Iterator[Page]:
    """Finances v0 (superseded by transactions): one item a page, the lists of events by their kind."""
    call = _call(amazon, LIST_FINANCIAL_EVENTS)

    def listed(query: Mapping[str, Any]) -> Any:
        payload = take(LIST_FINANCIAL_EVENTS.name, call(query), "payload")
        return {"payload": {**payload, "FinancialEvents": [payload.get("FinancialEvents") or {}]}}

    return v0_pages(listed, query, "FinancialEvents", token)


def inventory(amazon: Amazon, token: str | None = None) -> Iterator[Page]:
    """The inventory summaries of the seller's marketplace, with details."""
    marketplace = amazon.seller.marketplace_id
    query = {
        "granularityType": "Marketplace",
        "granularityId": marketplace,
        "marketplaceIds": [marketplace],
        "details": True,
    }
    return inventory_pages(_call(amazon, GET_INVENTORY), query, token)


def order_metrics(amazon: Amazon, window: Window, granularity: str = "Day") -> list[Any]:
    """Sales totals by day (UTC), or by another of Amazon's granularities."""
    query = {
        "marketplaceIds": [amazon.seller.marketplace_id],
        "interval": f"{stamp(window.start)}--{stamp(window.end)}",
        "granularity": granularity,
        "granularityTimeZone": "UTC",
    }
    metrics: list[Any] = take(GET_ORDER_METRICS.name, amazon.call(GET_ORDER_METRICS, query=query), "payload")
    return metrics


def marketplace_participations(amazon: Amazon) -> list[Any]:
    """Where the seller sells; kept for a day, since this may be asked once a minute only."""
    key = f"amazon:marketplaces:{amazon.seller.account_id}"
    kept = amazon.redis.get(key)
    if kept is not None:
        participations: list[Any] = decimal_json.decode(str(kept))
        return participations
    participations = take(GET_MARKETPLACES.name, amazon.call(GET_MARKETPLACES), "payload")
    amazon.redis.set(key, decimal_json.encode(participations).decode(), ex=_PARTICIPATIONS_TTL_S)
    return participations


def estimate_fees(
    amazon: Amazon,
    price: Decimal,
    currency: str,
    *,
    sku: str = "",
    asin: str = "",
    shipping: Decimal = Decimal(0),
    fulfilled_by_amazon: bool = True,
) -> dict[str, Any]:
    """What Amazon would charge for one unit at that price: the ``FeesEstimateResult`` of a SKU, or of an ASIN."""
    if bool(sku) == bool(asin):
        raise ValueError(f"give a sku or an asin, not both and not neither: sku={sku!r}, asin={asin!r}")
    operation, path = (ESTIMATE_FEES_SKU, {"SellerSKU": sku}) if sku else (ESTIMATE_FEES_ASIN, {"Asin": asin})
    body = {
        "FeesEstimateRequest": {
            "MarketplaceId": amazon.seller.marketplace_id,
            "IsAmazonFulfilled": fulfilled_by_amazon,
            "Identifier": sku or asin,
            "PriceToEstimateFees": {
                "ListingPrice": {"CurrencyCode": currency, "Amount": price},
                "Shipping": {"CurrencyCode": currency, "Amount": shipping},
            },
        }
    }
    payload = take(operation.name, amazon.call(operation, path=path, body=body), "payload")
    result: dict[str, Any] = take(operation.name, payload, "FeesEstimateResult")
    return result


def orders_v0(amazon: Amazon, created_after: str, token: str | None = None) -> Iterator[Page]:
    """Orders as v0 gives them, without items. Deprecated by Amazon: ``search_orders`` has both in one answer."""
    query = {"CreatedAfter": created_after, "MarketplaceIds": [amazon.seller.marketplace_id]}
    return v0_pages(_call(amazon, GET_ORDERS_V0), query, "Orders", token)


def order_items_v0(amazon: Amazon, order_id: str, token: str | None = None) -> Iterator[Page]:
    """The items of one order as v0 gives them. Deprecated by Amazon."""

    def call(query: Mapping[str, Any]) -> Any:
        return amazon.call(GET_ORDER_ITEMS_V0, path={"orderId": order_id}, query=query)

    return v0_pages(call, {}, "OrderItems", token)


def _call(amazon: Amazon, operation: Operation) -> Call:
    return lambda query: amazon.call(operation, query=query)


def _marketplace(transaction: Mapping[str, Any]) -> str | None:
    """The marketplace a transaction names, in either of two places."""
    for place in ("marketplaceDetails", "sellingPartnerMetadata"):
        if found := (transaction.get(place) or {}).get("marketplaceId"):
            return str(found)
    return None
