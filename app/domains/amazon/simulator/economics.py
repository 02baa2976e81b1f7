"""Data Kiosk's economics rows (2024-03-15): one per SKU and stretch of days, with Amazon's own net proceeds.

The schema does not say where shipping, gift wrap and promotions go. The book counts them into the
product sales, since net proceeds have no other place for them; nobody has compared that with a live account.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domains.amazon.simulator.asked import number
from app.domains.amazon.simulator.book import ZERO, Book, Product

Node = dict[str, Any]
Span = tuple[date, date]


def economics_rows(book: Book, first: date, last: date, granularity: str = "DAY") -> list[Node]:
    """The rows from ``first`` to ``last``, both included; a SKU without anything in a stretch has none."""
    rows = (_Row(book, product, span).answer() for span in spans(first, last, granularity) for product in book.products)
    return [row for row in rows if row is not None]


def spans(first: date, last: date, granularity: str) -> list[Span]:
    """The stretch in days, in whole weeks (from Sunday), in whole months, or in one."""
    if granularity == "RANGE":
        return [(first, last)]
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    if granularity == "DAY":
        return [(day, day) for day in days]
    starts = [day for day in days if (day.isoweekday() == 7 if granularity == "WEEK" else day.day == 1)]
    ends = [_end(start, granularity) for start in starts]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end <= last]


def _end(start: date, granularity: str) -> date:
    if granularity == "WEEK":
        return start + timedelta(days=6)
    return (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


class _Row:
    """One SKU's share of the book in one stretch."""

    def __init__(self, book: Book, product: Product, span: Span) -> None:
        self.book, self.product, self.span = book, product, span
        self.items = [
            item for order in book.shipped if self._covers(order.at) for item in order.items if item.sku == product.sku
        ]
        self.refunds = [refund for refund in book.refunds if refund.sku == product.sku and self._covers(refund.at)]
        self.charges = [charge for charge in book.charges if charge.sku == product.sku and self._covers(charge.at)]
        self.ads = [ad for ad in book.ads if ad.sku == product.sku and span[0] <= ad.on <= span[1]]

    def _covers(self, at: datetime) -> bool:
        return self.span[0] <= at.date() <= self.span[1]

    def answer(self) -> Node | None:
        """The row; None when nothing happened."""
        if not (self.items or self.refunds or self.charges or self.ads):
            return None
        ordered = _sum(item.paid for item in self.items)
        refunded = _sum(refund.product for refund in self.refunds)
        units, back = sum(item.units for item in self.items), sum(refund.units for refund in self.refunds)
        fees, spent = self._fees(), _sum(ad.cost for ad in self.ads)
        cost = self.product.cost_at_amazon
        net = units - back
        total = ordered - refunded - _sum(fees.values()) - spent - (cost or ZERO) * net
        return {
            "startDate": str(self.span[0]),
            "endDate": str(self.span[1]),
            "marketplaceId": self.book.marketplace.id,
            "parentAsin": self.product.asin,
            "childAsin": self.product.asin,
            "fnsku": f"X0{self.product.asin[2:]}",
            "msku": self.product.sku,
            "sales": {
                "averageSellingPrice": self._amount(ordered / units) if units else None,
                "orderedProductSales": self._amount(ordered),
                "refundedProductSales": self._amount(refunded),
                "netProductSales": self._amount(ordered - refunded),
                "unitsOrdered": units,
                "unitsRefunded": back,
                "netUnitsSold": net,
            },
            "fees": [self._fee(name, amount) for name, amount in fees.items()],
            "ads": [{"adTypeName": "Sponsored Products charge", "charge": self._detail(spent)}] if self.ads else [],
            "cost": {
                "costOfGoodsSold": None if cost is None else self._amount(cost),
                "miscellaneousCost": None,
                "fbaCost": None,
                "mfnCost": None,
            },
            "netProceeds": {
                "total": self._amount(total),
                "perUnit": self._amount(total / net) if net else None,
            },
        }

    def _fees(self) -> dict[str, Decimal]:
        fees = {
            "Referral fee": _sum(item.referral_fee for item in self.items)
            - _sum(refund.referral_back for refund in self.refunds),
            "FBA fulfillment fees": _sum(item.fulfilment_fee for item in self.items),
            "Refund administration fee": _sum(refund.commission for refund in self.refunds),
            "FBA monthly inventory storage fee": _sum(charge.amount for charge in self.charges),
        }
        return {name: amount for name, amount in fees.items() if amount}

    def _fee(self, name: str, amount: Decimal) -> Node:
        charge = {
            "identifier": f"{self.product.sku} {name}",
            "startDate": str(self.span[0]),
            "endDate": str(self.span[1]),
            "aggregatedDetail": self._detail(amount),
            "components": None,
            "properties": None,
        }
        return {"feeTypeName": name, "charges": [charge]}

    def _detail(self, total: Decimal) -> Node:
        nothing = self._amount(ZERO)
        return {
            "amount": self._amount(total),
            "amountPerUnit": None,
            "amountPerUnitDelta": None,
            "promotionAmount": nothing,
            "taxAmount": nothing,
            "quantity": None,
            "totalAmount": self._amount(total),
        }

    def _amount(self, amount: Decimal) -> Node:
        return {"amount": number(amount), "currencyCode": self.book.marketplace.currency}


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
