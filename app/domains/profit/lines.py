"""A line is one amount of one kind: what every source of figures is turned into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Category(StrEnum):
    """What an amount is, whichever source it came from."""

    SALE = "sale"
    SHIPPING = "shipping"
    GIFT_WRAP = "gift_wrap"
    PROMOTION = "promotion"
    REFUND = "refund"
    FEE = "fee"
    ADS = "ads"
    COGS = "cogs"
    OTHER = "other"
    # Known, shown apart, and no part of the profit:
    TAX = "tax"
    TRANSFER = "transfer"
    ADS_INVOICE = "ads_invoice"
    AD_SALE = "ad_sale"


GROSS = frozenset({Category.SALE, Category.SHIPPING, Category.GIFT_WRAP})
APART = frozenset({Category.TAX, Category.TRANSFER, Category.ADS_INVOICE, Category.AD_SALE})


@dataclass(frozen=True, slots=True)
class Line:
    """One amount, signed from the seller's side: what comes in is positive, what goes out negative.

    ``units`` are sold (positive) or come back (negative); a sale's fees carry none. ``label`` is the
    source's own name for it, shown where the category is ``other``.
    """

    account: str
    marketplace: str
    sku: str | None
    date: date | None
    category: Category
    amount: Decimal
    currency: str
    units: int
    source_id: str
    label: str = ""
