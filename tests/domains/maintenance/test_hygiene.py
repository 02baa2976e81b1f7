"""What is old goes by its kind, a dry run only tells, and nobody's own trail is shortened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dramatiq import Worker
from pydantic import ValidationError
from redis import Redis
from sqlalchemy import select

from app import db
from app.broker.current import current_job
from app.broker.queue import Queue
from app.domains.maintenance import hygiene
from app.domains.maintenance.hygiene import clean_up
from app.jobs.actor import actor
from app.jobs.ages import moment
from app.jobs.by_hand import job_by_hand
from app.jobs.catalog import CLEAN_UP
from app.jobs.engine import broker, find_queue
from app.jobs.payloads import CleanUp
from app.ledger import audit
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession
from app.models.seller_account import SellerAccount
from app.models.user import User
from app.settings import settings
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import NINE, session
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue
DAY = timedelta(days=1)


@pytest.fixture
def var(queue: Queue, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of this test's own for logs and exports, and its cache."""
    monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
    settings.cache_clear()
    for folder in ("log", "exports", "backups"):
        (tmp_path / "var" / folder).mkdir(parents=True)
    yield tmp_path / "var"
    settings.cache_clear()


def written(file: Path, at: datetime) -> None:
    """A file that was last written then."""
    file.write_text("x")
    os.utime(file, (at.timestamp(), at.timestamp()))


def some(counts: dict[str, int]) -> dict[str, int]:
    """What there is any of."""
    return {name: count for name, count in counts.items() if count}


def test_old_sessions_and_rotated_logs_go(var: Path) -> None:
    """Not the newest session of an entry, not a log that a program holds open, nothing of another name."""
    for age in (31, 32, 29):
        session("daily", NINE - age * DAY)
    old, young = NINE - 31 * DAY, NINE - 29 * DAY
    for name, at in (("web.log.1", old), ("web.log.2", young), ("web.log", old), ("notes.txt", old)):
        written(var / "log" / name, at)

    gone = clean_up("old_logs", NINE)

    assert gone == {
        "sessions": 2,
        "snapshots": 0,
        "audit": 0,
        "mails": 0,
        "errors": 0,
        "exports": 0,
        "reports": 0,
        "serviceLogs": 0,
        "files": 1,
    }
    assert sorted(file.name for file in (var / "log").iterdir()) == ["notes.txt", "web.log", "web.log.2"]
    with db.reading() as opened:
        acts = [(act.actor, act.action, act.details) for act in opened.scalars(audit.trail())]
    assert acts == [("cleanup", "old_logs.removed", gone)]


def test_a_dry_run_tells_what_would_go_and_leaves_it(var: Path) -> None:
    """The same figures as the run that follows it, and the files by name."""
    session("daily", NINE - 31 * DAY)
    session("daily", NINE)
    written(var / "log" / "web.log.1", NINE - 31 * DAY)
    told: list[str] = []

    would = clean_up("old_logs", NINE, dry_run=True, tell=told.append)
    gone = clean_up("old_logs", NINE)

    assert would == gone
    assert some(gone) == {"sessions": 1, "files": 1}
    assert told == ["files: web.log.1", "sessions: 1 would go, files: 1 would go"]


def test_an_age_never_shortens_the_audit_trail(var: Path) -> None:
    """Whoever may add a job could otherwise hide their acts."""
    with db.session() as opened:
        audit.record(opened, "7", "queue.drained", "queue user-updates", at=NINE - 2 * DAY)
    session("daily", NINE - 2 * DAY)
    session("daily", NINE)

    gone = clean_up("old_logs", NINE, NINE - DAY)

    with db.reading() as opened:
        acts = opened.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert len(opened.scalars(select(CronSession)).all()) == 1
    assert (gone["sessions"], gone["audit"]) == (1, 0)
    assert acts == ["queue.drained", "old_logs.removed"]


def test_an_expired_token_is_one_that_nobody_can_use(var: Path, redis: Redis) -> None:
    """Of an account that is gone or revoked, or without an end; a good one, and every other key, stays."""
    with db.session() as opened:
        opened.add(User(id="7", email="7@x.example", password_hash=""))
        opened.flush()
        opened.add(SellerAccount(id="good", user_id="7", country="US", region="NA"))
        opened.add(SellerAccount(id="bad", user_id="7", country="DE", region="EU", state="needs_reauthorisation"))
    for name in ("good:1", "bad:1", "gone:1"):
        redis.set(f"amazon:token:sp:{name}", "sealed", ex=3_000)
    redis.set("amazon:token:sp:good:2", "sealed")
    redis.set("amazon:budget:good:orders", "20")

    would = clean_up("expired_tokens", NINE, dry_run=True)
    gone = clean_up("expired_tokens", NINE)

    assert would == gone == {"tokens": 3}
    assert set(redis.scan_iter()) >= {"amazon:token:sp:good:1", "amazon:budget:good:orders"}
    assert not redis.exists("amazon:token:sp:good:2", "amazon:token:sp:bad:1", "amazon:token:sp:gone:1")


