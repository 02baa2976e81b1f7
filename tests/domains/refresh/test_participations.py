"""Marketplace participations become what Amazon says, account by account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from app import db
from app.broker.connection import connect
from app.domains.refresh.participations import NothingRefreshed, refresh_participations
from app.models.marketplace_participation import MarketplaceParticipation
from app.models.seller_account import SellerAccount
from tests.crontab.jobs.running import run_job
from tests.domains.refresh.conftest import NINE, Jobs, SimulatedAmazon

COUNTS = {"refreshed": 0, "waiting": 0, "revoked": 0, "failed": 0}
NAME = "getMarketplaceParticipations"


def participations() -> dict[str, tuple[str, str, bool]]:
    """Currency, name and participation, by country."""
    with db.reading() as session:
        rows = session.scalars(select(MarketplaceParticipation))
        return {row.country: (row.currency, row.name, row.is_participating) for row in rows}


def test_participations_become_what_amazon_says(jobs_on_both: Jobs, redis_url: str) -> None:
    """Amazon's own currencies and names of the three marketplaces; one that it no longer names goes."""
    with db.session() as session:
        [germany] = session.scalars(select(SellerAccount.id).where(SellerAccount.country == "DE"))
        gone = {"country": "PL", "name": "Amazon.pl", "currency": "PLN", "is_participating": True}
        gone |= {"has_suspended_listings": False, "seen_at": NINE - timedelta(days=9)}
        session.add(MarketplaceParticipation(account_id=germany, marketplace_id="A1C3SOZRARQ6R3", **gone))

    done = run_job("dataSync", NINE)

    assert done == COUNTS | {"refreshed": 3}
    assert {country: found[0] for country, found in participations().items()} == {"DE": "EUR", "JP": "JPY", "US": "USD"}
    assert all(is_participating for *_, is_participating in participations().values())


def test_one_accounts_failure_does_not_stop_the_next(jobs: Jobs, amazon: SimulatedAmazon, redis: Redis) -> None:
    """It failed once; the next hour asks again."""
    amazon.fail("SDE", NAME, "html_503", times=1)

    done = [refresh_participations(redis, "dataSync") for _ in range(2)]

    assert done == [COUNTS | {"refreshed": 2, "failed": 1}, COUNTS | {"refreshed": 3}]


def test_if_every_account_fails_the_run_has_failed(jobs: Jobs, amazon: SimulatedAmazon, redis_url: str) -> None:
    """Amazon is away: somebody should know."""
    amazon.fail("*", NAME, "html_503", times=None)

    with pytest.raises(NothingRefreshed, match="none of 3"):
        refresh_participations(connect(redis_url), "dataSync")


def test_who_was_asked_longest_ago_is_asked_first(jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a thousand accounts all have their turn."""
    monkeypatch.setattr("app.domains.refresh.participations.AT_ONCE", 2)

    asked = [refresh_participations(redis, "dataSync")["refreshed"] for _ in range(2)]

    assert asked == [2, 2]
    assert len(participations()) == 3


def test_a_revoked_account_is_to_be_authorised_again(jobs: Jobs, amazon: SimulatedAmazon, redis: Redis) -> None:
    """Only its seller can mend it; it is not asked again."""
    amazon.fail("SDE", "token", "revoked", times=None)

    done = [refresh_participations(redis, "dataSync") for _ in range(2)]

    with db.reading() as session:
        [germany] = session.scalars(select(SellerAccount).where(SellerAccount.country == "DE"))
    assert done == [COUNTS | {"refreshed": 2, "revoked": 1}, COUNTS | {"refreshed": 2}]
    assert germany.state == "needs_reauthorisation"
