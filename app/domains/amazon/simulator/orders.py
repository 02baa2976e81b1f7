"""Orders 2026-01-01: the book's orders with their items and proceeds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import books, instant, moment, page, window
from app.domains.amazon.simulator.book import Book, Item, Order
from app.domains.amazon.simulator.gate import Answer, invalid, operation
from app.domains.amazon.simulator.state import Seller, simulator

bp = Blueprint("orders", __name__)


@bp.get("/orders/2026-01-01/orders")
@operation("searchOrders", rate=0.0056, burst=20)
def search_orders(seller: Seller) -> Answer:
    """The orders of a window, by creation or by last update (which are the same in a book)."""
    if not {"createdAfter", "lastUpdatedAfter"} & request.args.keys():
        raise invalid("createdAfter or lastUpdatedAfter is required")
    created, updated = window("createdAfter", "createdBefore"), window("lastUpdatedAfter", "lastUpdatedBefore")
    first, last = max(created[0], updated[0]), min(created[1], updated[1])
    found = [order_answer(book, order) for book in books(seller) for order in book.orders if first <= order.at < last]
    size = min(request.args.get("maxResultsPerPage", 100, int), simulator().options.page_size)
    orders, following = page(found, request.args.get("paginationToken"), size)
    before = request.args.get("createdBefore")
    until = instant(moment(before) if before else simulator().clock())
    answer: dict[str, Any] = {"orders": orders, "createdBefore": until}
    return answer | ({"pagination": {"nextToken": following}} if following else {})


def order_answer(book: Book, order: Order) -> dict[str, Any]:
    """The order as Amazon writes it, without anything about its buyer."""
    currency = book.marketplace.currency
    total = sum((item.paid + item.tax for item in order.items), Decimal(0))
    return {
        "orderId": order.id,
        "createdTime": instant(order.at),
        "lastUpdatedTime": instant(order.at),
        "programs": ["PRIME"],
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": book.marketplace.id,
            "marketplaceName": book.marketplace.name,
        },
        "proceeds": {"grandTotal": _money(total, currency)},
        "fulfillment": {
            "fulfillmentStatus": "CANCELLED" if order.cancelled else "SHIPPED",
            "fulfilledBy": "AMAZON",
            "fulfillmentServiceLevel": "STANDARD",
        },
        "orderItems": [_item(book, order, number) for number in range(len(order.items))],
    }


def _item(book: Book, order: Order, number: int) -> dict[str, Any]:
    item, currency = order.items[number], book.marketplace.currency
    product = book.product(item.sku)
    shipped = 0 if order.cancelled else item.units
    return {
        "orderItemId": f"{order.id.replace('-', '')[-12:]}{number:02d}",
        "quantityOrdered": item.units,
        "product": {
            "asin": product.asin,
            "title": product.title,
            "sellerSku": item.sku,
            "price": {"unitPrice": _money(product.price, currency)},
        },
        "proceeds": {
            "proceedsTotal": _money(item.paid + item.tax, currency),
            "breakdowns": [
                {"type": kind, "subtotal": _money(amount, currency)} for kind, amount in _proceeds(item) if amount
            ],
        },
        "fulfillment": {"quantityFulfilled": shipped, "quantityUnfulfilled": item.units - shipped},
    }


def _proceeds(item: Item) -> list[tuple[str, Decimal]]:
    return [
        ("ITEM", item.product),
        ("SHIPPING", item.shipping),
        ("GIFT_WRAP", item.gift_wrap),
        ("DISCOUNT", item.promotion),
        ("TAX", item.tax),
    ]


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": f"{amount:f}", "currencyCode": currency}
