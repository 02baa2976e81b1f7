"""One user's refresh, against the simulated Amazon, on both databases."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import delete, select

from app import db
from app.broker.errors import LeaseLost, Park, Unrecoverable
from app.broker.recorder import EndKind
from app.domains.amazon.simulator import Options
from app.domains.cache.store import get
from app.domains.refresh import part
from app.domains.refresh.outcome import RefreshIncomplete
from app.models.account_analysis import AccountAnalysis
from app.models.seller_account import SellerAccount
from tests.domains.refresh.conftest import NINE, Clock, Jobs, RefreshJob, SimulatedAmazon
from tests.domains.refresh.left import DE, JP, US, account, datasets, kept, last_daily_of_user, row_of, statuses
from tests.ledger.rows import Silent, only_row


def test_every_account_is_fetched_analysed_cached_and_marked(jobs_on_both: Jobs, redis: Redis) -> None:
    """CONTRACTS S2-1: fetch, analyse, update the cache, mark complete."""
    job = jobs_on_both.add()

    result = job.run()

    row = only_row()
    cached = [get(redis, key) for key in (DE, JP, US)]
    assert result["status"] == "completed"
    assert (row.status, row.accounts_total, row.accounts_processed, row.account_errors) == ("completed", 3, 3, {})
    assert all(entry and entry.as_of == NINE and entry.result["profitability"]["totals"] for entry in cached)
    assert [account(country).last_daily_update for country in ("DE", "JP", "US")] == [NINE] * 3
    assert last_daily_of_user() == NINE
    assert statuses("US") == dict.fromkeys(("orders", "transactions", "economics", "ads"), "ok")
    assert redis.keys("amazon:staged:*") == []


def test_both_cadences_are_two_results(jobs: Jobs, redis: Redis) -> None:
    """CONTRACTS C31: "both" fetches the daily and the weekly datasets; each has its own entry."""
    job = jobs.add(cadence="both", country="US", region="NA")

    result = job.run()

    weekly = get(redis, US._replace(name="weekly"))
    assert [part["cadence"] for part in result["accounts"]] == ["daily", "weekly"]
    assert get(redis, US) is not None
    assert weekly is not None
    assert weekly.result["performance_v2"]
    assert account("US").last_weekly_update == NINE
    assert account("DE").last_daily_update is None


def test_a_revoked_account_leaves_the_job_partial_and_the_last_good_entry_kept(
    jobs_on_both: Jobs, redis: Redis, amazon: SimulatedAmazon, clock: Clock
) -> None:
    """CONTRACTS C33: the reason on that account, two fresh entries, the third as it was, and no retry."""
    jobs_on_both.add("yesterday").run()
    redis.delete(*(key for key in redis.scan_iter() if key.startswith("amazon:token")))
    amazon.fail("SDE", "*", "revoked", times=None)
    clock.advance(days=1)

    result = jobs_on_both.add("today").run()

    entries = {key.country: get(redis, key) for key in (US, DE, JP)}
    assert result["status"] == "partial"
    assert {country: entry and entry.as_of for country, entry in entries.items()} == {
        "US": clock.at,
        "JP": clock.at,
        "DE": NINE,
    }
    assert account("DE").state == "needs_reauthorisation"
    assert "authorise" in account("DE").state_reason
    assert account("DE").last_daily_update == NINE
    assert datasets("DE")["orders"].status == "failed"
    assert datasets("DE")["orders"].good_at == NINE
    assert last_daily_of_user() == clock.at


def test_a_transient_error_is_retried_for_that_account_alone(jobs: Jobs, amazon: SimulatedAmazon) -> None:
    """CONTRACTS C33: a retry fetches only the rest, and then the job is complete."""
    amazon.fail("SJP", "searchOrders", "html_503", times=None)
    job = jobs.add()
    with pytest.raises(RefreshIncomplete, match=r"1 of 3 not fresh: JP/FE daily: orders: searchOrders: HTTP 503"):
        job.run(attempt=1)
    before = amazon.calls()
    amazon.mend()

    result = job.run(attempt=2)

    after = amazon.calls()
    called_again = {call for call, count in after.items() if count > before.get(call, 0)}
    assert result["status"] == "completed"
    assert called_again == {("SJP", "searchOrders")}


def test_the_last_attempt_ends_partial_with_operation_and_cause(jobs: Jobs, amazon: SimulatedAmazon) -> None:
    """CONTRACTS C33: then partial, with the reason on the account that lacks something."""
    amazon.fail("SJP", "listTransactions", "html_503", times=None)

    result = jobs.add().run(attempt=4)

    row = only_row()
    assert result["status"] == row.status == "partial"
    assert [part["status"] for part in result["accounts"]] == ["ok", "partial", "ok"]
    assert row.accounts_processed == 3
    assert row.account_errors.keys() == {account("JP").id}
    assert "listTransactions: HTTP 503" in row.account_errors[account("JP").id]
    assert statuses("JP") == {"orders": "ok", "transactions": "failed", "economics": "ok", "ads": "ok"}


def test_the_last_attempt_without_any_fresh_account_fails(
    jobs_on_both: Jobs, amazon: SimulatedAmazon, redis: Redis, clock: Clock
) -> None:
    """CONTRACTS C33: failed, nothing is marked as updated, and the last good analyses stay as they are."""
    jobs_on_both.add("yesterday").run()
    before = {key: get(redis, key) for key in (DE, JP, US)}
    amazon.fail("*", "*", "html_503", times=None)
    clock.advance(days=1)

    today = jobs_on_both.add("today")
    with pytest.raises(Unrecoverable, match=r"3 of 3 not fresh: .*HTTP 503"):
        today.run(attempt=4)

    row = row_of("today")
    assert (row.status, row.accounts_processed) == ("failed", 0)
    assert {key: get(redis, key) for key in (DE, JP, US)} == before
    assert kept("US").as_of == NINE
    assert account("US").last_daily_update == last_daily_of_user() == NINE
    assert {update.good_at for update in datasets("US").values()} == {NINE}


class TestReportsThatTakeTime:
    """Reports that take a minute park the job."""

    @pytest.fixture
    def amazon_options(self) -> Options:
        """A minute a report."""
        return Options(budget_scale=1_000, report_s=60)

    def test_it_parks_and_goes_on_without_fetching_anything_twice(
        self, jobs: Jobs, amazon: SimulatedAmazon, clock: Clock, redis: Redis
    ) -> None:
        """AMAZON.md: parked, no attempt used, finished parts remembered and not fetched again."""
        job = jobs.add()
        with pytest.raises(Park) as parked:
            job.run()
        first = amazon.calls()
        clock.advance(minutes=2)

        result = job.run()

        again = {call for call, count in amazon.calls().items() if count > first.get(call, 0)}
        assert NINE < parked.value.until <= clock.at
        assert result["status"] == "completed"
        assert {operation for _, operation in again} <= {"getQuery", "getDocument", "getAdsReport", "document"}
        entry = get(redis, US)
        assert entry is not None
        assert entry.as_of == NINE

    def test_a_failed_account_is_not_tried_again_while_others_wait(
        self, jobs: Jobs, amazon: SimulatedAmazon, clock: Clock
    ) -> None:
        """An attempt tries each dataset once, however often the job is parked in it."""
        amazon.fail("SJP", "searchOrders", "html_503", times=None)
        job = jobs.add()
        with pytest.raises(Park):
            job.run()
        before = amazon.calls()["SJP", "searchOrders"]
        clock.advance(minutes=2)

        with pytest.raises(RefreshIncomplete):
            job.run()

        assert amazon.calls()["SJP", "searchOrders"] == before


class Thief(Silent):
    """Takes the job away as soon as its run has finished one account, as a second claim would."""

    def __init__(self, job: RefreshJob) -> None:
        self.job = job

    def update_progress(self, job_id: str, progress: Any) -> None:
        """The first account is done."""
        self.job.ledger.claimed([self.job.claimed])


def test_a_run_that_lost_its_job_changes_nothing_more(jobs: Jobs, redis: Redis) -> None:
    """RULES R7: a zombie's effects are dropped, in SQL and in the cache."""
    job = jobs.add()
    job.writer = Thief(job)

    with pytest.raises(LeaseLost):
        job.run()

    with db.reading() as session:
        analysed = session.scalars(select(AccountAnalysis.account_id)).all()
    assert analysed == [account("DE").id]
    assert get(redis, US) is None
    assert only_row().ended_at is None


