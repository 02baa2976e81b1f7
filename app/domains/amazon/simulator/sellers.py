"""Sellers v1: where the seller may sell."""

from __future__ import annotations

from flask import Blueprint

from app.domains.amazon.simulator.gate import Answer, operation
from app.domains.amazon.simulator.state import Seller

bp = Blueprint("sellers", __name__)


@bp.get("/sellers/v1/marketplaceParticipations")
@operation("getMarketplaceParticipations", rate=0.016, burst=15)
def get_marketplace_participations(seller: Seller) -> Answer:
    """The marketplace that the refresh token was given for."""
    home = seller.home
    marketplace = {
        "id": home.id,
        "name": home.name,
        "countryCode": home.country,
        "defaultCurrencyCode": home.currency,
        "defaultLanguageCode": home.language,
        "domainName": f"www.{home.name.lower()}",
    }
    participation = {"isParticipating": True, "hasSuspendedListings": False}
    store = {"marketplace": marketplace, "participation": participation, "storeName": f"Store {seller.id}"}
    return {"payload": [store]}
