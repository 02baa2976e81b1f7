"""One run of an entry, by a real worker: its session, its template, its limits."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import entries
from app.crontab.adding import AlreadyRunning, slot_job, trigger
from app.crontab.sessions import count_failures, create_session, end_session, get_running
from app.jobs.enqueue import enqueue_with
from app.models.cron_session import CronSession, SessionStatus
from app.models.job_status import Status
from tests.crontab.conftest import NINE, Working, WriteJob, all_sessions, sync
from tests.ledger.rows import all_rows
from tests.servers import wait_for


def add(entry_id: str = "sample", slot: datetime = NINE) -> None:
    """The slot's job, due now."""
    with db.session() as session:
        enqueue_with(session, [slot_job(entries.find(session, entry_id), slot, 0)])


def all_ended() -> bool:
    """Whether every job's end is settled."""
    return all(row.settled_at for row in all_rows())


def test_a_run_has_a_session_with_what_it_took(write_job: WriteJob, working: Working) -> None:
    """S4-5, S4-15: RUNNING to COMPLETED, duration, memory, and what the body counted."""
    write_job("sample", "current_run().details['rows'] = 3\nreturn {'rows': 3}", title="Sample Job")
    sync()

    add()
    with working():
        wait_for(all_ended, "the run to end")

    [ran], [row] = all_sessions(), all_rows()
    assert (ran.entry_id, ran.job_name, ran.job_id, ran.slot) == ("sample", "sample", row.job_id, NINE)
    assert (ran.status, ran.error, ran.manual, ran.details) == (SessionStatus.COMPLETED, None, False, {"rows": 3})
    assert ran.end_time is not None
    assert ran.duration_ms == round((ran.end_time - ran.start_time) / timedelta(milliseconds=1))
    assert ran.memory_used is not None
    assert (ran.peak_memory or 0) > 10_000_000
    assert (row.status, row.return_value) == (Status.COMPLETED, {"rows": 3})


@pytest.mark.parametrize(("body", "success"), [("pass", True), ("raise ValueError('away')", False)])
def test_a_run_is_told_in_one_line(write_job: WriteJob, working: Working, body: str, success: bool) -> None:
    """S4-10: jobName, duration in ms as the session has it, success; the log adds the timestamp."""
    write_job("sample", body)
    sync()

    add()
    with structlog.testing.capture_logs() as lines, working():
        wait_for(all_ended, "the run to end")

    [ran] = all_sessions()
    [line] = [line for line in lines if line["event"] == "Job execution completed"]
    assert (line["jobName"], line["success"], line["duration"]) == ("sample", success, ran.duration_ms)


def test_a_failed_run_is_recorded_told_and_tried_again(write_job: WriteJob, working: Working) -> None:
    """S4-9: the error is thrown again, so the engine's attempts apply; only the last failure is one (C15)."""
    write_job("sample", "raise ValueError('the source is away')", attempts=2)
    sync()

    add()
    with working():
        wait_for(all_ended, "the last attempt to end")

    first, last = all_sessions()
    with db.reading() as session:
        failures = count_failures(session, utc_now() - timedelta(hours=24))
    assert [(one.status, one.error) for one in (first, last)] == [(SessionStatus.FAILED, "the source is away")] * 2
    assert [(one.attempt, one.will_retry) for one in (first, last)] == [(1, True), (2, False)]
    assert (first.details, last.details) == (None, {"alerted": True})
    assert failures == 1
    assert [row.status for row in all_rows()] == [Status.FAILED]


def test_an_entry_can_be_silent(write_job: WriteJob, working: Working) -> None:
    """``alert_on_failure`` False."""
    write_job("sample", "raise ValueError('away')", alert_on_failure=False)
    sync()

    add()
    with working():
        wait_for(all_ended, "the run to end")

    assert [one.details for one in all_sessions()] == [None]


def test_the_template_checks_runs_and_cleans_up(write_job: WriteJob, working: Working, tmp_path: Path) -> None:
    """S4-9, in this order; a failed check keeps the body from running, and the cleanup follows all the same."""
    diary = tmp_path / "diary"
    note = f"def note(word):\n    with open({str(diary)!r}, 'a') as file:\n        file.write(word)\n"
    for name, check in (("good", "note('check ')"), ("bad", "1 / 0")):
        write_job(name, "note('run ')")
        with (tmp_path / "crontab" / f"{name}.py").open("a") as file:
            file.write(f"\n{note}def check():\n    {check}\ndef cleanup():\n    note('cleanup ')\n")
    sync()

    with working():
        add("good")
        wait_for(all_ended, "the good run to end")
        good = diary.read_text()
        add("bad")
        wait_for(all_ended, "the bad run to end")

    assert good == "check run cleanup "
    assert diary.read_text() == "check run cleanup cleanup "
    assert [one.status for one in all_sessions()] == [SessionStatus.COMPLETED, SessionStatus.FAILED]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_past_its_timeout_fails_with_it(write_job: WriteJob, working: Working) -> None:
    """The entry's own, in seconds."""
    write_job("sample", "while True:\n    pass", timeout_s=1)
    sync()

    add()
    with working():
        wait_for(all_ended, "the run to be ended")

    [ran], [row] = all_sessions(), all_rows()
    assert (ran.status, ran.error) == (SessionStatus.FAILED, "it ran into its time limit of 1 s")
    assert 900 < (ran.duration_ms or 0) < 10_000
    assert row.status == Status.FAILED


