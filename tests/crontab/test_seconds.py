"""Entries of seconds run at their second."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.broker.queue import Queue
from app.clock import from_ms
from app.models.cron_session import SessionStatus
from producer.tick import tick
from tests.crontab.conftest import Working, WriteJob, all_sessions, sync
from tests.servers import wait_for


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_slots_of_seconds_are_on_time(write_job: WriteJob, working: Working, cron_jobs: Queue) -> None:
    """Within a second, from a tick that came long before; none before its time, none twice."""
    write_job("sample", schedule="*/2 * * * * *")
    now = from_ms(cron_jobs.now_ms())
    sync(now)
    tick(now)

    with working():
        wait_for(lambda: len([one for one in all_sessions() if one.end_time]) >= 4, "four runs", timeout_s=30)

    ran = all_sessions()[:4]
    late = [one.start_time - one.slot for one in ran]
    assert [one.status for one in ran] == [SessionStatus.COMPLETED] * 4
    assert len({one.slot for one in ran}) == 4
    assert all(timedelta(0) <= lateness < timedelta(seconds=1) for lateness in late), late
