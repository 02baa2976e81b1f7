"""Where Amazon is: its own hosts in production, a simulator on this machine otherwise, or what the settings say."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domains.amazon.operations import Api
from app.domains.amazon.regions import region_code
from app.settings import Settings, settings

_LWA = "https://api.amazon.com/auth/o2/token"
_SP_API = "https://sellingpartnerapi-{region}.amazon.com"
_ADS = {
    "na": "https://advertising-api.amazon.com",
    "eu": "https://advertising-api-eu.amazon.com",
    "fe": "https://advertising-api-fe.amazon.com",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs, without a slash at the end. ``{region}`` in one stands for na, eu or fe; "" means Amazon's own.

    In development and tests an unset URL is the simulator's: ``/auth/o2/token``, ``/sp`` and ``/ads`` on
    ``AMAZON_SIMULATOR_PORT``.
    """

    lwa_url: str = ""
    sp_api_url: str = ""
    ads_url: str = ""

    @classmethod
    def from_settings(cls, given: Settings | None = None) -> Endpoints:
        """As AMAZON_LWA_URL, AMAZON_SP_API_URL and AMAZON_ADS_URL say."""
        known = given or settings()
        if known.environment == "production":
            return cls(known.amazon_lwa_url, known.amazon_sp_api_url, known.amazon_ads_url)
        simulator = f"http://127.0.0.1:{known.amazon_simulator_port}"
        return cls(
            known.amazon_lwa_url or f"{simulator}/auth/o2/token",
            known.amazon_sp_api_url or f"{simulator}/sp",
            known.amazon_ads_url or f"{simulator}/ads",
        )

    def lwa(self) -> str:
        """The URL that gives out access tokens."""
        return self.lwa_url or _LWA

    def sp_api(self, region: str) -> str:
        """The base of the Selling Partner API in a region."""
        return (self.sp_api_url or _SP_API).rstrip("/").replace("{region}", region_code(region))

    def ads(self, region: str) -> str:
        """The base of the Ads API in a region."""
        return (self.ads_url or _ADS[region_code(region)]).rstrip("/").replace("{region}", region_code(region))


@dataclass(frozen=True, slots=True)
class Application:
    """Our own identity at Amazon: an id and a secret, and others for the Ads API if it has its own."""

    client_id: str
    client_secret: str = field(repr=False)
    ads_client_id: str = ""
    ads_client_secret: str = field(default="", repr=False)

    @classmethod
    def from_settings(cls, given: Settings | None = None) -> Application:
        """As AMAZON_CLIENT_ID and its neighbours say."""
        known = given or settings()
        return cls(
            known.amazon_client_id,
            known.amazon_client_secret,
            known.amazon_ads_client_id,
            known.amazon_ads_client_secret,
        )

    def id_of(self, api: Api) -> str:
        """Who we are to that API."""
        return (api == "ads" and self.ads_client_id) or self.client_id

    def secret_of(self, api: Api) -> str:
        """What proves it."""
        return (api == "ads" and self.ads_client_secret) or self.client_secret