@pytest.mark.parametrize("policy", ["skip", "one"])
def test_a_slot_is_skipped_while_another_runs(write_job: WriteJob, working: Working, policy: str) -> None:
    """S4-16: warned and skipped, and a row says so."""
    write_job("sample", catch_up=policy)
    sync()
    with db.session() as session:
        running = create_session(session, "sample", NINE, NINE, job_id="another", worker="w")

    add("sample", NINE + timedelta(hours=1))
    with working():
        wait_for(all_ended, "the slot to be skipped")

    [_, skipped], [row] = all_sessions(), all_rows()
    assert skipped.status == SessionStatus.SKIPPED
    assert skipped.slot == NINE + timedelta(hours=1)
    assert str(running) in (skipped.error or "")
    assert row.return_value == {"skipped": skipped.error}


def test_under_the_policy_all_slots_wait_for_each_other(
    write_job: WriteJob, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R9: the second is parked, without an attempt, until the first has ended."""
    monkeypatch.setattr("app.crontab.execute.WAIT", timedelta(milliseconds=50))
    write_job("sample", catch_up="all")
    sync()
    with db.session() as session:
        other = create_session(session, "sample", NINE - timedelta(hours=1), NINE, job_id="another", worker="w")
    assert other is not None

    add()
    with working():
        wait_for(lambda: all_rows()[0].run > 1, "the slot to be parked")
        with db.session() as session:
            end_session(session, other, utc_now())
        wait_for(all_ended, "the slot to run")

    first, second = all_sessions()
    assert (first.status, second.status) == (SessionStatus.COMPLETED, SessionStatus.COMPLETED)
    assert all_rows()[0].attempts_made == 1


def test_a_parked_body_keeps_its_session(write_job: WriteJob, working: Working) -> None:
    """It stays RUNNING, so that no other slot overlaps, and goes on in the next run of the same job."""
    body = """
        from datetime import timedelta
        from pathlib import Path
        from app.broker.errors import Park
        from app.clock import utc_now
        mark = Path(__file__).with_suffix(".mark")
        if not mark.exists():
            mark.touch()
            raise Park(utc_now() + timedelta(milliseconds=200), "the budget is spent")
    """
    write_job("sample", body)
    sync()

    add()
    with working():
        wait_for(lambda: all_sessions() and all_sessions()[0].worker is None, "the run to be parked")
        parked = all_sessions()
        wait_for(all_ended, "the run to end")

    [ran] = all_sessions()
    assert [one.status for one in parked] == [SessionStatus.RUNNING]
    assert (ran.id, ran.status) == (parked[0].id, SessionStatus.COMPLETED)


def test_an_edit_cancels_what_was_added_before(write_job: WriteJob, working: Working) -> None:
    """R23: a slot that the new schedule does not have runs no more; one that it has, runs under the new fields."""
    write_job("sample", "return current_run().data")
    sync()
    add("sample", NINE)
    add("sample", NINE + timedelta(hours=1))
    with db.session() as session:
        changes = {"schedule": "0 10 * * *", "data": {"new": True}}
        entries.change(session, "sample", changes, by="me", at=utc_now())

    with working():
        wait_for(all_ended, "both to end")

    at_nine, at_ten = all_rows()
    assert "was changed or stopped" in at_nine.return_value["skipped"]
    assert at_ten.return_value == {"new": True}
    assert [one.slot for one in all_sessions()] == [NINE + timedelta(hours=1)]


def test_a_run_by_hand_has_its_session_at_once(write_job: WriteJob, working: Working) -> None:
    """S4-12: named so, RUNNING from the trigger on, even of a stopped entry, and only one at a time."""
    write_job("sample", "return current_run().manual", title="Sample Job", enabled=False)
    sync()

    with db.session() as session:
        session_id = trigger(session, "sample job", by="7", at=utc_now(), why="a test")
    with db.session() as session:
        [waiting] = get_running(session)
        with pytest.raises(AlreadyRunning, match="sample"):
            trigger(session, "sample", by="7", at=utc_now())
    with working():
        wait_for(all_ended, "the run to end")

    [ran] = all_sessions()
    assert (waiting.id, waiting.job_name, waiting.worker) == (session_id, "sample (manual)", None)
    assert (ran.id, ran.status, ran.manual) == (session_id, SessionStatus.COMPLETED, True)
    assert all_rows()[0].return_value is True


def test_a_rerun_takes_over_its_own_slots_session(write_job: WriteJob, working: Working, cron_jobs: Queue) -> None:
    """R9: its first worker died with the session RUNNING; there is no second one."""
    write_job("sample")
    sync()
    with db.session() as session:
        job = slot_job(entries.find(session, "sample"), NINE, 0)
        died = create_session(session, "sample", NINE, utc_now(), job_id=job.id, worker="dead")

    add()
    with working():
        wait_for(all_ended, "the run to end")

    [ran] = all_sessions()
    assert (ran.id, ran.status) == (died, SessionStatus.COMPLETED)


def test_one_session_of_an_entry_runs_at_a_time(write_job: WriteJob, cron_jobs: Queue) -> None:
    """By the database's own index, whoever writes."""
    first, second = (
        CronSession(entry_id="a", job_name="a", slot=NINE, start_time=NINE, status="RUNNING") for _ in "12"
    )

    with db.session() as session:
        session.add(first)
    with pytest.raises(Exception, match=r"(?i)unique"), db.session() as session:
        session.add(second)

    assert len(all_sessions()) == 1


def test_a_run_that_was_overtaken_ends_nobodys_session(write_job: WriteJob, working: Working) -> None:
    """Another worker has taken its session over: neither its failure nor its parking touches it."""
    body = """
        from app import db
        from app.crontab.sessions import take_over
        with db.session() as session:
            take_over(session, "tick-sample-20260101T090000", "another", 1)
        raise ValueError("too late")
    """
    write_job("sample", body)
    sync()

    add()
    with working():
        wait_for(all_ended, "the run to end")

    [other] = all_sessions()
    assert (other.status, other.worker, other.error) == (SessionStatus.RUNNING, "another", None)
