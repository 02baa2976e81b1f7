"""/app/jobs/user: one's own schedule, accounts and updates."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import db
from app.domains.accounts.users import verify
from app.models.seller_account import SellerAccount
from tests.api.conftest import Called, Caller

SCHEDULE = "/app/jobs/user/schedule"
UPDATE = "/app/jobs/user/manual-update"
ACCOUNTS = "/app/jobs/user/update-accounts"
US = {"country": "US", "region": "NA"}
DE = {"country": "DE", "region": "EU"}


def job_of(caller: Caller, job_id: str) -> Any:
    """The job, as its owner sees it."""
    return caller.get(f"/app/job-status/status/job/{job_id}").get_json()["data"]


def test_the_schedule_is_the_documents_model(as_: Called) -> None:
    """CONTRACTS S0-18, and when the next slots begin."""
    ada = as_()
    with db.session() as session:
        verify(session, ada.id)
    ada.put(ACCOUNTS, json={"sellerAccounts": [US]})

    schedule = ada.get(SCHEDULE).get_json()["data"]

    assert {name: schedule[name] for name in ("userId", "dailyUpdateHour", "weeklyUpdateDay", "timezone")} == {
        "userId": ada.id,
        "dailyUpdateHour": 0,
        "weeklyUpdateDay": 0,
        "timezone": "UTC",
    }
    assert schedule["nextDailyUpdate"].endswith("T00:00:00+00:00")
    assert schedule["sellerAccounts"] == [
        {
            **US,
            "state": "needs_reauthorisation",
            "stateReason": "no refresh token yet: authorise the account at Amazon",
            "lastDailyUpdate": None,
            "lastWeeklyUpdate": None,
        }
    ]


def test_accounts_become_those_of_the_list(as_: Called) -> None:
    """CONTRACTS C40; a refresh token is kept sealed and never answered."""
    ada = as_()
    ada.put(ACCOUNTS, json={"sellerAccounts": [{**US, "refreshToken": "Atzr|secret", "sellerId": "A1"}]})

    reply = ada.put(ACCOUNTS, json={"sellerAccounts": [DE, US]})

    assert [account["country"] for account in reply.get_json()["data"]["sellerAccounts"]] == ["DE", "US"]
    assert "secret" not in reply.text
    with db.session() as session:
        kept = session.scalars(select(SellerAccount).where(SellerAccount.country == "US")).one()
    assert (kept.state, kept.seller_id) == ("active", "A1")
    assert "secret" not in kept.refresh_token


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "sellerAccounts: Field required"),
        ({"sellerAccounts": [{"country": "US"}]}, "sellerAccounts.0.region: Field required"),
        ({"sellerAccounts": [{"country": "us", "region": "NA"}]}, "sellerAccounts.0.country: String should match"),
        ({"sellerAccounts": [{"country": "US", "region": "EU"}]}, "Amazon has no marketplace 'US' in region 'EU'"),
        ({"sellerAccounts": [US, US]}, "body: Value error, sellerAccounts names a country twice"),
        ({"sellerAccounts": [US] * 101}, "sellerAccounts: List should have at most 100 items"),
        ([], "body: Input should be"),
    ],
)
def test_a_bad_list_of_accounts_names_the_field(as_: Called, body: object, says: str) -> None:
    """And changes nothing."""
    ada = as_()
    ada.put(ACCOUNTS, json={"sellerAccounts": [DE]})

    reply = ada.put(ACCOUNTS, json=body)

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)
    assert [account["country"] for account in ada.get(SCHEDULE).get_json()["data"]["sellerAccounts"]] == ["DE"]


@pytest.mark.parametrize("update_type", ["daily", "weekly", "both"])
def test_an_update_by_hand_is_accepted_and_visible(as_: Called, update_type: str) -> None:
    """CONTRACTS S0-9: 202 and the job's id."""
    ada = as_()
    ada.put(ACCOUNTS, json={"sellerAccounts": [US]})

    reply = ada.post(UPDATE, json={**US, "updateType": update_type})

    assert reply.status_code == 202
    job = job_of(ada, reply.get_json()["data"]["jobId"])
    assert (job["userId"], job["status"], job["queue"]) == (ada.id, "waiting", "user-updates")


def test_an_update_by_hand_of_an_account_one_does_not_have_is_404(as_: Called) -> None:
    """Another user's account is not one's own."""
    ada, bob = as_(), as_()
    bob.put(ACCOUNTS, json={"sellerAccounts": [US]})

    reply = ada.post(UPDATE, json={**US, "updateType": "daily"})

    assert (reply.status_code, reply.get_json()["error"]) == (404, "no seller account in country 'US', region 'NA'")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**US, "updateType": "hourly"}, "updateType: Input should be 'daily', 'weekly' or 'both'"),
        ({**US, "updateType": None}, "updateType: Input should be"),
        ({"country": "US", "updateType": "daily"}, "body: Value error, country and region name an account together"),
        ({**US, "region": "XX", "updateType": "daily"}, "region: Input should be 'NA', 'EU' or 'FE'"),
        ("daily", "body: Input should be"),
    ],
)
def test_a_bad_update_by_hand_names_the_field(as_: Called, body: object, says: str) -> None:
    """And enqueues nothing."""
    ada = as_()
    ada.put(ACCOUNTS, json={"sellerAccounts": [US]})

    reply = ada.post(UPDATE, json=body)

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)
    assert ada.get("/app/job-status/recent").get_json()["data"] == []
