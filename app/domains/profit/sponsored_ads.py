"""Sponsored Products: what the clicks cost and what they sold, per currency, campaign and SKU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.domains.profit import ads
from app.domains.profit.money import ZERO, plain, ratio


@dataclass(slots=True)
class Spend:
    """The counts of some rows of one currency."""

    cost: Decimal = ZERO
    sales: Decimal = ZERO
    impressions: int = 0
    clicks: int = 0
    purchases: int = 0

    def take(self, row: ads.Row) -> None:
        """Count one row of the Ads report in."""
        self.cost += ads.cost(row)
        self.sales += ads.sales(row)
        self.impressions += int(row.get("impressions") or 0)
        self.clicks += int(row.get("clicks") or 0)
        self.purchases += ads.purchases(row)

    def as_json(self, currency: str) -> dict[str, Any]:
        """The counts and their ratios (four decimals, None on a zero divisor)."""
        return {
            "cost": plain(self.cost, currency),
            "sales": plain(self.sales, currency),
            "impressions": self.impressions,
            "clicks": self.clicks,
            "purchases": self.purchases,
            "click_through_rate": ratio(Decimal(self.clicks), Decimal(self.impressions)),
            "cost_per_click": ratio(self.cost, Decimal(self.clicks)),
            "conversion_rate": ratio(Decimal(self.purchases), Decimal(self.clicks)),
            "acos": ratio(self.cost, self.sales),
            "roas": ratio(self.sales, self.cost),
        }


def sponsored_ads(rows: Iterable[ads.Row], marketplace: str) -> dict[str, Any]:
    """The report's totals, one a currency, and the same by campaign and by SKU."""
    rows = list(rows)
    return {
        "totals": _grouped(rows, marketplace, _everything),
        "by_campaign": _grouped(rows, marketplace, _campaign),
        "by_sku": _grouped(rows, marketplace, _sku),
    }


def _everything(_: ads.Row) -> Mapping[str, Any]:
    return {}


def _sku(row: ads.Row) -> Mapping[str, Any]:
    return {"sku": ads.sku(row)}


def _campaign(row: ads.Row) -> Mapping[str, Any]:
    return {"campaign_id": str(row.get("campaignId")), "campaign": row.get("campaignName")}


def _grouped(
    rows: Iterable[ads.Row], marketplace: str, key: Callable[[ads.Row], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    groups: dict[tuple[tuple[str, Any], ...], Spend] = defaultdict(Spend)
    for row in rows:
        groups[(*key(row).items(), ("currency", ads.currency(row, marketplace)))].take(row)
    return [{**(named := dict(group)), **groups[group].as_json(named["currency"])} for group in sorted(groups, key=str)]
