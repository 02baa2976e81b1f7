"""Amazon's marketplaces: which region a country belongs to, and its identifier there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from app.domains.accounts.errors import UnknownMarketplace

Region = Literal["NA", "EU", "FE"]

MARKETPLACES: Mapping[Region, Mapping[str, str]] = {
    "NA": {
        "US": "ATVPDKIKX0DER",
        "CA": "A2EUQ1WTGCTBG2",
        "MX": "A1AM78C64UM0Y8",
        "BR": "A2Q3Y263D00KWC",
    },
    "EU": {
        "GB": "A1F83G8C2ARO7P",
        "DE": "A1PA6795UKMFR9",
        "FR": "A13V1IB3VIYZZH",
        "IT": "APJ6JRA9NG5V4",
        "ES": "A1RKKUPIHCS9HS",
        "NL": "A1805IZSGTT6HS",
        "SE": "A2NODRKZP88ZB9",
        "PL": "A1C3SOZRARQ6R3",
        "BE": "AMEN7PMS3EDWL",
        "IE": "A28R8C7NBKEWEA",
        "TR": "A33AVAJ2PDY3EV",
        "AE": "A2VIGQ35RCS4UG",
        "SA": "A17E79C6D8DWNP",
        "EG": "ARBP9OOSHTCHU",
        "IN": "A21TJRUUN4KGV",
        "ZA": "AE08WJ6YKNBMC",
    },
    "FE": {
        "JP": "A1VC38T7YXB528",
        "AU": "A39IBJ37TRP1C6",
        "SG": "A19VAU5U5O7RUS",
    },
}


def marketplace_id(country: str, region: str) -> str:
    """Amazon's identifier of that country's marketplace; UnknownMarketplace if the two do not belong together."""
    for of_region, countries in MARKETPLACES.items():
        if country in countries and of_region == region:
            return countries[country]
        if country in countries:
            raise UnknownMarketplace(country, region, f"{country} is in region {of_region}")
    known = "; ".join(f"{name}: {', '.join(countries)}" for name, countries in MARKETPLACES.items())
    raise UnknownMarketplace(country, region, known)
