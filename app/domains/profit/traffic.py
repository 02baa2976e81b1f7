"""Sales and traffic: what was ordered beside who looked, by day and by product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.domains.profit.money import ZERO, Money, plain, ratio

_VIEWS = ("browserPageViews", "mobileAppPageViews", "pageViews", "sessions")


def sales_and_traffic(report: Mapping[str, Any]) -> dict[str, Any]:
    """Totals per currency, the days and the products. Source: GET_SALES_AND_TRAFFIC_REPORT.

    A key can be missing (Amazon's own example misspells one): such a count is None for its day and its
    total, and the key is named in ``missing``; a gap is not a zero.
    """
    days = report.get("salesAndTrafficByDate") or []
    products = report.get("salesAndTrafficByAsin") or []
    missing = sorted({name for day in days for name in _VIEWS if (day.get("trafficByDate") or {}).get(name) is None})
    views = {name: None if name in missing else sum(int(day["trafficByDate"][name]) for day in days) for name in _VIEWS}
    units = sum(int(_sales(day).get("unitsOrdered") or 0) for day in days)
    sessions = views["sessions"]
    return {
        "sales": _ordered(_sales(day) for day in days),
        "units_ordered": units,
        "units_refunded": sum(int(_sales(day).get("unitsRefunded") or 0) for day in days),
        "views": views,
        "units_per_session": None if sessions is None else ratio(Decimal(units), Decimal(sessions)),
        "missing": missing,
        "by_day": [_day(day) for day in days],
        "by_product": [_product(product) for product in products],
    }


def sales_totals(metrics: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Order metrics summed over their intervals, per currency, in a week or any other stretch."""
    metrics = list(metrics)
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in metrics:
        money = Money.read(entry["totalSales"])
        sums[money.currency] += money.amount
    return {
        "sales": [{"amount": plain(sums[currency], currency), "currency": currency} for currency in sorted(sums)],
        "orders": sum(int(entry.get("orderCount") or 0) for entry in metrics),
        "order_items": sum(int(entry.get("orderItemCount") or 0) for entry in metrics),
        "units": sum(int(entry.get("unitCount") or 0) for entry in metrics),
        "intervals": [str(entry.get("interval")) for entry in metrics],
    }


def _sales(day: Mapping[str, Any]) -> Mapping[str, Any]:
    return day.get("salesByDate") or {}


def _ordered(days: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for day in days:
        if day.get("orderedProductSales"):
            money = Money.read(day["orderedProductSales"])
            sums[money.currency] += money.amount
    return [{"amount": plain(sums[currency], currency), "currency": currency} for currency in sorted(sums)]


def _day(day: Mapping[str, Any]) -> dict[str, Any]:
    traffic = day.get("trafficByDate") or {}
    return {
        "date": day.get("date"),
        "sales": _ordered([_sales(day)]),
        "units_ordered": int(_sales(day).get("unitsOrdered") or 0),
        "units_refunded": int(_sales(day).get("unitsRefunded") or 0),
        "views": {name: None if traffic.get(name) is None else int(traffic[name]) for name in _VIEWS},
    }


def _product(product: Mapping[str, Any]) -> dict[str, Any]:
    sales, traffic = product.get("salesByAsin") or {}, product.get("trafficByAsin") or {}
    return {
        "sku": product.get("sku"),
        "asin": product.get("childAsin") or product.get("parentAsin"),
        "sales": _ordered([sales]),
        "units_ordered": int(sales.get("unitsOrdered") or 0),
        "sessions": None if traffic.get("sessions") is None else int(traffic["sessions"]),
        "page_views": None if traffic.get("pageViews") is None else int(traffic["pageViews"]),
    }
