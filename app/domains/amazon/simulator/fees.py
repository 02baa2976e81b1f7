"""Product fees v0: what Amazon would take for a sale, by the rates that the books are kept at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint

from app.domains.amazon.simulator.asked import body, instant, number
from app.domains.amazon.simulator.gate import Answer, invalid, operation
from app.domains.amazon.simulator.marketplaces import BY_ID
from app.domains.amazon.simulator.state import Seller, simulator

bp = Blueprint("fees", __name__)


@bp.post("/products/fees/v0/listings/<sku>/feesEstimate")
@operation("getMyFeesEstimateForSKU", rate=1, burst=2)
def get_my_fees_estimate_for_sku(seller: Seller, sku: str) -> Answer:
    """A referral fee of 15 % and a fulfilment fee of 3.54."""
    asked = body().get("FeesEstimateRequest") or {}
    return {"payload": {"FeesEstimateResult": _estimate(seller, asked, "SellerSKU", sku)}}


@bp.post("/products/fees/v0/items/<asin>/feesEstimate")
@operation("getMyFeesEstimateForASIN", rate=1, burst=2)
def get_my_fees_estimate_for_asin(seller: Seller, asin: str) -> Answer:
    """The same by ASIN."""
    asked = body().get("FeesEstimateRequest") or {}
    return {"payload": {"FeesEstimateResult": _estimate(seller, asked, "ASIN", asin)}}


def _estimate(seller: Seller, asked: dict[str, Any], kind: str, value: str) -> dict[str, Any]:
    marketplace = BY_ID.get(str(asked.get("MarketplaceId")))
    price = (asked.get("PriceToEstimateFees") or {}).get("ListingPrice") or {}
    if marketplace is None or "Amount" not in price:
        raise invalid("FeesEstimateRequest needs MarketplaceId and PriceToEstimateFees.ListingPrice.Amount")
    referral = (Decimal(str(price["Amount"])) * Decimal("0.15")).quantize(marketplace.cent)
    fulfilment = Decimal("3.54").quantize(marketplace.cent)
    fees = {"ReferralFee": referral, "FBAFees": fulfilment}

    def money(amount: Decimal) -> dict[str, Any]:
        return {"CurrencyCode": marketplace.currency, "Amount": number(amount)}

    return {
        "Status": "Success",
        "FeesEstimateIdentifier": {
            "MarketplaceId": marketplace.id,
            "SellerId": seller.id,
            "IdType": kind,
            "IdValue": value,
            "IsAmazonFulfilled": bool(asked.get("IsAmazonFulfilled", True)),
            "PriceToEstimateFees": {"ListingPrice": money(Decimal(str(price["Amount"])))},
            "SellerInputIdentifier": str(asked.get("Identifier", value)),
        },
        "FeesEstimate": {
            "TimeOfFeesEstimation": instant(simulator().clock()),
            "TotalFeesEstimate": money(referral + fulfilment),
            "FeeDetailList": [
                {"FeeType": name, "FeeAmount": money(amount), "FinalFee": money(amount)}
                for name, amount in fees.items()
            ],
        },
    }
