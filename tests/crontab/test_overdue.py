"""What is late is found without a look at all that waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, insert, text

from app import db
from app.clock import utc_now
from app.crontab.overdue import overdue
from app.jobs.catalog import CRON, CRON_JOBS, USER_UPDATES
from app.models.job_status import JobStatus, Status

OTHERS = 5_000


def waiting(queue: str, number: int, minutes: int, data: dict[str, str]) -> dict[str, Any]:
    """The row of a job that has waited so long."""
    return {
        "queue": queue,
        "job_id": f"{queue}-{number}",
        "added_ms": number,
        "name": "any",
        "data": data,
        "opts": {},
        "attempts": 1,
        "status": Status.WAITING,
        "queued_at": utc_now() - timedelta(minutes=minutes),
    }


def test_a_late_entry_is_found_by_its_own_index(database: Engine) -> None:
    """Of the crontab's open jobs alone, however many others wait; those of the last minutes are not late."""
    slot = "20260101T090000"
    rows = [waiting(USER_UPDATES, number, 60, {}) for number in range(OTHERS)]
    rows.append(waiting(CRON_JOBS, 1, 6, {"entry": "nightly", "slot": slot}))
    rows.append(waiting(CRON, 2, 4, {"entry": "hourly", "slot": slot}))
    asked: list[tuple[str, Any]] = []
    with db.session() as session:
        session.execute(insert(JobStatus), rows)
        session.execute(text("ANALYZE"))

    event.listen(database, "before_cursor_execute", lambda _c, _u, sql, given, *_: asked.append((sql, given)))
    with db.session() as session:
        late = overdue(session, utc_now())
    (sql, given), *_ = [one for one in asked if "FROM job_status" in one[0]]
    explain = "EXPLAIN QUERY PLAN" if database.dialect.name == "sqlite" else "EXPLAIN"
    with database.connect() as connection:
        plan = str(connection.exec_driver_sql(f"{explain} {sql}", given).all())

    assert [(one.entry_id, one.why) for one in late] == [("nightly", "not started")]
    assert "ix_job_status_crontab" in plan
