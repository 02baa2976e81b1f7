"""Finances 2024-06-19: what was posted, with Amazon's breakdowns, at the items and again at the transaction."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import books, instant, number, page, window
from app.domains.amazon.simulator.book import Book, Charge, Item, Order, Posting, Refund
from app.domains.amazon.simulator.gate import Answer, operation
from app.domains.amazon.simulator.state import Seller, simulator

bp = Blueprint("finances", __name__)

Node = dict[str, Any]


@bp.get("/finances/2024-06-19/transactions")
@operation("listTransactions", rate=0.5, burst=10)
def list_transactions(seller: Seller) -> Answer:
    """The transactions posted in a window; a page token goes stale after a few minutes."""
    after, before = window("postedAfter", "postedBefore")
    state = simulator()
    posted = sorted(
        (entry for book in books(seller, "marketplaceId") for entry in postings(book) if after <= entry[0] < before),
        key=lambda entry: (entry[0], entry[1]["transactionId"]),
    )
    found, following = page(
        [transaction for _, transaction in posted],
        request.args.get("nextToken"),
        state.options.page_size,
        max_age_s=state.options.token_minutes * 60,
    )
    payload: Node = {"transactions": found}
    return {"payload": payload | ({"nextToken": following} if following else {})}


def postings(book: Book) -> list[tuple[datetime, Node]]:
    """Every transaction of the book, with its moment."""
    return [
        *((order.at, _shipment(book, order)) for order in book.shipped),
        *((refund.at, _refund(book, refund)) for refund in book.refunds),
        *((charge.at, _charge(book, charge)) for charge in book.charges),
        *((posting.at, _posting(book, posting)) for posting in book.postings),
    ]


def _shipment(book: Book, order: Order) -> Node:
    currency = book.marketplace.currency
    items = [_item(book, item.sku, item.units, _shipped(item, currency)) for item in order.items]
    return _transaction(
        book, "Shipment", order.id, at=order.at, description="Order Payment", items=items, order_id=order.id
    )


def _shipped(item: Item, currency: str) -> list[Node]:
    fees = {"Commission": -item.referral_fee, "FBAPerUnitFulfillmentFee": -item.fulfilment_fee}
    return _nodes(
        currency,
        ("ProductCharges", {"OurPricePrincipal": item.product}),
        ("Shipping", {"ShippingPrincipal": item.shipping}),
        ("GiftWrap", {"GiftWrapPrincipal": item.gift_wrap}),
        ("PromoRebates", {"ProductDiscount": item.promotion}),
        ("Tax", {"OurPriceTax": item.tax}),
        ("AmazonFees", fees),
    )


def _refund(book: Book, refund: Refund) -> Node:
    nodes = _nodes(
        book.marketplace.currency,
        ("ProductCharges", {"OurPricePrincipal": -refund.product}),
        ("Tax", {"OurPriceTax": -refund.tax}),
        ("AmazonFees", {"Commission": refund.referral_back, "RefundCommission": -refund.commission}),
    )
    items = [_item(book, refund.sku, refund.units, nodes)]
    return _transaction(
        book, "Refund", refund.id, at=refund.at, description="Refund Order", items=items, order_id=refund.order_id
    )


def _charge(book: Book, charge: Charge) -> Node:
    """A service fee: broken down at the transaction only; its item, if any, knows nothing but the SKU."""
    nodes = _nodes(charge.currency, ("Expenses", {charge.kind: -charge.amount}))
    items = [_item(book, charge.sku, 0, [], total=-charge.amount, currency=charge.currency)] if charge.sku else []
    return _transaction(book, "ServiceFee", charge.id, at=charge.at, description=charge.kind, items=items, own=nodes)


def _posting(book: Book, posting: Posting) -> Node:
    kind = posting.transaction_type
    nodes = _nodes(book.marketplace.currency, (kind, {"TotalAmount": posting.amount}))
    return _transaction(book, kind, posting.id, at=posting.at, description=kind, items=[], own=nodes)


def _transaction(
    book: Book,
    kind: str,
    identity: str,
    *,
    at: datetime,
    description: str,
    items: list[Node],
    own: list[Node] | None = None,
    order_id: str | None = None,
) -> Node:
    """Its breakdowns are its own, or the items' once more, summed up: a reader must not take both."""
    nodes = own if own is not None else _summary(items)
    currency = nodes[0]["breakdownAmount"]["currencyCode"] if nodes else book.marketplace.currency
    total = sum((_exact(node) for node in nodes), Decimal(0))
    return {
        "sellingPartnerMetadata": {
            "sellingPartnerId": book.seller_id,
            "accountType": "Standard Orders",
            "marketplaceId": book.marketplace.id,
        },
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order_id}]
        if order_id
        else [],
        "transactionType": kind,
        "transactionId": f"{book.marketplace.country}-{kind}-{identity}",
        "transactionStatus": "RELEASED",
        "description": description,
        "postedDate": instant(at),
        "totalAmount": _amount(total, currency),
        "marketplaceDetails": {"marketplaceId": book.marketplace.id, "marketplaceName": book.marketplace.name},
        "items": items,
        "contexts": [],
        "breakdowns": nodes,
    }


def _item(
    book: Book,
    sku: str,
    units: int,
    nodes: list[Node],
    *,
    total: Decimal | None = None,
    currency: str | None = None,
) -> Node:
    product = book.product(sku)
    amount = sum((_exact(node) for node in nodes), Decimal(0)) if total is None else total
    return {
        "description": product.title,
        "totalAmount": _amount(amount, currency or book.marketplace.currency),
        "relatedIdentifiers": [],
        "breakdowns": nodes,
        "contexts": [
            {
                "contextType": "ProductContext",
                "asin": product.asin,
                "sku": sku,
                "quantityShipped": units,
                "fulfillmentNetwork": "AFN",
            }
        ],
    }


def _nodes(currency: str, *kinds: tuple[str, dict[str, Decimal]]) -> list[Node]:
    """Two-level breakdowns; what is zero is left out, except the product itself."""
    nodes = []
    for name, leaves in kinds:
        below = [
            {"breakdownType": leaf, "breakdownAmount": _amount(amount, currency), "breakdowns": []}
            for leaf, amount in leaves.items()
            if amount or name == "ProductCharges"
        ]
        if below:
            total = sum(leaves.values(), Decimal(0))
            nodes.append({"breakdownType": name, "breakdownAmount": _amount(total, currency), "breakdowns": below})
    return nodes


def _summary(items: list[Node]) -> list[Node]:
    """The items' breakdowns as the transaction repeats them: under Sales, Expenses and Tax."""
    groups: dict[str, list[Node]] = {"Sales": [], "Expenses": [], "Tax": []}
    for node in (node for item in items for node in item["breakdowns"]):
        group = {"Tax": "Tax", "AmazonFees": "Expenses", "PromoRebates": "Expenses"}.get(node["breakdownType"], "Sales")
        groups[group].append(node)
    return [
        {
            "breakdownType": name,
            "breakdownAmount": _amount(sum((_exact(node) for node in nodes), Decimal(0)), _currency(nodes)),
            "breakdowns": nodes,
        }
        for name, nodes in groups.items()
        if nodes
    ]


def _exact(node: Node) -> Decimal:
    return Decimal(str(node["breakdownAmount"]["currencyAmount"]))


def _currency(nodes: list[Node]) -> str:
    return str(nodes[0]["breakdownAmount"]["currencyCode"])


def _amount(amount: Decimal, currency: str) -> Node:
    return {"currencyCode": currency, "currencyAmount": number(amount)}
