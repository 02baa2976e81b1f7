"""The formulas of all metrics, over the sums of a period and of the one before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.models.publisher_metric import MetricType
from app.models.rollup import ratio

Figure = Decimal | int | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a period's events. ``late`` came more than an hour after they happened; ``impossible`` cannot be true."""

    requests: int = 0
    impressions: int = 0
    clicks: int = 0
    revenue: Decimal = Decimal(0)
    events: int = 0
    late: int = 0
    impossible: int = 0
    delay_s: int = 0


def performance(this: Sums, before: Sums) -> dict[str, Figure]:
    """How much is shown and clicked."""
    return {
        "requests": this.requests,
        "impressions": this.impressions,
        "clicks": this.clicks,
        "fillRate": ratio(this.impressions, this.requests),
        "ctr": ratio(this.clicks, this.impressions),
        "impressionsChange": _change(this.impressions, before.impressions),
        "clicksChange": _change(this.clicks, before.clicks),
    }


def revenue(this: Sums, before: Sums) -> dict[str, Figure]:
    """What it earns, in the publisher's currency."""
    return {
        "revenue": this.revenue,
        "ecpm": ratio(this.revenue, this.impressions, 1_000),
        "perThousandRequests": ratio(this.revenue, this.requests, 1_000),
        "perClick": ratio(this.revenue, this.clicks),
        "revenueChange": _change(this.revenue, before.revenue),
    }


def quality(this: Sums, before: Sums) -> dict[str, Figure]:
    """How far the other figures can be trusted."""
    return {
        "events": this.events,
        "lateShare": ratio(this.late, this.events),
        "impossibleShare": ratio(this.impossible, this.events),
        "meanDelaySeconds": ratio(this.delay_s, this.events),
        "eventsChange": _change(this.events, before.events),
    }


FORMULAS: Mapping[MetricType, Callable[[Sums, Sums], dict[str, Figure]]] = {
    "performance": performance,
    "revenue": revenue,
    "quality": quality,
}


def _change(this: Decimal | int, before: Decimal | int) -> Decimal | None:
    """By which part of what it was: 0.5 is half as much again, -1 is nothing any more."""
    return ratio(this - before, before)


def shown(figure: Figure) -> str | int | None:
    """As JSON has it: no amount and no ratio is a float."""
    return f"{figure.normalize():f}" if isinstance(figure, Decimal) else figure
