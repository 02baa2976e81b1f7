"""Sales v1: order metrics, summed over the book."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import books, instant, moment
from app.domains.amazon.simulator.book import Book, Order
from app.domains.amazon.simulator.gate import Answer, invalid, operation
from app.domains.amazon.simulator.state import Seller

bp = Blueprint("sales", __name__)

_STEPS = {"Hour": timedelta(hours=1), "Day": timedelta(days=1), "Week": timedelta(weeks=1)}


@bp.get("/sales/v1/orderMetrics")
@operation("getOrderMetrics", rate=0.5, burst=15)
def get_order_metrics(seller: Seller) -> Answer:
    """Hours, days, weeks or the total of an interval ``start--end``; months and years are not simulated."""
    first, separator, last = request.args.get("interval", "").partition("--")
    granularity = request.args.get("granularity", "")
    if not separator or granularity not in {*_STEPS, "Total"}:
        raise invalid("interval (start--end) and granularity (Hour, Day, Week or Total) are required")
    start, end = moment(first), moment(last)
    found = [_metrics(book, span) for book in books(seller) for span in _spans(start, end, granularity)]
    return {"payload": found}


def _spans(start: datetime, end: datetime, granularity: str) -> list[tuple[datetime, datetime]]:
    if granularity == "Total":
        return [(start, end)]
    step, found = _STEPS[granularity], []
    while start < end:
        found.append((start, min(start + step, end)))
        start += step
    return found


def _metrics(book: Book, span: tuple[datetime, datetime]) -> dict[str, Any]:
    orders = [order for order in book.shipped if span[0] <= order.at < span[1]]
    units = sum(item.units for order in orders for item in order.items)
    sales = _sales(orders)
    cent, currency = book.marketplace.cent, book.marketplace.currency
    return {
        "interval": f"{instant(span[0])}--{instant(span[1])}",
        "unitCount": units,
        "orderItemCount": sum(len(order.items) for order in orders),
        "orderCount": len(orders),
        "averageUnitPrice": _money((sales / units).quantize(cent) if units else Decimal(0), currency),
        "totalSales": _money(sales, currency),
    }


def _sales(orders: Sequence[Order]) -> Decimal:
    return sum((item.product for order in orders for item in order.items), Decimal(0))


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"currencyCode": currency, "amount": f"{amount:f}"}
