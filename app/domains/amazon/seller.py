"""A seller account as the client needs it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seller:
    """One account in one marketplace. The refresh tokens are in plain text here, and never shown.

    ``ads_profile_id`` is None where the seller does not advertise; ``ads_refresh_token`` is empty where one
    authorisation covers both APIs.
    """

    account_id: str
    seller_id: str
    region: str
    country: str
    marketplace_id: str
    ads_profile_id: str | None
    refresh_token: str = field(repr=False)
    ads_refresh_token: str = field(default="", repr=False)
