"""Every part of a transaction counts once, whatever shape Amazon gave it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.profit.lines import Category, Line
from app.domains.profit.transactions import lines

US = "ATVPDKIKX0DER"


def amount(value: str) -> dict[str, Any]:
    """So many dollars."""
    return {"currencyCode": "USD", "currencyAmount": Decimal(value)}


def node(kind: str, value: str, *below: dict[str, Any]) -> dict[str, Any]:
    """A breakdown with those below it."""
    return {"breakdownType": kind, "breakdownAmount": amount(value), "breakdowns": list(below)}


def item(value: str, breakdowns: Any, sku: str = "MUG", units: int = 1) -> dict[str, Any]:
    """One item of a SKU."""
    context = {"contextType": "ProductContext", "sku": sku, "quantityShipped": units}
    return {"totalAmount": amount(value), "breakdowns": breakdowns, "contexts": [context]}


def transaction(value: str, kind: str = "Shipment", **more: Any) -> dict[str, Any]:
    """A transaction with nothing but a total, unless more is given."""
    base = {"transactionType": kind, "transactionId": "T1", "postedDate": "2026-03-02T10:00:00Z"}
    return {**base, "totalAmount": amount(value), **more}


def read(*transactions: dict[str, Any]) -> list[Line]:
    """Their lines."""
    return lines(transactions, "account", US)


def sums(found: list[Line]) -> dict[Category, Decimal]:
    """The amounts by category."""
    totals: dict[Category, Decimal] = {}
    for line in found:
        totals[line.category] = totals.get(line.category, Decimal(0)) + line.amount
    return totals


SOLD = [
    node("ProductCharges", "20.00", node("OurPricePrincipal", "20.00")),
    node("Tax", "1.60", node("OurPriceTax", "1.60")),
    node(
        "AmazonFees",
        "-6.54",
        node("Commission", "-3.00", node("Base", "-2.50"), node("Tax", "-0.50")),
        node("FBA", "-3.54"),
    ),
]


def test_breakdowns_at_both_levels_are_taken_once_and_at_the_items() -> None:
    """The transaction's own tree repeats the items'; only the items know the SKU."""
    found = read(transaction("15.06", items=[item("15.06", SOLD)], breakdowns=[node("Sales", "15.06", *SOLD)]))

    assert sums(found) == {
        Category.SALE: Decimal("20.00"),
        Category.TAX: Decimal("1.60"),
        Category.FEE: Decimal("-6.54"),
    }
    assert {line.sku for line in found} == {"MUG"}


def test_the_tax_on_a_fee_is_part_of_the_fee() -> None:
    """AmazonFees › Commission › Tax is what Amazon takes, not what the buyer paid."""
    found = read(transaction("15.06", items=[item("15.06", SOLD)]))

    assert [line.category for line in found if line.label.endswith("Commission: Tax")] == [Category.FEE]


@pytest.mark.parametrize("as_object", [False, True])
def test_breakdowns_of_the_transaction_serve_where_the_items_have_none(as_object: bool) -> None:
    """Amazon's example has an object with the list inside; items' breakdowns can be null."""
    tree: Any = {"breakdowns": SOLD} if as_object else SOLD
    found = read(transaction("15.06", items=[item("15.06", None)], breakdowns=tree))

    assert sums(found)[Category.SALE] == Decimal("20.00")
    assert {line.sku for line in found} == {"MUG"}


def test_null_status_contexts_and_breakdowns_are_read() -> None:
    """Real answers have null where the model says string or array."""
    bare = {"totalAmount": amount("4.00"), "breakdowns": None, "contexts": None}
    found = read(transaction("4.00", transactionStatus=None, contexts=None, breakdowns=None, items=[bare]))

    assert sums(found) == {Category.OTHER: Decimal("4.00")}


def test_the_lines_add_up_to_the_total_whatever_the_breakdowns_leave_out() -> None:
    """Two dollars that no breakdown explains are a visible line."""
    found = read(transaction("22.00", breakdowns=[node("ProductCharges", "20.00")]))

    assert sums(found) == {Category.SALE: Decimal("20.00"), Category.OTHER: Decimal("2.00")}


def test_a_node_keeps_what_its_children_do_not_explain() -> None:
    """Sales of 148.90 with only the tax below: the rest is sales."""
    found = read(transaction("148.90", breakdowns=[node("Sales", "148.90", node("Tax", "23.77"))]))

    assert sums(found) == {Category.SALE: Decimal("125.13"), Category.TAX: Decimal("23.77")}


def test_a_refund_takes_back_goods_and_units_and_keeps_its_fees() -> None:
    """Product charges of a refund are refunds; the fees given back stay fees."""
    back = [
        node("ProductCharges", "-20.00"),
        node("AmazonFees", "2.40", node("Commission", "3.00"), node("RefundCommission", "-0.60")),
    ]
    found = read(transaction("-17.60", "Refund", items=[item("-17.60", back, units=2)]))

    assert sums(found) == {Category.REFUND: Decimal("-20.00"), Category.FEE: Decimal("2.40")}
    assert [line.units for line in found] == [-2, 0, 0]


def test_an_unknown_type_is_other_as_a_whole() -> None:
    """Even where its breakdowns look familiar."""
    found = read(transaction("2.50", "LoyaltyCredit", breakdowns=[node("ProductCharges", "2.50")]))

    assert [(line.category, line.label) for line in found] == [(Category.OTHER, "LoyaltyCredit: ProductCharges")]


def test_an_ads_invoice_and_a_bank_transfer_are_no_cost() -> None:
    """The invoice repeats the Ads report; the transfer only moves what was earned."""
    invoice, paid_out = (
        transaction("-25.37", "ProductAdsPayment"),
        transaction("-100.00", "Transfer", transactionId="T2"),
    )

    assert sums(read(invoice, paid_out)) == {
        Category.ADS_INVOICE: Decimal("-25.37"),
        Category.TRANSFER: Decimal("-100.00"),
    }


def test_a_transaction_that_comes_twice_counts_once() -> None:
    """Windows overlap by 48 hours on purpose."""
    assert len(read(transaction("4.00"), transaction("4.00"))) == 1


def test_a_deferred_transaction_is_left_to_its_release() -> None:
    """Both are listed; the money comes once."""
    deferred = transaction("4.00", transactionStatus="DEFERRED_RELEASED")
    release = transaction("4.00", transactionId="T2", transactionStatus="RELEASED")

    assert [line.source_id for line in read(deferred, release)] == ["T2"]


def test_a_service_fee_is_a_fee_even_without_breakdowns() -> None:
    """Storage is billed with items that know only a SKU."""
    found = read(transaction("-1.2375", "ServiceFee", items=[item("-1.2375", None, units=0)]))

    assert [(line.category, line.sku, line.amount) for line in found] == [(Category.FEE, "MUG", Decimal("-1.2375"))]


def test_a_fee_of_several_skus_is_each_ones_own() -> None:
    """Storage is broken down at the transaction; the items know only how much each SKU pays."""
    items = [item("-1.24", None, "MUG", 0), item("-0.50", [], "TEA", 0)]
    found = read(transaction("-1.74", "ServiceFee", items=items, breakdowns=[node("Expenses", "-1.74")]))

    assert [(line.category, line.sku, line.amount) for line in found] == [
        (Category.FEE, "MUG", Decimal("-1.24")),
        (Category.FEE, "TEA", Decimal("-0.50")),
    ]


def test_items_that_do_not_explain_a_fee_are_not_taken_for_it() -> None:
    """The transaction's total holds, whatever its items say."""
    found = read(transaction("-12.00", "ServiceFee", items=[item("-1.24", None), item("-0.50", None, "TEA")]))

    assert sums(found) == {Category.FEE: Decimal("-12.00")}


