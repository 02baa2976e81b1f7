"""Lines from Finances transactions (2024-06-19): every part of a transaction's total, once.

Breakdowns are trees, at the items or at the transaction. The items' are taken where there are any
(they know the SKU), else the transaction's; what they leave unexplained becomes a line of its own.
So the lines of a transaction always add up to its ``totalAmount``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from app.domains.profit.breakdowns import Part, category_of, parts
from app.domains.profit.lines import Category, Line
from app.domains.profit.money import ZERO, Money

_REFUNDS = frozenset({"refund", "chargebackrefund", "guaranteeclaim", "guaranteeclaimrefund", "chargeback"})
_SALES = frozenset({"shipment", "order"})
_FEES = frozenset({"servicefee", "fbafee", "subscriptionfee"})
_ADS = frozenset({"productadspayment", "adspayment", "advertisingpayment"})
_TRANSFERS = frozenset({"transfer", "disbursement"})
_GOODS = frozenset({Category.SALE, Category.SHIPPING, Category.GIFT_WRAP, Category.PROMOTION})


def lines(transactions: Iterable[Mapping[str, Any]], account: str, marketplace: str) -> list[Line]:
    """The lines of the transactions, each counted once (by ``transactionId``).

    A deferred transaction whose release has been posted (``DEFERRED_RELEASED``) is left to its release,
    which is a transaction of its own. ``marketplace`` is for transactions that do not name theirs.
    """
    seen: set[str] = set()
    found: list[Line] = []
    for number, transaction in enumerate(transactions):
        identity = str(transaction.get("transactionId") or f"transaction {number}")
        if identity in seen or str(transaction.get("transactionStatus")).upper() == "DEFERRED_RELEASED":
            continue
        seen.add(identity)
        found.extend(_Transaction(transaction, identity, account, marketplace).lines())
    return found


@dataclass(frozen=True, slots=True)
class _Transaction:
    body: Mapping[str, Any]
    identity: str
    account: str
    home: str

    @property
    def kind(self) -> str:
        return str(self.body.get("transactionType") or "unnamed")

    def lines(self) -> Iterator[Line]:
        """Every part of the total, and one line for what no part explains."""
        total = Money.read(self.body["totalAmount"]) if self.body.get("totalAmount") else None
        found = list(self._explained())
        yield from found
        if total is not None:
            rest = total.amount - sum((line.amount for line in found if line.currency == total.currency), ZERO)
            if rest or not found:
                yield self._line(_single_sku(self.items), Part((), rest, total.currency))

    @property
    def items(self) -> Sequence[Mapping[str, Any]]:
        return self.body.get("items") or []

    def _explained(self) -> Iterator[Line]:
        in_items = any(parts(item.get("breakdowns")) for item in self.items)
        if not in_items and not self._is_fee_by_sku():
            sku, units = _single_sku(self.items), sum(_product(item)[1] for item in self.items)
            own = [self._line(sku, part) for part in parts(self.body.get("breakdowns"))]
            yield from self._with_units(own, units)
            return
        yield from self._item_lines()

    def _item_lines(self) -> Iterator[Line]:
        for item in self.items:
            sku, units = _product(item)
            own = [self._line(sku, part) for part in parts(item.get("breakdowns"))]
            if not own and item.get("totalAmount"):
                total = Money.read(item["totalAmount"])
                own = [self._line(sku, Part((), total.amount, total.currency))]
            yield from self._with_units(own, units)

    def _is_fee_by_sku(self) -> bool:
        """Whether it is a fee (storage, say) of several SKUs whose own totals, though not broken down, explain it."""
        if _letters(self.kind) not in _FEES or not self.body.get("totalAmount"):
            return False
        totals = [Money.read(item["totalAmount"]).amount for item in self.items if item.get("totalAmount")]
        return sum(totals, ZERO) == Money.read(self.body["totalAmount"]).amount

    def _with_units(self, own: list[Line], units: int) -> Iterator[Line]:
        """The units go with the goods' first line: out in a shipment (be they free), back in a refund."""
        kind = _letters(self.kind)
        signed = units if kind in _SALES else -units if kind in _REFUNDS else 0
        for line in own:
            carries = line.category in {Category.SALE, Category.REFUND}
            yield replace(line, units=signed) if carries else line
            signed = 0 if carries else signed
        if own and signed > 0:
            yield replace(own[0], category=Category.SALE, amount=ZERO, units=signed)

    def _line(self, sku: str | None, part: Part) -> Line:
        return Line(
            account=self.account,
            marketplace=self._marketplace(),
            sku=sku,
            date=_posted_on(self.body),
            category=self._category(part),
            amount=part.amount,
            currency=part.currency,
            units=0,
            source_id=self.identity,
            label=": ".join([self.kind, *part.path]),
        )

    def _category(self, part: Part) -> Category:
        """What the part is, by the transaction's type first: an unknown type is ``other`` as a whole."""
        kind, category = _letters(self.kind), category_of(part.path)
        if kind in _ADS:
            return Category.ADS_INVOICE
        if kind in _TRANSFERS:
            return Category.TRANSFER
        if kind in _FEES:
            return Category.FEE
        if kind in _REFUNDS and category in _GOODS:
            return Category.REFUND
        if kind in _SALES | _REFUNDS and category is not None:
            return category
        return Category.OTHER

    def _marketplace(self) -> str:
        for holder in ("marketplaceDetails", "sellingPartnerMetadata"):
            named = (self.body.get(holder) or {}).get("marketplaceId")
            if named:
                return str(named)
        return self.home


def _posted_on(body: Mapping[str, Any]) -> date | None:
    posted = body.get("postedDate")
    return datetime.fromisoformat(str(posted)).date() if posted else None


def _product(item: Mapping[str, Any]) -> tuple[str | None, int]:
    """The SKU and the quantity that the item's contexts name; contexts can be null."""
    for context in item.get("contexts") or []:
        if context.get("sku"):
            return str(context["sku"]), int(context.get("quantityShipped") or 0)
    return None, 0


def _single_sku(items: Sequence[Mapping[str, Any]]) -> str | None:
    skus = {_product(item)[0] for item in items}
    return skus.pop() if len(skus) == 1 else None


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())