@pytest.mark.parametrize(("place", "says"), [("country", "country 'XX'"), ("region", "region 'XX'")])
def test_an_account_that_does_not_exist_fails_at_once(jobs: Jobs, place: str, says: str) -> None:
    """No later attempt would find it."""
    job = jobs.add(**{place: "XX"})

    with pytest.raises(Unrecoverable, match=says):
        job.run()


def test_an_older_job_never_replaces_a_newer_result(
    jobs_on_both: Jobs, redis: Redis, clock: Clock, amazon: SimulatedAmazon
) -> None:
    """RULES R8: newer wins, in the cache and in the row that it is a copy of."""
    amazon.fail("SUS", "searchOrders", "html_503", times=None)
    older = jobs_on_both.add("older")
    with pytest.raises(RefreshIncomplete):
        older.run()
    amazon.mend()
    clock.advance(hours=1)
    jobs_on_both.add("newer").run()

    older.run(attempt=2)

    entry = get(redis, US)
    assert entry is not None
    assert entry.as_of == account("US").last_daily_update == clock.at
    assert {update.good_at for update in datasets("US").values()} == {clock.at}


def test_a_retry_by_hand_refreshes_everything_as_of_then(
    jobs: Jobs, redis: Redis, amazon: SimulatedAmazon, clock: Clock
) -> None:
    """CONTRACTS C33: a failed job that somebody retries days later must not show the data of days ago."""
    amazon.fail("SUS", "searchOrders", "html_503", times=None)
    job = jobs.add()
    job.run(attempt=4)
    job.settle(EndKind.COMPLETED)
    amazon.mend()
    clock.advance(days=3)

    result = job.run(attempt=1)

    entries = [get(redis, key) for key in (DE, JP, US)]
    assert result["status"] == "completed"
    assert [entry and entry.as_of for entry in entries] == [clock.at] * 3


