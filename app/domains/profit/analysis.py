"""One account's payloads turned into what its owner reads: the daily and the weekly analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.domains.profit import ads, economics, orders, transactions
from app.domains.profit.inventory import inventory
from app.domains.profit.lines import Category, Line
from app.domains.profit.money import ZERO, Money, plain
from app.domains.profit.performance import UnreadableReport, performance_v1, performance_v2
from app.domains.profit.profitability import profitability
from app.domains.profit.sponsored_ads import sponsored_ads
from app.domains.profit.traffic import sales_and_traffic, sales_totals

Payloads = Mapping[str, Any]
_NEED_ADS = ("ads_spend", "profit", "margin", "acos", "tacos")


def analyse_daily(
    payloads: Payloads, account: str, marketplace: str, unit_costs: Mapping[str, Money]
) -> dict[str, Any]:
    """Profitability from transactions and the Ads report, beside Amazon's own economics and the orders.

    ``payloads`` holds the daily datasets that were fetched (``orders``, ``transactions``, ``economics``,
    ``ads``), None for one that cannot be had; the sections that need another are None. ``unit_costs`` are the
    user's, by SKU; a cost entered at Amazon goes before it. Amounts are exact strings, one entry a currency.
    """
    costs = {**unit_costs, **economics.unit_costs(payloads.get("economics") or [])}
    return {
        "account": account,
        "marketplace": marketplace,
        "profitability": _profitability(payloads, account, marketplace, costs),
        "economics": _economics(payloads, account, marketplace, costs),
        "orders": _orders(payloads, account, marketplace),
        "sponsored_ads": None if payloads.get("ads") is None else sponsored_ads(payloads["ads"], marketplace),
    }


def analyse_weekly(
    payloads: Payloads, account: str, marketplace: str, unit_costs: Mapping[str, Money]
) -> dict[str, Any]:
    """The rest: performance reports, the finances in detail, inventory, sales and traffic.

    ``payloads`` holds the weekly datasets that were fetched; the section of a missing one is None.
    """
    analyses: dict[str, Callable[[Any], dict[str, Any]]] = {
        "performance_v1": _performance_v1,
        "performance_v2": performance_v2,
        "inventory": inventory,
        "sales_traffic": sales_and_traffic,
        "sales_totals": sales_totals,
    }
    return {
        "account": account,
        "marketplace": marketplace,
        **{name: None if payloads.get(name) is None else analyse(payloads[name]) for name, analyse in analyses.items()},
        "finances": _finances(payloads, account, marketplace, unit_costs),
    }


def _performance_v1(document: str) -> dict[str, Any]:
    """An unreadable V1 report is kept with its reason: it must not take the week's other figures with it."""
    if not document.strip():
        return {"verified": False, "metrics": [], "raw": document}
    try:
        return performance_v1(document)
    except UnreadableReport as error:
        return {"verified": False, "metrics": [], "raw": document, "unreadable": str(error)}


def _profitability(
    payloads: Payloads, account: str, marketplace: str, costs: Mapping[str, Money]
) -> dict[str, Any] | None:
    """Of the transactions and the ads, which are waited for; where there are none to be had (None), the figures that
    need them are None too. ``without`` names what else would have told more.
    """
    if payloads.get("transactions") is None or "ads" not in payloads:
        return None
    posted = transactions.lines(payloads["transactions"], account, marketplace)
    advertised = ads.lines(payloads["ads"] or [], account, marketplace)
    here = _of_marketplace(posted, marketplace)
    found = profitability(here + advertised, costs).as_json()
    if payloads["ads"] is None:
        for row in found["totals"] + found["by_sku"]:
            row.update(dict.fromkeys(_NEED_ADS))
    return {
        **found,
        "without": [dataset for dataset in ("economics", "ads") if payloads.get(dataset) is None],
        "ads_invoices": None if payloads["ads"] is None else _reconciled(here + advertised),
        "elsewhere": _elsewhere(posted, marketplace),
    }


