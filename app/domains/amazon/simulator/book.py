"""A seller's book: what truly happened in one marketplace. Every API tells a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from app.domains.amazon.simulator.marketplaces import Marketplace

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Product:
    """A product; ``cost_at_amazon`` is what its seller told Amazon that one unit costs."""

    sku: str
    asin: str
    title: str
    price: Decimal
    cost_at_amazon: Decimal | None = None
    on_hand: int = 0
    reserved: int = 0
    inbound: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One product of an order. ``promotion`` is not above zero; the two fees are costs, above zero."""

    sku: str
    units: int
    product: Decimal
    shipping: Decimal = ZERO
    gift_wrap: Decimal = ZERO
    promotion: Decimal = ZERO
    tax: Decimal = ZERO
    referral_fee: Decimal = ZERO
    fulfilment_fee: Decimal = ZERO

    @property
    def paid(self) -> Decimal:
        """What the buyer paid without tax."""
        return self.product + self.shipping + self.gift_wrap + self.promotion


@dataclass(frozen=True, slots=True)
class Order:
    """An order, shipped and posted at the moment it was placed, unless it was cancelled."""

    id: str
    at: datetime
    items: tuple[Item, ...]
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back, all amounts above zero; ``units`` is 0 where the buyer kept the goods.

    Amazon gives ``referral_back`` of its fee back and keeps ``commission``.
    """

    id: str
    order_id: str
    at: datetime
    sku: str
    units: int
    product: Decimal
    tax: Decimal = ZERO
    referral_back: Decimal = ZERO
    commission: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee that no order carries; a cost, above zero. Its currency can be another than the book's."""

    id: str
    at: datetime
    kind: str
    amount: Decimal
    currency: str
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class AdDay:
    """One advertised product on one day."""

    on: date
    campaign_id: int
    campaign: str
    sku: str
    impressions: int
    clicks: int
    cost: Decimal
    sales: Decimal
    purchases: int


@dataclass(frozen=True, slots=True)
class Posting:
    """Money of another kind, signed from the seller's side: an ads invoice, or a type nobody knows."""

    id: str
    at: datetime
    transaction_type: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Everything, in the order of time."""

    seller_id: str
    marketplace: Marketplace
    products: tuple[Product, ...]
    orders: tuple[Order, ...] = ()
    refunds: tuple[Refund, ...] = ()
    charges: tuple[Charge, ...] = ()
    ads: tuple[AdDay, ...] = ()
    postings: tuple[Posting, ...] = ()

    def product(self, sku: str) -> Product:
        """The product of that SKU; raises KeyError."""
        return {product.sku: product for product in self.products}[sku]

    @property
    def shipped(self) -> tuple[Order, ...]:
        """The orders that were not cancelled."""
        return tuple(order for order in self.orders if not order.cancelled)