def test_units_that_were_shipped_for_nothing_are_shipped() -> None:
    """A replacement has fees, and no product charge."""
    found = read(transaction("-3.54", items=[item("-3.54", [node("AmazonFees", "-3.54")], units=2)]))

    assert [(line.category, line.amount, line.units) for line in found] == [
        (Category.FEE, Decimal("-3.54"), 0),
        (Category.SALE, Decimal(0), 2),
    ]


NAMES = st.sampled_from(["Sales", "Expenses", "Tax", "AmazonFees", "ProductCharges", "Shipping", "PromoRebates", "New"])
AMOUNTS = st.decimals(-1_000, 1_000, places=4).map(str)
TREES = st.recursive(
    st.builds(node, NAMES, AMOUNTS),
    lambda below: st.builds(lambda n, a, c: node(n, a, *c), NAMES, AMOUNTS, st.lists(below, max_size=3)),
)
FORESTS = st.none() | st.lists(TREES, max_size=3)
KINDS = st.sampled_from(["Shipment", "Refund", "ServiceFee", "ProductAdsPayment", "Transfer", "Adjustment", "New"])


@given(AMOUNTS, KINDS, FORESTS, st.lists(st.builds(item, AMOUNTS, FORESTS), max_size=3))
def test_no_cent_of_a_transaction_is_lost_or_doubled(total: str, kind: str, own: Any, items: list[Any]) -> None:
    """Whatever the trees say, and however little they agree, the lines add up to the total."""
    found = read(transaction(total, kind, breakdowns=own, items=items))

    assert sum(line.amount for line in found) == Decimal(total)