def test_a_user_without_accounts_is_complete(jobs: Jobs) -> None:
    """Nothing to refresh is no failure: accounts may come later."""
    with db.session() as session:
        session.execute(delete(SellerAccount))

    result = jobs.add().run()

    assert (result["status"], result["accounts"]) == ("completed", [])
    assert only_row().accounts_total == 0


def test_a_payload_that_cannot_be_understood_names_the_analysis(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the analysis of one account is a reason on that account, not the end of the worker."""
    real = part._ANALYSE["daily"]

    def broken_for_japan(*args: Any, **given: Any) -> dict[str, Any]:
        if given["marketplace"] == account("JP").marketplace_id:
            raise ValueError("no such currency: 'XXX'")
        return real(*args, **given)

    monkeypatch.setitem(part._ANALYSE, "daily", broken_for_japan)

    result = jobs.add().run(attempt=4)

    assert result["status"] == "partial"
    assert only_row().account_errors == {
        account("JP").id: "daily analysis: ValueError: no such currency: 'XXX'",
    }


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("listTransactions", "html_503"),
        ("listTransactions", "cut_connection"),
        ("listTransactions", "malformed"),
        ("listTransactions", "expired_token"),
        ("document", "truncated_gzip"),
    ],
)
def test_a_passing_fault_of_amazon_is_survived(
    jobs: Jobs, amazon: SimulatedAmazon, clock: Clock, operation: str, fault: str
) -> None:
    """The issue's faults: each hits every account once; the job is retried for the rest, and then completes."""
    for seller in ("SDE", "SJP", "SUS"):
        amazon.fail(seller, operation, fault)
    job = jobs.add()

    status = ""
    for attempt in (1, 2, 3):
        try:
            status = job.run(attempt=attempt)["status"]
            break
        except (Park, RefreshIncomplete):
            clock.advance(minutes=10)

    assert status == "completed"


@pytest.mark.parametrize(
    ("operation", "fault", "named"),
    [
        ("listTransactions", "html_503", ["listTransactions", "503"]),
        ("listTransactions", "cut_connection", ["listTransactions", "cut off"]),
        ("listTransactions", "malformed", ["listTransactions", "JSON"]),
        ("document", "truncated_gzip", ["downloadQuery", "gzip"]),
    ],
)
def test_a_lasting_fault_of_amazon_is_named_with_its_operation(
    jobs: Jobs, amazon: SimulatedAmazon, operation: str, fault: str, named: list[str]
) -> None:
    """The last attempt says which call failed, and how, under each account."""
    amazon.fail("*", operation, fault, times=None)
    job = jobs.add()

    with suppress(Unrecoverable):
        job.run(attempt=4)

    errors = only_row().account_errors or {}
    assert len(errors) == 3
    for reason in errors.values():
        assert all(word in reason for word in named), reason


def test_a_429_parks_the_job_while_the_other_accounts_finish(jobs: Jobs, amazon: SimulatedAmazon, redis: Redis) -> None:
    """S2-11, AMAZON.md: a spent budget of one account is a wait, no failure, and holds up nobody."""
    amazon.fail("SDE", "listTransactions", "throttle")
    job = jobs.add()

    with pytest.raises(Park, match=r"1 of 3 wait for Amazon, first for listTransactions \(budget spent\)"):
        job.run()

    assert get(redis, DE) is None
    assert get(redis, JP) is not None
    assert get(redis, US) is not None
    assert only_row().checkpoint["parts"][f"{account('DE').id}/daily"]["failures"] == {}
