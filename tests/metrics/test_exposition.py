"""What /metrics says is what the rows and the queues hold; labels are few; a part that is away costs itself alone."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, delete

from app import db
from app.alerts.rule import Finding
from app.alerts.rules import RULES
from app.alerts.state import apply
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import entries
from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import register, verify
from app.domains.amazon import datasets
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.jobs.labels import RUNS_ENTRIES, label
from app.ledger.figures.counting import count
from app.ledger.figures.keeping import forget
from app.ledger.rows import job_status
from app.ledger.tallies import LOST, tally
from app.ledger.workers import seen
from app.metrics import exposition
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import Status
from app.models.schedule import UserUpdateSchedule
from app.settings import settings
from tests.jobs import conftest as jobs
from tests.ledger.figures.ended import MINUTE, NINE, row, write
from tests.metrics.scrape import Samples, labels_of, samples, value
from tests.servers import free_port

queue = jobs.queue


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    """Which database it is, is not the point."""
    return sqlite_database


@pytest.fixture(autouse=True)
def one(queue: Queue, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A queue and a cache."""
    monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
    settings.cache_clear()
    return queue


def scrape() -> Samples:
    """As of now."""
    return samples(exposition.exposition().decode())


def take_in() -> None:
    """The producer's looks, until everything is counted."""
    is_behind = True
    while is_behind:
        with db.session() as session:
            is_behind = count(session, NINE + 5 * MINUTE, label, RUNS_ENTRIES)


def run(entry: str, status: str = Status.COMPLETED, **fields: int) -> object:
    """A run of the crontab."""
    return row(NINE, status, name="run_entry", queue="cron-jobs", data={"entry": entry}, **fields)


def test_the_documents_two_metrics_have_its_names_and_labels() -> None:
    """S4-10: jobExecutionTime{job_name} in ms, jobExecutionCount{job_name, status success|failure}."""
    with db.session() as session:
        entries.sync(session, NINE)
    write(
        run("syncWebUrls", run_ms=20),
        run("syncWebUrls", run_ms=2_000),
        run("syncWebUrls", Status.PARTIAL, run_ms=300),
        run("syncWebUrls", Status.FAILED, run_ms=300_000),
        run("syncWebUrls", Status.CANCELLED, run_ms=1),
    )

    take_in()

    found, job = scrape(), {"job_name": "syncWebUrls"}
    assert value(found, "jobExecutionCount", **job, status="success") == 3
    assert value(found, "jobExecutionCount", **job, status="failure") == 1
    assert value(found, "jobExecutionTime_count", **job) == 5
    assert value(found, "jobExecutionTime_sum", **job) == 302_321
    below = [
        value(found, "jobExecutionTime_bucket", **job, le=le) for le in ("16.0", "32.0", "512.0", "2048.0", "+Inf")
    ]
    assert below == [1, 2, 3, 4, 5]


def test_each_queue_and_job_has_its_ends_waits_and_runs_in_seconds() -> None:
    """Waits of 1 s and 100 s, runs of half a second; two deaths."""
    write(
        row(NINE, wait_ms=1_000, run_ms=500),
        row(NINE, Status.FAILED, wait_ms=100_000, run_ms=500, crashes=2),
    )

    take_in()

    found, job = scrape(), {"queue": "user-updates", "job": "process_user_data"}
    ends = {end: value(found, "toril_jobs_ended_total", **job, end=end) for end in ("completed", "failed", "cancelled")}
    assert ends == {"completed": 1, "failed": 1, "cancelled": 0}
    assert value(found, "toril_job_crashes_total", **job) == 2
    assert value(found, "toril_job_wait_seconds_sum", **job) == 101
    assert value(found, "toril_job_wait_seconds_bucket", **job, le="1.024") == 1
    assert value(found, "toril_job_run_seconds_bucket", **job, le="0.512") == 2
    assert value(found, "toril_job_run_seconds_bucket", **job, le="0.256") == 0


def test_what_only_grows_survives_the_rows() -> None:
    """Retention takes rows and minutes away, and no counter falls."""
    write(row(NINE), row(NINE))
    take_in()
    with db.session() as session:
        session.execute(delete(job_status))
        forget(session, NINE + timedelta(days=365))

    found = scrape()

    assert value(found, "jobExecutionCount", job_name="process_user_data", status="success") == 2


