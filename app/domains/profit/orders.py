"""Lines from orders (2026-01-01): what was ordered, before any of it is money on the account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domains.profit.lines import Category, Line
from app.domains.profit.marketplaces import currency_of
from app.domains.profit.money import ZERO, Money

_CATEGORIES = {
    "ITEM": Category.SALE,
    "SHIPPING": Category.SHIPPING,
    "GIFT_WRAP": Category.GIFT_WRAP,
    "DISCOUNT": Category.PROMOTION,
    "TAX": Category.TAX,
}


def lines(orders: Iterable[Mapping[str, Any]], account: str, marketplace: str) -> list[Line]:
    """What the orders' items bring in, each order once and cancelled orders not at all.

    They repeat what transactions will say later: never add the two.
    """
    by_id = {str(order.get("orderId")): order for order in orders}
    live = (order for order in by_id.values() if not is_cancelled(order))
    return [line for order in live for line in _order_lines(order, account, marketplace)]


def is_cancelled(order: Mapping[str, Any]) -> bool:
    """Whether nothing of the order will be shipped."""
    return (order.get("fulfillment") or {}).get("fulfillmentStatus") == "CANCELLED"


def _order_lines(order: Mapping[str, Any], account: str, marketplace: str) -> Iterator[Line]:
    channel = order.get("salesChannel") or {}
    base = Line(
        account=account,
        marketplace=str(channel.get("marketplaceId") or marketplace),
        sku=None,
        date=datetime.fromisoformat(order["createdTime"]).date() if order.get("createdTime") else None,
        category=Category.SALE,
        amount=ZERO,
        currency=currency_of(marketplace),
        units=0,
        source_id=str(order.get("orderId")),
    )
    for item in order.get("orderItems") or []:
        units = int(item.get("quantityOrdered") or 0)
        for line in _item_lines(item, base, units):
            yield replace(line, units=units)
            units = 0


def _item_lines(item: Mapping[str, Any], base: Line, units: int) -> Iterator[Line]:
    """The item's proceeds by kind; its total, or its price, where no kinds are given."""
    product, proceeds = item.get("product") or {}, item.get("proceeds") or {}
    base = replace(base, sku=product.get("sellerSku"))
    for breakdown in proceeds.get("breakdowns") or []:
        kind, money = str(breakdown.get("type")), Money.read(breakdown["subtotal"])
        category = _CATEGORIES.get(kind, Category.OTHER)
        # The model does not say which sign a discount has; it is never income.
        amount = -abs(money.amount) if category is Category.PROMOTION else money.amount
        yield replace(base, category=category, amount=amount, currency=money.currency, label=f"order: {kind}")
    if proceeds.get("breakdowns"):
        return
    price = (product.get("price") or {}).get("unitPrice")
    if proceeds.get("proceedsTotal"):
        money = Money.read(proceeds["proceedsTotal"])
    else:
        money = Money.read(price) * units if price else Money(ZERO, base.currency)
    yield replace(base, amount=money.amount, currency=money.currency, label="order: total")
