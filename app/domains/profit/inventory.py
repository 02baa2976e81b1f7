"""Stock at Amazon's warehouses, per SKU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_COUNTS = ("total", "fulfillable", "inbound", "reserved", "unfulfillable", "researching")


def inventory(summaries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Totals, the SKUs, and those that have run out (nothing fulfillable, nothing on its way).

    ``summaries`` are FBA inventory summaries; one asked for without details has only its total.
    """
    skus = [_counts(summary) for summary in summaries]
    return {
        "totals": {name: sum(sku[name] for sku in skus) for name in _COUNTS},
        "by_sku": sorted(skus, key=lambda sku: str(sku["sku"])),
        "out_of_stock": sorted(str(sku["sku"]) for sku in skus if not sku["fulfillable"] and not sku["inbound"]),
    }


def _counts(summary: Mapping[str, Any]) -> dict[str, Any]:
    details = summary.get("inventoryDetails") or {}
    total = int(summary.get("totalQuantity") or 0)
    inbound = ("inboundWorkingQuantity", "inboundShippedQuantity", "inboundReceivingQuantity")
    return {
        "sku": summary.get("sellerSku"),
        "asin": summary.get("asin"),
        "total": total,
        "fulfillable": int(details.get("fulfillableQuantity") or 0) if details else total,
        "inbound": sum(int(details.get(name) or 0) for name in inbound),
        "reserved": _nested(details, "reservedQuantity", "totalReservedQuantity"),
        "unfulfillable": _nested(details, "unfulfillableQuantity", "totalUnfulfillableQuantity"),
        "researching": _nested(details, "researchingQuantity", "totalResearchingQuantity"),
    }


def _nested(details: Mapping[str, Any], name: str, total: str) -> int:
    return int((details.get(name) or {}).get(total) or 0)