def test_names_that_others_give_are_one_label() -> None:
    """A thousand entries that nobody knows and a thousand free names of jobs are one series."""
    write(
        *(run(f"forged-{number}") for number in range(1_000)),
        *(row(NINE, name=f"custom-{number}") for number in range(1_000)),
    )

    take_in()

    found = scrape()
    assert labels_of(found, "jobExecutionCount", "job_name") == {"other"}
    assert value(found, "jobExecutionCount", job_name="other", status="success") == 2_000


def test_queues_are_as_they_stand(one: Queue) -> None:
    """The same counts as the API's; every queue of the catalog, each state."""
    one.add("process_user_data", {"user_id": "7"}, job_id="now")
    one.add("process_user_data", {"user_id": "8"}, job_id="later", delay_ms=60_000)
    one.pause()

    found = scrape()

    assert labels_of(found, "toril_queue_jobs", "queue") == set(queues())
    for state, count_of in find_queue("user-updates").get_job_counts().items():
        assert value(found, "toril_queue_jobs", queue="user-updates", state=state) == count_of
    assert value(found, "toril_queue_jobs", queue="user-updates", state="delayed") == 1
    assert value(found, "toril_queue_paused", queue="user-updates") == 1
    assert value(found, "toril_queue_paused", queue="cron-jobs") == 0


def test_alerts_findings_and_workers_are_counted() -> None:
    """Three jobs lost, a rule that fires for two queues, a worker that lives and one that does not."""
    now = utc_now()
    rule = next(rule for rule in RULES if rule.name == "poison pill")
    with db.session() as session:
        tally(session.connection(), LOST, 3, now)
        seen(session.connection(), "alive", now)
        seen(session.connection(), "silent", now - timedelta(minutes=1))
        apply(session, rule, [Finding(subject, 1, 1, "why") for subject in ("a", "b")], now)

    found = scrape()

    assert value(found, "toril_reconciler_findings_total", finding=LOST) == 3
    assert value(found, "toril_reconciler_findings_total", finding="added again") == 0
    assert value(found, "toril_alerts_firing", rule="poison pill") == 2
    assert value(found, "toril_workers") == 1


def test_users_are_counted_by_how_fresh_each_dataset_is() -> None:
    """Three users: one never refreshed, one a day and two hours ago, one just now."""
    now = utc_now()
    with db.session() as session:
        for name, age in (("never", None), ("late", timedelta(hours=26)), ("fresh", timedelta(0))):
            user = register(session, f"{name}@example.com", "")
            account = put_account(session, user.id, Seller("US", "NA", f"A{name}", "1", "token"))
            verify(session, user.id)
            if age is not None:
                updated = {"status": "ok", "good_at": now - age, "tried_at": now}
                session.add(DatasetUpdate(account_id=account.id, dataset=datasets.DAILY[0], **updated))
                session.get_one(UserUpdateSchedule, user.id).last_daily_update = now - age

    found = scrape()

    daily = {of: value(found, "toril_users", cadence="daily", freshness=of) for of in ("fresh", "late", "never")}
    assert daily == {"fresh": 1, "late": 1, "never": 1}
    assert value(found, "toril_late_users", dataset=datasets.DAILY[0]) == 1
    assert value(found, "toril_oldest_late_data_seconds", dataset=datasets.DAILY[0]) == pytest.approx(
        26 * 3_600, abs=60
    )
    assert labels_of(found, "toril_late_users", "dataset") == {*datasets.DAILY, *datasets.WEEKLY}


def test_without_redis_the_ledgers_metrics_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said which are not."""
    write(row(NINE))
    take_in()
    away = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setenv("QUEUE_REDIS_URL", away)
    monkeypatch.setenv("CACHE_REDIS_URL", away)
    monkeypatch.setenv("QUEUE_PREFIX", "away")
    settings.cache_clear()

    found = scrape()

    up = {part: value(found, "toril_metrics_up", part=part) for part in exposition.PARTS}
    assert up == {"ledger": 1, "queues": 0, "users": 1, "budgets": 0}
    assert value(found, "jobExecutionCount", job_name="process_user_data", status="success") == 1
    assert labels_of(found, "toril_queue_jobs", "queue") == set()


def test_the_page_names_every_metric_and_no_other() -> None:
    """docs/metrics.md, also what its rules ask for."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()

    families = text_string_to_metric_families(exposition.exposition().decode())

    exposed = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == exposed
    asked_for = {name.removesuffix("_bucket") for name in re.findall(r"(?:toril_|jobExecution)\w+", page)}
    assert asked_for == exposed
