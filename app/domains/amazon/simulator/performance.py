"""The account health reports: V2 by Amazon's schema, V1 in a shape of our own, for nobody publishes one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from app.domains.amazon.simulator.book import Book

Node = dict[str, Any]

_POLICIES = (
    "listingPolicyViolations",
    "productAuthenticityCustomerComplaints",
    "productConditionCustomerComplaints",
    "productSafetyCustomerComplaints",
    "receivedIntellectualPropertyComplaints",
    "restrictedProductPolicyViolations",
    "suspectedIntellectualPropertyViolations",
    "foodAndProductSafetyIssues",
    "otherPolicyViolations",
    "documentRequests",
)


def performance_v2(books: list[Book], now: datetime) -> bytes:
    """One entry a marketplace; orders and cancellations are the book's, the rest of the seller is spotless."""
    statuses = [{"marketplaceId": book.marketplace.id, "status": "NORMAL"} for book in books]
    report = {"accountStatuses": statuses, "performanceMetrics": [_metrics(book, now) for book in books]}
    return json.dumps(report).encode()


def performance_v1(books: list[Book], now: datetime) -> bytes:
    """XML in Cp1252, as Amazon's flat files are, so that readers meet that too."""
    rows = "".join(
        f'  <marketplace id="{book.marketplace.id}">\n'
        f"    <name>{book.marketplace.name}</name>\n"
        f"    <orderCount>{len(book.orders)}</orderCount>\n"
        f"    <orderDefectRate>0.00 %</orderDefectRate>\n"
        f"    <note>Bewertung: sehr gut – für „Käufer“</note>\n"
        f"  </marketplace>\n"
        for book in books
    )
    document = f'<?xml version="1.0" encoding="Cp1252"?>\n<sellerPerformance date="{now:%Y-%m-%d}">\n{rows}'
    return f"{document}</sellerPerformance>\n".encode("cp1252")


def _metrics(book: Book, now: datetime) -> Node:
    orders, cancelled = len(book.orders), len(book.orders) - len(book.shipped)
    spotless = {"count": 0, "status": "GOOD"}
    stretch = _stretch(now, 60)

    def rate(value: float, target: float, condition: str, **counts: int) -> Node:
        verdict = "GOOD" if (value <= target if condition == "LESS_THAN" else value >= target) else "BAD"
        judged = {"status": verdict, "rate": value, "targetValue": target, "targetCondition": condition}
        return {"reportingDateRange": stretch, **counts, **judged}

    defects = {"orderWithDefects": spotless, "claims": spotless, "chargebacks": spotless, "negativeFeedback": spotless}
    return {
        "marketplaceId": book.marketplace.id,
        "invoiceDefectRate": rate(0, 0.05, "LESS_THAN", orderCount=orders)
        | {"invoiceDefect": spotless, "missingInvoice": spotless, "lateInvoice": spotless},
        "lateShipmentRate": rate(0, 0.04, "LESS_THAN", orderCount=orders, lateShipmentCount=0),
        "orderDefectRate": {
            kind: rate(0, 0.01, "LESS_THAN", orderCount=orders if kind == "afn" else 0)
            | defects
            | {"fulfillmentType": kind}
            for kind in ("mfn", "afn")
        },
        "onTimeDeliveryRate": rate(
            1, 0.95, "GREATER_THAN", shipmentCountWithValidTracking=orders, onTimeDeliveryCount=orders
        ),
        "unitOnTimeDeliveryRate": rate(
            1, 0.9, "GREATER_THAN", unitOnTimeDeliveryCount=_units(book), totalUnitCount=_units(book)
        ),
        "validTrackingRate": rate(1, 0.95, "GREATER_THAN", shipmentCount=orders, validTrackingCount=orders),
        "preFulfillmentCancellationRate": rate(
            round(cancelled / orders, 4) if orders else 0,
            0.025,
            "LESS_THAN",
            orderCount=orders,
            cancellationCount=cancelled,
        ),
        "warningStates": [],
        "accountHealthRating": {"reportingDateRange": stretch, "ahrStatus": "GREAT"},
        **{name: _policy(now) for name in _POLICIES},
    }


def _policy(now: datetime) -> Node:
    return {
        "reportingDateRange": _stretch(now, 180),
        "defectsCount": 0,
        "status": "GOOD",
        "targetValue": 0,
        "targetCondition": "EQUALS",
    }


def _stretch(now: datetime, days: int) -> Node:
    first = now - timedelta(days=days)
    return {"reportingDateFrom": f"{first:%Y-%m-%dT00:00Z}", "reportingDateTo": f"{now:%Y-%m-%dT00:00Z}"}


def _units(book: Book) -> int:
    return sum(item.units for order in book.shipped for item in order.items)
