"""Login with Amazon: a refresh token ``demo-<seller>-<country>`` becomes an access token for an hour."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.domains.amazon.simulator.gate import Answer, Refused, refused, spoil
from app.domains.amazon.simulator.marketplaces import BY_COUNTRY
from app.domains.amazon.simulator.state import TOKEN_TTL_S, Seller, simulator

bp = Blueprint("lwa", __name__)


@bp.post("/auth/o2/token")
def token() -> Answer:
    """Exchange a refresh token; the client's id and secret are accepted whatever they are."""
    if request.form.get("grant_type") != "refresh_token":
        return _error("unsupported_grant_type", "The authorization grant type is not supported by the server")
    refresh_token = request.form.get("refresh_token", "")
    seller = _owner(refresh_token)
    if seller is None:
        return _error("invalid_grant", "The request has an invalid grant parameter : refresh_token")
    simulator().count(seller.id, "token")
    fault = simulator().faults.strike(seller.id, seller.country, "token")
    if fault and fault.kind == "revoked":
        return _error("invalid_grant", "The request has an invalid grant parameter : refresh_token")
    try:
        spoilt = spoil(fault)
    except Refused as error:
        return refused(error)
    if spoilt is not None:
        return spoilt
    return {
        "access_token": simulator().grant(seller),
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "expires_in": TOKEN_TTL_S,
    }


def _owner(refresh_token: str) -> Seller | None:
    prefix, _, rest = refresh_token.partition("-")
    seller_id, _, country = rest.rpartition("-")
    known = prefix == "demo" and seller_id and country in BY_COUNTRY
    return Seller(seller_id, BY_COUNTRY[country].country) if known else None


def _error(code: str, description: str) -> Response:
    answer = jsonify({"error": code, "error_description": description})
    answer.status_code = 400
    return answer
