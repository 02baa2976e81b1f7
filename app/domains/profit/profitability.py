"""What was earned, per currency and per SKU: sums over lines, nothing rounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from app.domains.profit.lines import APART, GROSS, Category, Line
from app.domains.profit.money import ZERO, Money, plain, ratio


@dataclass(slots=True)
class Figures:
    """The figures of one currency, of everything or of one SKU. Costs are positive here."""

    currency: str
    sums: dict[Category, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    units_ordered: int = 0
    units_refunded: int = 0
    cogs: Decimal = ZERO
    units_costed: int = 0

    def take(self, line: Line) -> None:
        """Count one line of this currency in."""
        self.sums[line.category] += line.amount
        if line.category in GROSS and line.units > 0:
            self.units_ordered += line.units
        if line.category is Category.REFUND and line.units < 0:
            self.units_refunded -= line.units

    def charge(self, spent: Decimal, units: int) -> None:
        """Count in what the net units cost."""
        self.cogs += spent
        self.units_costed += units

    @property
    def units_net(self) -> int:
        """Units that stayed sold."""
        return self.units_ordered - self.units_refunded

    @property
    def gross_sales(self) -> Decimal:
        """Product charges, shipping and gift wrap; tax is apart."""
        return sum((self.sums[category] for category in GROSS), ZERO)

    @property
    def net_sales(self) -> Decimal:
        """Gross sales with promotions and refunds, which are not above zero, taken off."""
        return self.gross_sales + self.sums[Category.PROMOTION] + self.sums[Category.REFUND]

    @property
    def profit(self) -> Decimal:
        """Net sales less Amazon's fees, ads and the goods' own cost, with what is not classified."""
        paid = self.sums[Category.FEE] + self.sums[Category.ADS]
        return self.net_sales + paid - self.cogs + self.sums[Category.OTHER]

    def as_json(self) -> dict[str, Any]:
        """Amounts as exact strings, ratios with four decimals, None where there is nothing to divide by."""
        ads = ZERO - self.sums[Category.ADS]
        return {
            "currency": self.currency,
            "gross_sales": self._exact(self.gross_sales),
            "promotions": self._exact(self.sums[Category.PROMOTION]),
            "refunds": self._exact(self.sums[Category.REFUND]),
            "net_sales": self._exact(self.net_sales),
            "amazon_fees": self._exact(ZERO - self.sums[Category.FEE]),
            "ads_spend": self._exact(ads),
            "cogs": self._exact(self.cogs),
            "cogs_coverage": f"{self.units_costed} of {self.units_net} units costed",
            "other": self._exact(self.sums[Category.OTHER]),
            "tax": self._exact(self.sums[Category.TAX]),
            "profit": self._exact(self.profit),
            "margin": ratio(self.profit, self.net_sales),
            "acos": ratio(ads, self.sums[Category.AD_SALE]),
            "tacos": ratio(ads, self.net_sales),
            "units_ordered": self.units_ordered,
            "units_refunded": self.units_refunded,
            "units_net": self.units_net,
        }

    def _exact(self, amount: Decimal) -> str:
        return plain(amount, self.currency)


@dataclass(slots=True)
class Profitability:
    """The figures of an account and a period, by currency, and by currency and SKU (None: of no SKU)."""

    totals: dict[str, Figures]
    by_sku: dict[tuple[str, str | None], Figures]
    first_on: date | None
    last_on: date | None
    unclassified: dict[tuple[str, str], tuple[int, Decimal]]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON: a list of totals, one a currency, and their SKUs."""
        return {
            "period": {"from": self.first_on and str(self.first_on), "to": self.last_on and str(self.last_on)},
            "totals": [self.totals[currency].as_json() for currency in sorted(self.totals)],
            "by_sku": [
                {"sku": sku, **self.by_sku[currency, sku].as_json()}
                for currency, sku in sorted(self.by_sku, key=lambda key: (key[0], key[1] is None, key[1] or ""))
            ],
            "other": [
                {"label": label, "currency": currency, "count": count, "amount": plain(amount, currency)}
                for (label, currency), (count, amount) in sorted(self.unclassified.items())
            ],
        }


def profitability(lines: Iterable[Line], unit_costs: Mapping[str, Money]) -> Profitability:
    """The figures of the lines, which are of one account and one source of sales.

    A SKU's cost of goods comes from its own cost lines (Amazon's) where it has any, else from
    ``unit_costs`` × net units where that cost is in the currency of the sales, else it counts as not
    costed. Transactions, orders and economics repeat one another: give one of them, with the ads.
    """
    lines = list(lines)
    totals: dict[str, Figures] = {}
    by_sku: dict[tuple[str, str | None], Figures] = {}
    unclassified: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for line in lines:
        for figures in _figures_of(line, totals, by_sku):
            figures.take(line)
            if line.category is Category.COGS:
                figures.charge(-line.amount, line.units)
        if line.category is Category.OTHER:
            count, amount = unclassified.get((line.label, line.currency), (0, ZERO))
            unclassified[line.label, line.currency] = (count + 1, amount + line.amount)
    _charge_unit_costs(totals, by_sku, unit_costs)
    days = [line.date for line in lines if line.date and line.category not in APART]
    return Profitability(totals, by_sku, min(days, default=None), max(days, default=None), unclassified)


def _figures_of(
    line: Line, totals: dict[str, Figures], by_sku: dict[tuple[str, str | None], Figures]
) -> tuple[Figures, Figures]:
    total = totals.setdefault(line.currency, Figures(line.currency))
    return total, by_sku.setdefault((line.currency, line.sku), Figures(line.currency))


def _charge_unit_costs(
    totals: dict[str, Figures], by_sku: dict[tuple[str, str | None], Figures], unit_costs: Mapping[str, Money]
) -> None:
    for (currency, sku), figures in by_sku.items():
        cost = unit_costs.get(sku) if sku is not None else None
        if cost is None or cost.currency != currency or Category.COGS in figures.sums:
            continue
        spent = cost.amount * figures.units_net
        for charged in (figures, totals[currency]):
            charged.charge(spent, figures.units_net)
