"""Amazon's breakdown trees, flattened to parts that add up, and what a part's path means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.domains.profit.lines import Category
from app.domains.profit.money import ZERO, Money


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf, with the names of the breakdowns above it."""

    path: tuple[str, ...]
    amount: Decimal
    currency: str


def parts(breakdowns: Any, path: tuple[str, ...] = ()) -> list[Part]:
    """The leaves of the tree.

    A node whose children explain only some of its amount keeps the rest as a part of its own. The tree
    may be null, a list, or (in Amazon's own example) an object with the list inside it.
    """
    return list(_walk(breakdowns, path))


def _walk(breakdowns: Any, path: tuple[str, ...]) -> Iterator[Part]:
    if isinstance(breakdowns, Mapping):
        breakdowns = breakdowns.get("breakdowns")
    for node in breakdowns or []:
        here = (*path, str(node.get("breakdownType") or "unnamed"))
        below = parts(node.get("breakdowns"), here)
        yield from below
        if node.get("breakdownAmount"):
            own = Money.read(node["breakdownAmount"])
            rest = own.amount - sum((part.amount for part in below if part.currency == own.currency), ZERO)
            if rest or not below:
                yield Part(here, rest, own.currency)


# The first name on the way down that is known decides: the tax on a fee is part of the fee.
_MEANINGS: tuple[tuple[str, Category], ...] = (
    ("amazonfees", Category.FEE),
    ("fbafees", Category.FEE),
    ("servicefees", Category.FEE),
    ("sellingfees", Category.FEE),
    ("commission", Category.FEE),
    ("shippingchargeback", Category.FEE),
    ("giftwrapchargeback", Category.FEE),
    ("promo", Category.PROMOTION),
    ("coupon", Category.PROMOTION),
    ("discount", Category.PROMOTION),
    ("productcharge", Category.SALE),
    ("principal", Category.SALE),
    ("principle", Category.SALE),
    ("ourprice", Category.SALE),
    ("giftwrap", Category.GIFT_WRAP),
    ("shipping", Category.SHIPPING),
    ("tax", Category.TAX),
)


def category_of(path: tuple[str, ...]) -> Category | None:
    """What the path's names mean; None when none of them is known."""
    for name in path:
        letters = "".join(letter for letter in name.lower() if letter.isalpha())
        for start, category in _MEANINGS:
            if letters.startswith(start):
                return category
        if letters.endswith(("fee", "fees")):
            return Category.FEE
        if letters.endswith(("tax", "taxes", "withheld")):
            return Category.TAX
    # A bare "Sales" explains itself only where nothing below it does.
    return Category.SALE if [name.lower() for name in path] == ["sales"] else None
