"""Amazon's marketplaces: their ids, regions and currencies, by country."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Region = Literal["na", "eu", "fe"]


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One country's store. ``country`` is ISO 3166 (GB, not UK), ``currency`` ISO 4217."""

    country: str
    id: str
    region: Region
    currency: str


class UnknownMarketplace(ValueError):
    """Amazon has no store of this country or id, or we do not know it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no marketplace {name!r}; known countries: {', '.join(sorted(_BY_COUNTRY))}")


def country_code(country: str) -> str:
    """The ISO code: upper case, and GB where Amazon or a user says UK."""
    code = country.strip().upper()
    return "GB" if code == "UK" else code


def marketplace_of(country: str) -> Marketplace:
    """The store of a country; UnknownMarketplace lists the known ones."""
    found = _BY_COUNTRY.get(country_code(country))
    if found is None:
        raise UnknownMarketplace(country)
    return found


def marketplace_by_id(marketplace_id: str) -> Marketplace:
    """The store with this id; UnknownMarketplace otherwise."""
    found = _BY_ID.get(marketplace_id)
    if found is None:
        raise UnknownMarketplace(marketplace_id)
    return found


def region_code(region: str) -> Region:
    """``na``, ``eu`` or ``fe``, whatever the case; ValueError otherwise."""
    code = region.strip().lower()
    if code in ("na", "eu", "fe"):
        return code  # type: ignore[return-value]  # narrowed by the tuple
    raise ValueError(f"no region {region!r}; the regions are na, eu and fe")


MARKETPLACES = (
    Marketplace("US", "ATVPDKIKX0DER", "na", "USD"),
    Marketplace("CA", "A2EUQ1WTGCTBG2", "na", "CAD"),
    Marketplace("MX", "A1AM78C64UM0Y8", "na", "MXN"),
    Marketplace("BR", "A2Q3Y263D00KWC", "na", "BRL"),
    Marketplace("GB", "A1F83G8C2ARO7P", "eu", "GBP"),
    Marketplace("DE", "A1PA6795UKMFR9", "eu", "EUR"),
    Marketplace("FR", "A13V1IB3VIYZZH", "eu", "EUR"),
    Marketplace("IT", "APJ6JRA9NG5V4", "eu", "EUR"),
    Marketplace("ES", "A1RKKUPIHCS9HS", "eu", "EUR"),
    Marketplace("NL", "A1805IZSGTT6HS", "eu", "EUR"),
    Marketplace("SE", "A2NODRKZP88ZB9", "eu", "SEK"),
    Marketplace("PL", "A1C3SOZRARQ6R3", "eu", "PLN"),
    Marketplace("BE", "AMEN7PMS3EDWL", "eu", "EUR"),
    Marketplace("IE", "A28R8C7NBKEWEA", "eu", "EUR"),
    Marketplace("TR", "A33AVAJ2PDY3EV", "eu", "TRY"),
    Marketplace("AE", "A2VIGQ35RCS4UG", "eu", "AED"),
    Marketplace("SA", "A17E79C6D8DWNP", "eu", "SAR"),
    Marketplace("EG", "ARBP9OOSHTCHU", "eu", "EGP"),
    Marketplace("IN", "A21TJRUUN4KGV", "eu", "INR"),
    Marketplace("ZA", "AE08WJ6YKNBMC", "eu", "ZAR"),
    Marketplace("JP", "A1VC38T7YXB528", "fe", "JPY"),
    Marketplace("AU", "A39IBJ37TRP1C6", "fe", "AUD"),
    Marketplace("SG", "A19VAU5U5O7RUS", "fe", "SGD"),
)
_BY_COUNTRY = {marketplace.country: marketplace for marketplace in MARKETPLACES}
_BY_ID = {marketplace.id: marketplace for marketplace in MARKETPLACES}
