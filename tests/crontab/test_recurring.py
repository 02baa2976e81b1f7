"""Jobs of the catalog that come again: entries like all others, each slot's job added once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from dramatiq import Worker
from pydantic import ValidationError

from app import db
from app.broker.errors import QueueNotFound
from app.broker.queue import Queue
from app.crontab import entries
from app.crontab.cron import InvalidSchedule
from app.crontab.entries import EntryExists
from app.crontab.execute import run_entry
from app.crontab.recurring import add_job, recurring_jobs, schedule_recurring_job
from app.crontab.running import Run
from app.jobs.actor import actor
from app.jobs.by_hand import UnknownJobName
from app.jobs.catalog import ADD_RECURRING_JOB, USER_UPDATES
from app.jobs.engine import broker
from app.jobs.payloads import Slot
from app.models.job_status import JobStatus
from producer.tick import tick
from tests.crontab.conftest import NINE, all_sessions
from tests.ledger.rows import all_rows
from tests.servers import wait_for

pytestmark = pytest.mark.usefixtures("queue")

SOON = NINE - timedelta(minutes=4)


def schedule(cron: str = "*/5 * * * *", **said: Any) -> str:
    """A refresh of user 7; returns the entry's id."""
    asked = {"queue": "user-updates", "name": "process_user_data", "data": {"user_id": "7"}, **said}
    with db.session() as session:
        return schedule_recurring_job(session, cron=cron, by="1", at=SOON, **asked).id


def refreshes() -> list[JobStatus]:
    """The jobs that were added."""
    return [row for row in all_rows() if row.queue == USER_UPDATES]


def test_every_slot_adds_its_job_once_however_often_it_is_run(queue: Queue) -> None:
    """Two ticks, a producer that runs the slot's body, and a second run of the same slot."""
    entry_id = schedule(priority=3)
    actor(ADD_RECURRING_JOB)(lambda **asked: run_entry(Slot(**asked)))
    producer = Worker(broker(), queues={"cron"}, worker_threads=1, worker_timeout=50)

    tick(NINE)
    tick(NINE)
    producer.start()
    try:
        wait_for(lambda: [one for one in all_sessions() if one.status == "COMPLETED"], "the slot to run")
    finally:
        producer.stop()
    add_job(Run(entry_id, NINE, 99, {"queue": "user-updates", "name": "process_user_data", "data": {"user_id": "7"}}))

    (row,) = refreshes()
    job = queue.get_job(f"recurring-{entry_id}-20260101T090000")
    assert job is not None
    assert (row.promise_key, row.data["user_id"], row.priority) == (job.id, "7", 3)
    assert (job.state(), job.data, job.priority) == ("prioritized", row.data, 3)


def test_a_run_by_hand_adds_one_more() -> None:
    """Also in the second of a slot that has been added."""
    entry_id = schedule()
    data = {"queue": "user-updates", "name": "process_user_data", "data": {"user_id": "7"}}

    ids = [add_job(Run(entry_id, NINE, 5, data)), add_job(Run(entry_id, NINE, 6, data, manual=True))]

    assert ids == [f"recurring-{entry_id}-20260101T090000", f"manual-{entry_id}-6"]
    assert [row.job_id for row in refreshes()] == ids


def test_the_same_words_are_the_same_entry_and_others_another() -> None:
    """A program may say it at each start; two publishers' schedules differ only in their data."""
    first, again = schedule(), schedule()
    others = {schedule(data={"user_id": "8"}), schedule("0 9 * * *"), schedule(timezone="Europe/Madrid")}

    with db.reading() as session:
        standing = {entry.id for entry in recurring_jobs(session, USER_UPDATES)}
    assert again == first
    assert len(others) == 3
    assert standing == {first, *others}


def test_an_id_that_means_something_else_is_taken() -> None:
    """The one who has it is not changed behind their back."""
    schedule(entry_id="seven")

    with pytest.raises(EntryExists, match="'seven'"):
        schedule("0 9 * * *", entry_id="seven")


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ({"queue": "nothing"}, QueueNotFound, "no queue named 'nothing'"),
        ({"name": "run_entry"}, UnknownJobName, "run_entry"),
        ({"queue": "cron", "name": "beat", "data": {}}, UnknownJobName, "beat"),
        ({"data": {"user": "7"}}, ValidationError, "user_id"),
        ({"cron": "61 * * * *"}, ValidationError, "61"),
        ({"timezone": "Mars/Olympus"}, ValidationError, "no time zone named 'Mars/Olympus'"),
        ({"entry_id": "a:b"}, ValidationError, "id"),
    ],
)
def test_what_could_never_run_is_refused_at_once(said: dict[str, Any], error: type[Exception], match: str) -> None:
    """And leaves no entry."""
    with pytest.raises(error, match=match):
        schedule(**said)

    with db.reading() as session:
        assert list(entries.all_entries(session)) == []


def test_data_are_checked_when_an_entry_is_changed_but_not_when_it_is_stopped() -> None:
    """An emergency stop must reach an entry whose job has learnt new rules since."""
    entry_id = schedule()

    data = {"queue": "user-updates", "name": "process_user_data", "data": {}}
    with db.session() as session, pytest.raises(ValidationError, match="user_id"):
        entries.change(session, entry_id, {"data": data}, by="1", at=SOON)
    with db.session() as session:
        stopped = entries.change(session, entry_id, {"enabled": False}, by="1", at=SOON)

    assert (stopped.enabled, stopped.data["data"]) == (False, {"user_id": "7"})


def test_a_schedule_that_nobody_could_follow_is_an_error_of_its_own() -> None:
    """``InvalidSchedule`` names the field; pydantic's error carries its words."""
    with pytest.raises(ValidationError) as refused:
        schedule("every day")

    assert issubclass(InvalidSchedule, ValueError)
    assert "use 5 fields" in str(refused.value)