def _economics(payloads: Payloads, account: str, marketplace: str, costs: Mapping[str, Money]) -> dict[str, Any] | None:
    if payloads.get("economics") is None:
        return None
    rows = payloads["economics"]
    found = economics.lines(rows, account, marketplace)
    checks = economics.check_net_proceeds(rows, account, marketplace)
    return {
        **profitability(_of_marketplace(found, marketplace), costs).as_json(),
        "net_proceeds": {
            "agree": sum(check.agrees is True for check in checks),
            "not_comparable": sum(check.agrees is None for check in checks),
            "differ": [
                {
                    "sku": check.sku,
                    "date": check.date and str(check.date),
                    "amazon": check.amazon.as_json(),
                    "ours": check.ours and check.ours.as_json(),
                }
                for check in checks
                if check.agrees is False
            ],
        },
        "elsewhere": _elsewhere(found, marketplace),
    }


def _orders(payloads: Payloads, account: str, marketplace: str) -> dict[str, Any] | None:
    if payloads.get("orders") is None:
        return None
    found = _of_marketplace(orders.lines(payloads["orders"], account, marketplace), marketplace)
    cancelled = {str(order.get("orderId")) for order in payloads["orders"] if orders.is_cancelled(order)}
    ordered = profitability(found, {})
    return {
        "orders": len({line.source_id for line in found}),
        "cancelled": len(cancelled),
        "totals": [
            {
                "currency": currency,
                "gross_sales": plain(figures.gross_sales, currency),
                "promotions": plain(figures.sums[Category.PROMOTION], currency),
                "tax": plain(figures.sums[Category.TAX], currency),
                "units": figures.units_ordered,
            }
            for currency, figures in sorted(ordered.totals.items())
        ],
    }


def _finances(
    payloads: Payloads, account: str, marketplace: str, unit_costs: Mapping[str, Money]
) -> dict[str, Any] | None:
    """The transactions by category and by Amazon's own names, so that every amount can be found again."""
    if payloads.get("finances") is None:
        return None
    posted = transactions.lines(payloads["finances"], account, marketplace)
    here = _of_marketplace(posted, marketplace)
    sums: dict[tuple[str, str, str], tuple[int, Any]] = {}
    for line in here:
        key = (line.currency, line.category.value, line.label)
        count, amount = sums.get(key, (0, ZERO))
        sums[key] = (count + 1, amount + line.amount)
    return {
        **profitability(here, unit_costs).as_json(),
        "detail": [
            {
                "currency": currency,
                "category": category,
                "label": label,
                "count": count,
                "amount": plain(amount, currency),
            }
            for (currency, category, label), (count, amount) in sorted(sums.items())
        ],
        "elsewhere": _elsewhere(posted, marketplace),
    }


def _reconciled(lines: Iterable[Line]) -> list[dict[str, str]]:
    """What the Ads report says was spent beside what Finances invoiced for it: one spend, told twice."""
    lines = list(lines)
    spent = {line.currency for line in lines if line.category in {Category.ADS, Category.ADS_INVOICE}}
    return [
        _reconciliation(currency, [line for line in lines if line.currency == currency]) for currency in sorted(spent)
    ]


def _reconciliation(currency: str, lines: list[Line]) -> dict[str, str]:
    reported = -sum((line.amount for line in lines if line.category is Category.ADS), ZERO)
    invoiced = -sum((line.amount for line in lines if line.category is Category.ADS_INVOICE), ZERO)
    return {
        "currency": currency,
        "reported": plain(reported, currency),
        "invoiced": plain(invoiced, currency),
        "not_invoiced": plain(reported - invoiced, currency),
    }


def _of_marketplace(lines: Iterable[Line], marketplace: str) -> list[Line]:
    return [line for line in lines if line.marketplace == marketplace]


def _elsewhere(lines: Iterable[Line], marketplace: str) -> dict[str, int]:
    """How many lines belong to the seller's other marketplaces, which are accounts of their own."""
    return dict(Counter(line.marketplace for line in lines if line.marketplace != marketplace))
