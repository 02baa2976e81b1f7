"""Lines from Data Kiosk economics (2024-03-15), and the check against Amazon's own net proceeds.

Amazon writes fees, ads and costs as positive costs; lines carry them as what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from app.domains.profit.lines import APART, Category, Line
from app.domains.profit.marketplaces import currency_of
from app.domains.profit.money import ZERO, Money, round_to_cents

Row = Mapping[str, Any]


def lines(rows: Iterable[Row], account: str, marketplace: str) -> list[Line]:
    """The lines of every row; a field that the query left out gives none."""
    return [line for number, row in enumerate(rows) for line in _row_lines(row, number, account, marketplace)]


def unit_costs(rows: Iterable[Row]) -> dict[str, Money]:
    """What the seller told Amazon that one unit costs, by SKU; the newest row's where they differ."""
    found: dict[str, Money] = {}
    for row in sorted(rows, key=lambda row: str(row.get("startDate") or "")):
        cost, sku = _cost_per_unit(row), _sku(row)
        if cost is not None and sku is not None:
            found[sku] = cost
    return found


@dataclass(frozen=True, slots=True)
class Check:
    """One row's net proceeds beside ours; ``ours`` is None where the row lacks what they are made of."""

    sku: str | None
    date: date | None
    amazon: Money
    ours: Money | None

    @property
    def agrees(self) -> bool | None:
        """Whether the two are the same to the cent; None when there was nothing to compare."""
        if self.ours is None:
            return None
        currency = self.amazon.currency
        return round_to_cents(self.ours.amount, currency) == round_to_cents(self.amazon.amount, currency)


def check_net_proceeds(rows: Iterable[Row], account: str, marketplace: str) -> list[Check]:
    """Every row that carries ``netProceeds.total``, compared with the sum of its lines.

    ``netProceeds.total = netProductSales − fees − ads − cost per unit × netUnitsSold``; it can only be
    compared where sales, fees, ads and cost were all selected in the query.
    """
    checks = []
    for number, row in enumerate(rows):
        total = (row.get("netProceeds") or {}).get("total")
        if total is None:
            continue
        amazon = Money.read(total)
        ours = None
        if {"sales", "fees", "ads", "cost"} <= row.keys():
            own = _row_lines(row, number, account, marketplace)
            earned = (line for line in own if line.category not in APART and line.currency == amazon.currency)
            ours = Money(sum((line.amount for line in earned), ZERO), amazon.currency)
        checks.append(Check(_sku(row), _day(row), amazon, ours))
    return checks


def _row_lines(row: Row, number: int, account: str, marketplace: str) -> Iterator[Line]:
    sku, day = _sku(row), _day(row)
    base = Line(
        account=account,
        marketplace=str(row.get("marketplaceId") or marketplace),
        sku=sku,
        date=day,
        category=Category.SALE,
        amount=ZERO,
        currency=currency_of(marketplace),
        units=0,
        source_id=f"economics {sku} {day or number}",
    )
    yield from _sales(row.get("sales") or {}, base)
    for fee in row.get("fees") or []:
        for charge in fee.get("charges") or [fee.get("charge")]:
            yield from _cost(charge and charge.get("aggregatedDetail"), base, Category.FEE, fee.get("feeTypeName"))
    for ad in row.get("ads") or []:
        yield from _cost(ad.get("charge"), base, Category.ADS, ad.get("adTypeName"))
    cost, units = _cost_per_unit(row), (row.get("sales") or {}).get("netUnitsSold")
    if cost is not None and units is not None:
        spent = -cost * int(units)
        yield replace(
            base, category=Category.COGS, amount=spent.amount, currency=spent.currency, units=int(units), label="cost"
        )


def _sales(sales: Mapping[str, Any], base: Line) -> Iterator[Line]:
    """Ordered and refunded sales; the net alone where the query selected nothing else."""
    ordered, refunded = sales.get("orderedProductSales"), sales.get("refundedProductSales")
    if ordered is None and sales.get("netProductSales") is not None:
        net = Money.read(sales["netProductSales"])
        yield _priced(base, Category.SALE, net, int(sales.get("netUnitsSold") or 0), "netProductSales")
        return
    if ordered is not None:
        units = sales.get("unitsOrdered", sales.get("totalOrderItems"))
        yield _priced(base, Category.SALE, Money.read(ordered), int(units or 0), "orderedProductSales")
    if refunded is not None:
        units = int(sales.get("unitsRefunded") or 0)
        yield _priced(base, Category.REFUND, -Money.read(refunded), -units, "refundedProductSales")


def _cost(detail: Mapping[str, Any] | None, base: Line, category: Category, label: Any) -> Iterator[Line]:
    if detail and detail.get("totalAmount") is not None:
        yield _priced(base, category, -Money.read(detail["totalAmount"]), 0, str(label or category))


def _priced(base: Line, category: Category, money: Money, units: int, label: str) -> Line:
    return replace(base, category=category, amount=money.amount, currency=money.currency, units=units, label=label)


def _cost_per_unit(row: Row) -> Money | None:
    """The seller's costs of one unit at Amazon, together; None when none was entered.

    A product is fulfilled by Amazon or by the seller: the other's costs are null.
    """
    cost = row.get("cost") or {}
    entered = [cost.get("costOfGoodsSold"), cost.get("miscellaneousCost")]
    entered += (cost.get("fbaCost") or cost.get("mfnCost") or {}).values()
    amounts = [Money.read(amount) for amount in entered if amount is not None]
    if not amounts:
        return None
    return sum(amounts[1:], amounts[0])


def _sku(row: Row) -> str | None:
    name = row.get("msku") or row.get("sku")
    return str(name) if name else None


def _day(row: Row) -> date | None:
    return date.fromisoformat(str(row["startDate"])) if row.get("startDate") else None