def test_a_token_of_that_age_goes_too(var: Path, redis: Redis) -> None:
    """It lives for an hour: with 20 minutes left it is 40 minutes old."""
    with db.session() as opened:
        opened.add(User(id="7", email="7@x.example", password_hash=""))
        opened.flush()
        opened.add(SellerAccount(id="good", user_id="7", country="US", region="NA"))
    redis.set("amazon:token:sp:good:1", "sealed", ex=20 * 60)

    kept = clean_up("expired_tokens", NINE, NINE - timedelta(minutes=45))
    gone = clean_up("expired_tokens", NINE, NINE - timedelta(minutes=30))

    assert (kept, gone) == ({"tokens": 0}, {"tokens": 1})


def test_what_a_crash_left_half_written_goes_and_what_is_being_written_stays(var: Path) -> None:
    """However short the age that was asked for: an hour's silence is the least."""
    exports = var / "exports"
    written(exports / "a.csv.1.part", NINE - timedelta(hours=25))
    written(exports / "b.csv.1.part", NINE - timedelta(hours=2))
    written(exports / "c.csv.1.part", NINE - timedelta(minutes=59))
    written(exports / "d.csv", NINE - timedelta(hours=25))
    written(var / "backups" / ".toril-20260101T033000.jsonl.gz.x1", NINE - timedelta(hours=25))
    written(var / "backups" / "toril-20260101T033000.jsonl.gz", NINE - timedelta(hours=25))

    by_default = clean_up("temp_files", NINE)
    all_of_them = clean_up("temp_files", NINE, NINE)

    assert by_default["expired"] == all_of_them["expired"] == 0
    assert (by_default["unfinished"], by_default["backups"]) == (1, 1)
    assert (all_of_them["unfinished"], all_of_them["backups"]) == (1, 0)
    assert sorted(file.name for file in exports.iterdir()) == ["c.csv.1.part", "d.csv"]


def test_files_of_exports_go_when_they_have_expired(var: Path) -> None:
    """Their rows say so by themselves; a week is the default."""
    for name, days in (("exports-a.csv", 8), ("exports-b.csv", 6), ("reports-c.pdf", 8), ("other.csv", 8)):
        written(var / "exports" / name, NINE - days * DAY)

    gone = clean_up("temp_files", NINE)

    assert gone["expired"] == 2
    assert sorted(file.name for file in (var / "exports").iterdir()) == ["exports-b.csv", "other.csv"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NINE - timedelta(minutes=90)),
        ("30d", NINE - 30 * DAY),
        ("2w", NINE - 14 * DAY),
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31T06:00:00+02:00", datetime(2025, 12, 31, 4, tzinfo=UTC)),
        ("2099-01-01", NINE),
    ],
)
def test_an_age_and_a_date_are_moments(text: str, expected: datetime) -> None:
    """Never one that has not come yet."""
    assert moment(text, NINE) == expected


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "type"),
        ({"type": "everything"}, "type"),
        ({"type": "old_logs", "olderThan": "soon"}, "olderThan"),
        ({"type": "old_logs", "olderThan": 30}, "olderThan"),
        ({"type": "old_logs", "dryRun": "yes"}, "dryRun"),
        ({"type": "old_logs", "path": "/etc"}, "path"),
    ],
)
def test_bad_data_are_refused_by_their_field(queue: Queue, data: dict[str, object], field: str) -> None:
    """Before there is a job."""
    with pytest.raises(ValidationError) as refused:
        job_by_hand("cleanup", "nightly-cleanup", data)

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]
    assert find_queue("cleanup").count() == 0


def test_the_nights_clean_up_is_a_job_a_kind(var: Path) -> None:
    """Twice the same slot is once; a worker runs each, and its log says what went."""
    session("daily", NINE - 31 * DAY)
    session("daily", NINE)
    run_job("dailyCleanup", NINE)
    run_job("dailyCleanup", NINE)

    actor(CLEAN_UP)(_as_the_worker)
    worker = Worker(broker(), queues={"cleanup"}, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: all(row.settled_at for row in all_rows()), "every clean-up to end")
    finally:
        worker.stop()

    rows = {row.job_id: (row.status, row.data) for row in all_rows()}
    assert rows == {
        f"cleanup-{kind}-20260101T090000": ("completed", {"type": kind, "dryRun": False})
        for kind in ("old_logs", "expired_tokens", "temp_files")
    }
    job = find_queue("cleanup").get_job("cleanup-temp_files-20260101T090000")
    assert job is not None
    assert job.get_logs() == ["nothing removed"]


def _as_the_worker(**data: object) -> dict[str, int]:
    asked = CleanUp.model_validate({name: value for name, value in data.items() if value is not None})
    return hygiene.clean_up(asked.kind, NINE, dry_run=asked.dry_run, tell=current_job().log)
