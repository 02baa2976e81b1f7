"""Failures are told once each, in groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import db
from app.alerts.failures import tell_failures
from app.broker.queue import Queue
from app.broker.recorder import EndKind, Start
from app.crontab import entries
from app.jobs.catalog import SEND_NOTIFICATION
from app.jobs.engine import find_queue
from app.ledger.recorder import Ledger
from app.models.notification import Notification
from app.models.untold_failure import UntoldFailure
from tests.alerts.conftest import Hook
from tests.ledger.figures.ended import MINUTE, NINE, SECOND
from tests.ledger.rows import NINE_MS, claim, end, new_job

pytestmark = pytest.mark.usefixtures("queue")


def fail(*errors: str, at_s: float = 0, first: int = 0, **job: object) -> None:
    """Jobs that end so, one after the other, that long after nine."""
    ledger = Ledger()
    added = [new_job(f"f{number}-{error[:3]}", **job) for number, error in enumerate(errors, first)]
    ledger.before_add(added)
    claims = [claim(one) for one in added]
    ends = []
    for number, (claimed, start, error) in enumerate(zip(claims, ledger.claimed(claims), errors, strict=True), first):
        assert isinstance(start, Start)
        ended_ms = NINE_MS + int(at_s * 1_000) + number
        ends.append(end(claimed, start, EndKind.FAILED, reason=error, ended_ms=ended_ms))
    ledger.before_settle(ends)


def messages() -> Sequence[Notification]:
    """What was told."""
    with db.reading() as session:
        return session.scalars(select(Notification).order_by(Notification.id)).all()


def untold() -> int:
    """How many failures nobody knows of."""
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(UntoldFailure)) or 0


def test_five_hundred_failures_in_a_minute_are_one_message() -> None:
    """With how often, first and last, and a sample; what differs from job to job makes no group of its own."""
    fail(*(f"no answer from shop {number} after 30 s" for number in range(500)))

    told = [tell_failures(NINE + seconds * SECOND) for seconds in (5, 30, 59, 61, 70)]

    (message,) = messages()
    (group,) = message.details["failures"]
    assert told == [0, 0, 0, 500, 0]
    assert message.title == "500 jobs failed: process_user_data"
    assert (group["count"], group["job"]) == (500, "process_user_data")
    assert (group["firstAt"], group["lastAt"]) == (
        "2026-01-01T09:00:00+00:00",
        "2026-01-01T09:00:00.499000+00:00",
    )
    assert group["error"] == f"no answer from shop {group['jobId'][1:-4]} after 30 s"


def test_other_errors_and_other_jobs_are_groups_of_the_same_message() -> None:
    """The largest first."""
    fail("refused", "refused", "refused", "timed out")
    fail("refused", first=10, name="no_op")

    tell_failures(NINE + 2 * MINUTE)

    (message,) = messages()
    found = [(group["count"], group["job"], group["error"]) for group in message.details["failures"]]
    assert found == [
        (3, "process_user_data", "refused"),
        (1, "no_op", "refused"),
        (1, "process_user_data", "timed out"),
    ]
    assert message.title == "5 jobs failed: no_op, process_user_data"
    assert message.body.splitlines()[0] == (
        "3 × process_user_data (user-updates), 2026-01-01T09:00:00 to 2026-01-01T09:00:00 UTC, "
        "such as job f2-ref: refused"
    )


def test_each_failure_is_told_once_also_when_its_end_came_late() -> None:
    """The list of the untold moves with the ends and with the messages, not with time."""
    fail("refused")
    tell_failures(NINE + 2 * MINUTE)
    tell_failures(NINE + 2 * MINUTE)
    fail("refused", at_s=1, first=5)  # ended before the message, committed after it

    tell_failures(NINE + 4 * MINUTE)

    assert [message.details["count"] for message in messages()] == [1, 1]
    assert untold() == 0


def test_a_message_that_was_not_committed_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer died in between."""
    fail("refused")
    with monkeypatch.context() as patched:
        patched.setattr("app.alerts.failures.announce", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tell_failures(NINE + 2 * MINUTE)

    assert (tell_failures(NINE + 2 * MINUTE), len(messages())) == (1, 1)


def test_who_was_retried_before_the_message_has_not_failed() -> None:
    """Unless it fails again."""
    fail("refused")
    Ledger().before_retry("user-updates", ["f0-ref"])

    assert (tell_failures(NINE + 2 * MINUTE), messages()) == (0, [])


def test_entries_can_switch_it_off_and_a_failed_notification_is_none() -> None:
    """CONTRACTS S4-13; and a channel that is gone for good would never end."""
    with db.session() as session:
        entries.sync(session, NINE)
        entries.change(session, "syncWebUrls", {"alert_on_failure": False}, by="1", at=NINE, why=None)
    slot = {"slot": "20260101T090000", "version": 1, "manual": False}
    fail("refused", queue="cron-jobs", name="run_entry", data={"entry": "syncWebUrls", **slot})
    fail("refused", first=1, queue="notifications", name=SEND_NOTIFICATION.name, data={})
    fail("refused", first=2, queue="cron-jobs", name="run_entry", data={"entry": "sampleJob", **slot})

    tell_failures(NINE + 2 * MINUTE)

    (message,) = messages()
    assert [group["job"] for group in message.details["failures"]] == ["sampleJob"]


def test_addresses_in_errors_stay_out_of_messages() -> None:
    """CONTRACTS C46."""
    fail("no mailbox for jane@example.com")

    tell_failures(NINE + 2 * MINUTE)

    assert "jane@example.com" not in messages()[0].body
    assert "[redacted]" in messages()[0].body


def test_a_message_is_a_job_for_each_channel(queue: Queue, hook: Hook, channel: object) -> None:
    """By ids: what is in Redis holds no address."""
    assert callable(channel)
    ids = [channel(f"http://127.0.0.1:{hook.port}/secret", name) for name in ("a", "b")]
    fail("refused")

    tell_failures(NINE + 2 * MINUTE)

    jobs = find_queue("notifications").get_jobs(["waiting"])
    message = str(messages()[0].id)
    assert sorted(job.data["channel"] for job in jobs) == ids
    assert {job.id for job in jobs} == {f"notify-{message}-{one}" for one in ids}
    assert all(set(job.data) == {"notification", "channel"} for job in jobs)


def test_a_minute_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """NOTIFY_GROUP."""
    monkeypatch.setattr("app.alerts.failures.settings", lambda: type("S", (), {"notify_group_s": 5}))
    fail("refused")

    assert [tell_failures(NINE + timedelta(seconds=seconds)) for seconds in (4, 6)] == [0, 1]
