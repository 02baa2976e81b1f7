"""An account some of whose datasets cannot be had: the rest of it is refreshed all the same."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from app.broker.errors import Park, Unrecoverable
from app.domains.amazon.simulator import Options
from app.domains.cache.store import get
from app.domains.refresh.outcome import RefreshIncomplete
from tests.domains.refresh.conftest import NINE, Clock, Jobs, SimulatedAmazon
from tests.domains.refresh.left import JP, account, datasets, kept, last_daily_of_user, row_of, statuses
from tests.ledger.rows import only_row

#: A 403 to a fresh token too: the seller may not use the operation.
REFUSED = "expired_token"


def ages(result: Any) -> dict[str, str | None]:
    """As of when each section of an analysis is, the absent ones None."""
    sections = {name: section for name, section in result.items() if not isinstance(section, str)}
    return {name: section and section["as_of"] for name, section in sections.items()}


def test_a_dataset_refused_for_good_does_not_hold_up_the_rest_of_its_account(
    jobs_on_both: Jobs, amazon: SimulatedAmazon, redis: Redis, clock: Clock
) -> None:
    """AMAZON.md, "Analysis": its section keeps its last good value, day after day, and says how old it is."""
    jobs_on_both.add("first").run()
    orders = kept("JP").result["orders"]
    amazon.fail("SJP", "searchOrders", REFUSED, times=None)

    for day in ("second", "third"):
        clock.advance(days=1)
        result = jobs_on_both.add(day).run(attempt=1)

    today, entry, row = clock.at.isoformat(), get(redis, JP), row_of("third")
    assert entry is not None
    assert entry.as_of == clock.at
    assert ages(entry.result) == {
        "profitability": today,
        "economics": today,
        "orders": NINE.isoformat(),
        "sponsored_ads": today,
    }
    assert entry.result["orders"] == orders
    assert kept("JP").result == entry.result
    assert (result["status"], row.status, row.accounts_processed) == ("partial", "partial", 3)
    assert [part["status"] for part in result["accounts"]] == ["ok", "partial", "ok"]
    assert "searchOrders: HTTP 403" in row.account_errors[account("JP").id]


def test_what_is_late_is_told_per_dataset_and_the_account_is_as_old_as_its_oldest(
    jobs_on_both: Jobs, amazon: SimulatedAmazon, clock: Clock
) -> None:
    """CONTRACTS C32: the time of the last good update moves only on success, of the account and of its user."""
    jobs_on_both.add("yesterday").run()
    amazon.fail("SJP", "searchOrders", REFUSED, times=None)
    clock.advance(days=1)

    jobs_on_both.add("today").run()

    good_at = {name: update.good_at for name, update in datasets("JP").items()}
    assert good_at == {"orders": NINE, "transactions": clock.at, "economics": clock.at, "ads": clock.at}
    assert statuses("JP") == {"orders": "failed", "transactions": "ok", "economics": "ok", "ads": "ok"}
    assert "searchOrders: HTTP 403" in datasets("JP")["orders"].reason
    assert account("JP").last_daily_update == last_daily_of_user() == NINE
    assert account("US").last_daily_update == clock.at


def test_a_dataset_that_never_came_is_absent_and_has_never_been_good(
    jobs: Jobs, amazon: SimulatedAmazon, redis: Redis
) -> None:
    """A new account with one closed door shows what it has; alone in its job, it makes it partial, not failed."""
    amazon.fail("SJP", "searchOrders", REFUSED, times=None)

    result = jobs.add(country="JP").run()

    entry = get(redis, JP)
    assert entry is not None
    assert entry.result["orders"] is None
    assert entry.result["profitability"]["totals"]
    assert datasets("JP")["orders"].good_at is None
    assert account("JP").last_daily_update is None
    assert result["status"] == "partial"


def test_a_weekly_report_that_a_seller_cannot_have_costs_only_its_section(jobs: Jobs, amazon: SimulatedAmazon) -> None:
    """V1 performance is refused to some sellers."""
    amazon.fail("SJP", "createReport", REFUSED, times=2)

    result = jobs.add(country="JP", cadence="weekly").run()

    week = kept("JP", "weekly").result
    assert [name for name, section in week.items() if section is None] == ["performance_v1"]
    assert result["accounts"][0]["reason"].startswith("performance_v1: createReport: HTTP 403")
    assert account("JP").last_weekly_update is None


def test_beside_a_final_failure_a_passing_one_is_still_retried_alone(
    jobs: Jobs, amazon: SimulatedAmazon, redis: Redis
) -> None:
    """While attempts are left nothing is analysed in part; the next attempt asks for nothing that is final or here."""
    amazon.fail("SJP", "searchOrders", REFUSED, times=None)
    amazon.fail("SJP", "listTransactions", "html_503")
    job = jobs.add(country="JP")
    with pytest.raises(RefreshIncomplete, match=r"searchOrders: HTTP 403.*listTransactions: HTTP 503"):
        job.run(attempt=1)
    before, between = amazon.calls(), get(redis, JP)

    result = job.run(attempt=2)

    called_again = {call for call, count in amazon.calls().items() if count > before.get(call, 0)}
    assert between is None
    assert called_again == {("SJP", "listTransactions")}
    assert result["status"] == "partial"
    assert "listTransactions" not in result["accounts"][0]["reason"]
    assert statuses("JP") == {"orders": "failed", "transactions": "ok", "economics": "ok", "ads": "ok"}


def test_a_part_that_is_done_keeps_its_reason_while_another_is_retried(jobs: Jobs, amazon: SimulatedAmazon) -> None:
    """What one account lacks for good is still said when a later attempt has ended the job."""
    amazon.fail("SJP", "searchOrders", REFUSED, times=None)
    amazon.fail("SUS", "listTransactions", "html_503")
    job = jobs.add()
    with pytest.raises(RefreshIncomplete):
        job.run(attempt=1)

    result = job.run(attempt=2)

    assert [part["status"] for part in result["accounts"]] == ["ok", "partial", "ok"]
    assert only_row().account_errors.keys() == {account("JP").id}


def test_an_account_that_is_refused_everything_fails_at_once_and_keeps_what_it_had(
    jobs: Jobs, amazon: SimulatedAmazon, redis: Redis, clock: Clock
) -> None:
    """With nothing fresh the last good analysis is never written again, and no later attempt would help."""
    jobs.add("yesterday").run()
    before = get(redis, JP)
    for operation in ("searchOrders", "listTransactions", "createQuery", "createAdsReport"):
        amazon.fail("SJP", operation, REFUSED, times=None)
    clock.advance(days=1)

    with pytest.raises(Unrecoverable, match="HTTP 403"):
        jobs.add("today", country="JP").run(attempt=1)

    assert get(redis, JP) == before
    assert kept("JP").as_of == account("JP").last_daily_update == NINE
    assert row_of("today").status == "failed"


def test_an_account_that_is_revoked_after_a_passing_failure_is_not_retried(
    jobs: Jobs, amazon: SimulatedAmazon, clock: Clock
) -> None:
    """CONTRACTS C33: what failed before, and might have come, cannot come any more."""
    jobs.add("earlier").run()
    amazon.fail("SJP", "searchOrders", "html_503", times=None)
    amazon.fail("SJP", "*", "revoked", times=None)
    clock.advance(minutes=30)

    with pytest.raises(Unrecoverable, match="authorise"):
        jobs.add("later", country="JP").run(attempt=1)

    assert account("JP").state == "needs_reauthorisation"


class TestAds:
    """Profit needs what was spent on ads: a figure without it would be too good."""

    def test_while_the_spend_may_still_come_yesterdays_profit_stands(
        self, jobs: Jobs, amazon: SimulatedAmazon, clock: Clock
    ) -> None:
        """An Ads API that is down for a minute takes no profit away and makes none up."""
        jobs.add("yesterday").run()
        yesterday = kept("JP").result["profitability"]
        amazon.fail("SJP", "createAdsReport", "html_503", times=None)
        clock.advance(days=1)

        jobs.add("today", country="JP").run(attempt=4)

        result = kept("JP").result
        assert result["profitability"] == yesterday
        assert ages(result)["economics"] == ages(result)["orders"] == clock.at.isoformat()

    def test_a_spend_that_cannot_be_had_leaves_the_sales_fresh_and_the_profit_unknown(
        self, jobs: Jobs, amazon: SimulatedAmazon, clock: Clock
    ) -> None:
        """A seller who took back the advertising consent still sees sales and fees."""
        jobs.add("yesterday").run()
        amazon.fail("SJP", "createAdsReport", REFUSED, times=None)
        clock.advance(days=1)

        jobs.add("today", country="JP").run()

        found = kept("JP").result["profitability"]
        assert found["as_of"] == clock.at.isoformat()
        assert found["without"] == ["ads"]
        assert all(row["net_sales"] and row["amazon_fees"] for row in found["totals"])
        assert {
            row[name] for row in found["totals"] + found["by_sku"] for name in ("ads_spend", "profit", "tacos")
        } == {None}


class TestReportsThatTakeTime:
    """Reports that take a minute park the job."""

    @pytest.fixture
    def amazon_options(self) -> Options:
        """A minute a report."""
        return Options(budget_scale=1_000, report_s=60)

    @pytest.mark.parametrize(("fault", "attempt"), [(REFUSED, 1), ("html_503", 4)])
    def test_what_failed_does_not_stop_the_waiting_for_the_rest(
        self, jobs: Jobs, amazon: SimulatedAmazon, clock: Clock, fault: str, attempt: int
    ) -> None:
        """A part ends when nothing of it waits any more, not when the first dataset has failed."""
        amazon.fail("SJP", "searchOrders", fault, times=None)
        job = jobs.add(country="JP")
        with pytest.raises(Park):
            job.run(attempt)
        clock.advance(minutes=2)

        result = job.run(attempt)

        assert result["status"] == "partial"
        assert statuses("JP") == {"orders": "failed", "transactions": "ok", "economics": "ok", "ads": "ok"}
        assert kept("JP").result["economics"]["totals"]
