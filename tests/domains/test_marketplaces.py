"""The domains do not import each other, so each has its own table of marketplaces: the tables say the same."""

from __future__ import annotations

from app.domains.accounts import marketplaces as accounts
from app.domains.amazon import regions
from app.domains.amazon.simulator import marketplaces as simulator
from app.domains.profit import marketplaces as profit


def test_every_domain_knows_the_same_marketplaces() -> None:
    """One that a user may add is one that the client can call, and whose currency the analysis knows."""
    client = {(place.region.upper(), place.country, place.id) for place in regions.MARKETPLACES}
    offered = {
        (region, country, id_)
        for region, countries in accounts.MARKETPLACES.items()
        for country, id_ in countries.items()
    }

    assert offered == client


def test_every_domain_knows_the_same_currencies() -> None:
    """Of the client, of the analysis, and of the simulator."""
    client = {place.id: place.currency for place in regions.MARKETPLACES}

    assert client == profit.CURRENCY
    assert client == {place.id: place.currency for place in simulator.MARKETPLACES}
    assert {place.country for place in regions.MARKETPLACES} == {place.country for place in simulator.MARKETPLACES}
