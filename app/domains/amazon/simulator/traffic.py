"""The sales and traffic report: the book's sales beside visits that follow from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.domains.amazon.simulator.asked import number
from app.domains.amazon.simulator.book import Book, Item, Order, Product

Node = dict[str, Any]

# Every unit that is sold was looked at by so many people, so often.
_SESSIONS_A_UNIT = 12
_VIEWS_A_SESSION = 2


def sales_and_traffic(book: Book, first: date, last: date, options: Mapping[str, str]) -> bytes:
    """By day, and by SKU over the whole stretch; other granularities are answered as these."""
    orders = [order for order in book.shipped if first <= order.at.date() <= last]
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    report = {
        "reportSpecification": {
            "reportType": "GET_SALES_AND_TRAFFIC_REPORT",
            "reportOptions": dict(options),
            "dataStartTime": str(first),
            "dataEndTime": str(last),
            "marketplaceIds": [book.marketplace.id],
        },
        "salesAndTrafficByDate": [_day(book, orders, day) for day in days],
        "salesAndTrafficByAsin": [row for product in book.products if (row := _product(book, orders, product))],
    }
    return json.dumps(report).encode()


def _day(book: Book, orders: list[Order], day: date) -> Node:
    placed = [order for order in orders if order.at.date() == day]
    items = [item for order in placed for item in order.items]
    units, sales = _units(items), _sales(items)
    refunds = [refund for refund in book.refunds if refund.at.date() == day]
    back = sum(refund.units for refund in refunds)
    cent = book.marketplace.cent
    return {
        "date": str(day),
        "salesByDate": {
            "orderedProductSales": _amount(book, sales),
            "unitsOrdered": units,
            "totalOrderItems": len(items),
            "averageSalesPerOrderItem": _amount(book, _mean(sales, len(items), cent)),
            "averageUnitsPerOrderItem": round(units / len(items), 2) if items else 0,
            "averageSellingPrice": _amount(book, _mean(sales, units, cent)),
            "unitsRefunded": back,
            "refundRate": round(100 * back / units, 2) if units else 0,
            "claimsGranted": 0,
            "claimsAmount": _amount(book, Decimal(0)),
            "shippedProductSales": _amount(book, sales),
            "unitsShipped": units,
            "ordersShipped": len(placed),
        },
        "trafficByDate": _traffic(units, len(items))
        | {
            "averageOfferCount": len(book.products),
            "averageParentItems": len(book.products),
            "feedbackReceived": 0,
            "negativeFeedbackReceived": 0,
            "receivedNegativeFeedbackRate": 0,
        },
    }


def _product(book: Book, orders: list[Order], product: Product) -> Node | None:
    items = [item for order in orders for item in order.items if item.sku == product.sku]
    if not items:
        return None
    units = _units(items)
    traffic = _traffic(units, len(items))
    del traffic["orderItemSessionPercentage"]
    shares = ("browserSession", "mobileAppSession", "session", "browserPageViews", "mobileAppPageViews", "pageViews")
    return {
        "parentAsin": product.asin,
        "childAsin": product.asin,
        "sku": product.sku,
        "salesByAsin": {
            "unitsOrdered": units,
            "orderedProductSales": _amount(book, _sales(items)),
            "totalOrderItems": len(items),
        },
        "trafficByAsin": traffic | {f"{name}Percentage": 100.0 for name in shares},
    }


def _traffic(units: int, items: int) -> Node:
    sessions = units * _SESSIONS_A_UNIT
    mobile = sessions // 3
    return {
        "browserPageViews": (sessions - mobile) * _VIEWS_A_SESSION,
        "mobileAppPageViews": mobile * _VIEWS_A_SESSION,
        "pageViews": sessions * _VIEWS_A_SESSION,
        "browserSessions": sessions - mobile,
        "mobileAppSessions": mobile,
        "sessions": sessions,
        "buyBoxPercentage": 100.0,
        "orderItemSessionPercentage": round(100 * items / sessions, 2) if sessions else 0,
        "unitSessionPercentage": round(100 * units / sessions, 2) if sessions else 0,
    }


def _units(items: Iterable[Item]) -> int:
    return sum(item.units for item in items)


def _sales(items: Iterable[Item]) -> Decimal:
    return sum((item.product for item in items), Decimal(0))


def _mean(total: Decimal, count: int, cent: Decimal) -> Decimal:
    return (total / count).quantize(cent) if count else Decimal(0)


def _amount(book: Book, amount: Decimal) -> Node:
    return {"amount": number(amount), "currencyCode": book.marketplace.currency}
