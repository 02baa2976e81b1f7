"""FBA inventory v1: what lies in the warehouses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from app.domains.amazon.simulator.asked import books, instant, page
from app.domains.amazon.simulator.book import Product
from app.domains.amazon.simulator.gate import Answer, operation
from app.domains.amazon.simulator.state import Seller, simulator

bp = Blueprint("inventory", __name__)


@bp.get("/fba/inventory/v1/summaries")
@operation("getInventorySummaries", rate=2, burst=2)
def get_inventory_summaries(seller: Seller) -> Answer:
    """Every product of the marketplace, with details when they are asked for."""
    given = books(seller)
    details = request.args.get("details", "").lower() == "true"
    summaries = [_summary(product, details) for book in given for product in book.products]
    found, following = page(summaries, request.args.get("nextToken"), simulator().options.page_size)
    answer: dict[str, Any] = {
        "payload": {
            "granularity": {"granularityType": "Marketplace", "granularityId": given[0].marketplace.id},
            "inventorySummaries": found,
        }
    }
    return answer | ({"pagination": {"nextToken": following}} if following else {})


def _summary(product: Product, details: bool) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "asin": product.asin,
        "fnSku": f"X0{product.asin[2:]}",
        "sellerSku": product.sku,
        "condition": "NewItem",
        "lastUpdatedTime": instant(simulator().clock()),
        "productName": product.title,
        "totalQuantity": product.on_hand + product.reserved + product.inbound,
    }
    if details:
        summary["inventoryDetails"] = {
            "fulfillableQuantity": product.on_hand,
            "inboundWorkingQuantity": 0,
            "inboundShippedQuantity": product.inbound,
            "inboundReceivingQuantity": 0,
            "reservedQuantity": {
                "totalReservedQuantity": product.reserved,
                "pendingCustomerOrderQuantity": product.reserved,
                "pendingTransshipmentQuantity": 0,
                "fcProcessingQuantity": 0,
            },
            "unfulfillableQuantity": {"totalUnfulfillableQuantity": 0},
        }
    return summary
