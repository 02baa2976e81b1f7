"""Lines from the Ads report of advertised products: what was spent, and what it sold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from app.domains.profit.lines import Category, Line
from app.domains.profit.marketplaces import currency_of
from app.domains.profit.money import ZERO, decimal

Row = Mapping[str, Any]

# Seven days is the window Amazon shows sellers; a report can be asked for others.
_SALES = ("sales7d", "sales14d", "sales30d", "sales1d", "sales")
_PURCHASES = ("purchases7d", "purchases14d", "purchases30d", "purchases1d", "purchases")
_CURRENCY = ("currency", "currencyCode", "campaignBudgetCurrencyCode")


def lines(rows: Iterable[Row], account: str, marketplace: str) -> list[Line]:
    """Two lines a row: the cost, as what goes out, and the sales that the ads claim (no part of the profit)."""
    return [line for number, row in enumerate(rows) for line in _row_lines(row, number, account, marketplace)]


def _row_lines(row: Row, number: int, account: str, marketplace: str) -> Iterator[Line]:
    amounts = {Category.ADS: -cost(row), Category.AD_SALE: sales(row)}
    for category, amount in amounts.items():
        yield Line(
            account=account,
            marketplace=marketplace,
            sku=sku(row),
            date=date.fromisoformat(str(row["date"])) if row.get("date") else None,
            category=category,
            amount=amount,
            currency=currency(row, marketplace),
            units=0,
            source_id=f"ads {row.get('campaignId')} {row.get('date') or number}",
            label="Sponsored Products",
        )


def cost(row: Row) -> Decimal:
    """What the row's clicks cost."""
    return decimal(row.get("cost") or 0)


def sales(row: Row) -> Decimal:
    """The sales within the attribution window."""
    return next((decimal(row[name]) for name in _SALES if row.get(name) is not None), ZERO)


def purchases(row: Row) -> int:
    """The orders within the attribution window."""
    return next((int(row[name]) for name in _PURCHASES if row.get(name) is not None), 0)


def currency(row: Row, marketplace: str) -> str:
    """The row's currency, or else the marketplace's."""
    return next((str(row[name]) for name in _CURRENCY if row.get(name)), currency_of(marketplace))


def sku(row: Row) -> str | None:
    """The advertised SKU; vendors' rows have none."""
    return str(row["advertisedSku"]) if row.get("advertisedSku") else None
