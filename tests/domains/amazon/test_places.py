"""Where Amazon is, and which of its marketplaces is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domains.amazon.endpoints import Application, Endpoints
from app.domains.amazon.regions import MARKETPLACES, UnknownMarketplace, marketplace_by_id, marketplace_of
from app.settings import Settings


def test_uk_means_gb() -> None:
    """Sellers say UK; Amazon's own code is GB."""
    assert marketplace_of("uk") is marketplace_of("GB")
    assert marketplace_of(" gb ").id == "A1F83G8C2ARO7P"


def test_every_marketplace_is_found_by_country_and_by_id() -> None:
    """23 of them, no id twice."""
    assert len({marketplace.id for marketplace in MARKETPLACES}) == len(MARKETPLACES) == 23
    for marketplace in MARKETPLACES:
        assert marketplace_of(marketplace.country) is marketplace_by_id(marketplace.id) is marketplace


def test_an_unknown_country_is_refused_with_the_known_ones() -> None:
    """Never taken for some default."""
    with pytest.raises(UnknownMarketplace, match="no marketplace 'XX'; known countries: AE, AU, BE"):
        marketplace_of("XX")


def test_development_talks_to_the_simulator(tmp_path: Path) -> None:
    """With nothing set, no call leaves the machine."""
    known = Settings(environment="development", var_dir=tmp_path, amazon_simulator_port=4321)

    endpoints = Endpoints.from_settings(known)

    assert endpoints.lwa() == "http://127.0.0.1:4321/auth/o2/token"
    assert (endpoints.sp_api("na"), endpoints.ads("eu")) == ("http://127.0.0.1:4321/sp", "http://127.0.0.1:4321/ads")


def test_production_talks_to_the_hosts_of_the_region(tmp_path: Path) -> None:
    """Upper or lower case."""
    known = Settings(
        environment="production",
        var_dir=tmp_path,
        redis_url="redis://localhost",
        secret_key="s" * 32,
        encryption_keys="e" * 44,
    )

    endpoints = Endpoints.from_settings(known)

    assert endpoints.lwa() == "https://api.amazon.com/auth/o2/token"
    assert endpoints.sp_api("FE") == "https://sellingpartnerapi-fe.amazon.com"
    assert endpoints.ads("na") == "https://advertising-api.amazon.com"
    assert endpoints.ads("eu") == "https://advertising-api-eu.amazon.com"


def test_a_url_may_name_the_region() -> None:
    """Amazon's sandbox has a host for each."""
    endpoints = Endpoints(sp_api_url="https://sandbox.sellingpartnerapi-{region}.amazon.com/")

    assert endpoints.sp_api("eu") == "https://sandbox.sellingpartnerapi-eu.amazon.com"
    with pytest.raises(ValueError, match="no region 'xx'"):
        endpoints.sp_api("xx")


def test_our_secrets_do_not_show() -> None:
    """Neither in a log line nor in a traceback's locals."""
    assert "hidden" not in repr(Application("id", "hidden", "ads", "hidden"))


def test_the_ads_api_knows_us_as_the_other_does_unless_it_has_an_id_of_its_own() -> None:
    """One registration at Amazon may cover both."""
    one, two = Application("id", "secret"), Application("id", "secret", "ads-id", "ads-secret")

    assert (one.id_of("ads"), one.secret_of("ads")) == ("id", "secret")
    assert (two.id_of("ads"), two.secret_of("ads")) == ("ads-id", "ads-secret")
    assert (two.id_of("sp-api"), two.secret_of("sp-api")) == ("id", "secret")
