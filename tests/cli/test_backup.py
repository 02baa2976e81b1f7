"""``toril backup`` and ``restore``: what was accepted outlives the loss of the database and of Redis at once."""

from __future__ import annotations

import gzip
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, func, insert, select, text
from sqlalchemy.orm import Session

from app import backup, db
from app.broker.queue import Queue
from app.clock import from_ms, utc_now
from app.commands.backup import backup as backup_command
from app.commands.backup import restore as restore_command
from app.jobs.catalog import PROMISE_DAILY_UPDATES
from app.jobs.engine import broker, find_queue
from app.jobs.enqueue import enqueue
from app.jobs.payloads import Slot
from app.jobs.user_updates import enqueue_users
from app.ledger.workers import seen
from app.migrations.run import upgrade
from app.models import every_table
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.models.unit_cost import UnitCost
from app.models.user import Role, User
from app.settings import settings
from producer.reconcile import Reconciler
from tests.afresh import start_afresh
from tests.broker.workers import WorkerProgram
from tests.cli.conftest import Run
from tests.ledger.rows import all_rows
from tests.servers import redis_server, wait_for

Place = Callable[[str, str], str]


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Gives the URL of an empty database of that kind and name."""
    with ExitStack() as made:

        def url(kind: str, name: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path}/{name}.db"
            server: str = request.getfixturevalue("postgres_url")
            admin = create_engine(server, isolation_level="AUTOCOMMIT")
            made.callback(admin.dispose)
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                connection.execute(text(f"CREATE DATABASE {name}"))
            return admin.url.set(database=name).render_as_string(hide_password=False)

        yield url


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    """Lets this process, and the programs that it starts, use a database and a Redis; gives the database, migrated."""

    def use(database_url: str, redis_url: str) -> Engine:
        start_afresh()
        monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
        monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
        settings.cache_clear()
        upgrade()
        return db.engine()

    yield use
    start_afresh()


def everything(engine: Engine) -> dict[str, list[Any]]:
    """Every row of every table, as the models see it."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=str)
            for table in every_table().sorted_tables
        }


def fill(engine: Engine) -> None:
    """A few rows of every sort of column: times, exact numbers, JSON, sealed texts, the user's role, nothing."""
    with Session(engine) as session, session.begin():
        session.add(User(id="7", email="ada@example.com", password_hash="x", role=Role.ADMIN, verified_at=utc_now()))
        session.flush()
        session.add(UnitCost(user_id="7", sku="Ä-1", amount=Decimal("1234567890.10"), currency="EUR"))
        job = JobStatus(
            queue="user-updates",
            job_id="a",
            added_ms=1,
            name="process_user_data",
            data={"user_id": "7", "text": "\ud800\0ä"},
            opts={"attempts": 4},
            attempts=4,
            status=Status.WAITING,
            queued_at=utc_now(),
        )
        session.add(job)
        session.flush()
        session.add(JobAttempt(job=job.id, run=1, attempt=1, kind="retrying", started_at=utc_now(), ended_at=utc_now()))


@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_restored_database_is_the_one_that_was_backed_up(
    source: str, target: str, place: Place, tmp_path: Path
) -> None:
    """Every row of every table, from either kind of database into either; new rows get new numbers."""
    file = tmp_path / "toril.backup"
    old, new = db.open_engine(place(source, "old")), db.open_engine(place(target, "new"))
    upgrade(old)
    fill(old)

    backup.write(old, file)
    backup.restore(new, file)

    try:
        assert everything(new) == everything(old)
        with new.begin() as connection:
            row = {"queue": "q", "job_id": "b", "added_ms": 1, "name": "n", "opts": {}, "attempts": 1}
            numbered = connection.execute(
                insert(JobStatus).values(**row, status="waiting", queued_at=utc_now()).returning(JobStatus.id)
            )
            assert numbered.scalar_one() == 2
    finally:
        old.dispose()
        new.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_unfinished_job_of_a_backup_under_load_ends_once(
    kind: str, place: Place, use: Callable[..., Engine], redis_url: str, tmp_path: Path
) -> None:
    """Database and Redis are lost while a worker runs; what was paused waits until it is resumed."""
    file = tmp_path / "toril.backup"
    runner = CliRunner()
    use(place(kind, "old"), redis_url)
    users = [str(number) for number in range(1_000)]
    Reconciler(broker(), lost=lambda: None)(now())
    enqueue_users(users)
    cron().pause()
    enqueue(PROMISE_DAILY_UPDATES, Slot(entry="dailyUpdates", slot="20260101T090000"), job_id="held")
    worker = WorkerProgram("tests.cli.refreshing", {}, tmp_path / "before.log")
    try:
        wait_for(lambda: ended() >= 50, "the worker to be at work")
        before = ended()
        runner.invoke(backup_command, [str(file)], catch_exceptions=False)
        after = ended()
    finally:
        worker.end()

    (tmp_path / "empty").mkdir()
    with redis_server(tmp_path / "empty") as empty:
        use(place(kind, "new"), empty.url)
        runner.invoke(restore_command, [str(file)], catch_exceptions=False)
        in_backup = ended()
        Reconciler(broker(), lost=lambda: None)(now() + timedelta(seconds=20))
        worker = WorkerProgram("tests.cli.refreshing", {}, tmp_path / "after.log")
        try:
            wait_for(lambda: ended() == len(users), "every user's job to end", timeout_s=60)
            still_paused = cron().is_paused(), cron().job_state("held")
            cron().resume()
            wait_for(lambda: ended() == len(users) + 1, "the paused job to end")
            wait_for(lambda: not unsettled(), "Redis to know every end")
        finally:
            worker.end()

    assert before <= in_backup <= after < len(users)
    assert still_paused == (True, "waiting")
    assert {row.status for row in all_rows()} == {Status.COMPLETED}
    assert set(completions().values()) == {1}
    assert len(completions()) == len(users) + 1


def now() -> Any:
    """Redis's time."""
    return from_ms(broker().clock.now_ms())


def cron() -> Queue:
    """The paused queue."""
    return find_queue("cron")


def users_queue() -> Queue:
    """The queue under load."""
    return find_queue("user-updates")


def unsettled() -> int:
    """How many of its jobs have not completed in Redis."""
    return sum(count for state, count in users_queue().get_job_counts().items() if state != "completed")


def ended() -> int:
    """How many rows have ended."""
    with db.reading() as session:
        return session.scalar(select(func.count()).where(JobStatus.ended_at.is_not(None))) or 0


def completions() -> Counter[int]:
    """How often each job's end was written."""
    with db.reading() as session:
        return Counter(session.scalars(select(JobAttempt.job).where(JobAttempt.kind == "completed")))


def test_a_backup_is_whole_private_and_replaced_only_when_asked(toril: Run, tmp_path: Path) -> None:
    """0600; no other file is left beside it; 'no' leaves the old one."""
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "toril.backup"
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/real.db"}
    toril("migrate", **database)

    first = toril("backup", str(file), **database)
    kept = file.read_bytes()
    refused = toril("backup", str(file), stdin="n\n", **database)
    unchanged = file.read_bytes() == kept
    again = toril("backup", str(file), "--yes", **database)

    assert (first.returncode, refused.returncode, again.returncode) == (0, 1, 0), first
    assert unchanged
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_backup_that_fails_leaves_the_old_file(toril: Run, tmp_path: Path) -> None:
    """Whether it has not begun, for a schema that is not the newest, or breaks off in the middle."""
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "toril.backup"
    file.write_text("the old one")
    broken = {"DATABASE_URL": f"sqlite:///{tmp_path}/broken.db"}
    toril("migrate", **broken)
    with closing(sqlite3.connect(tmp_path / "broken.db")) as database:
        database.execute("DROP TABLE unit_costs")

    not_begun, broken_off = toril("backup", str(file), "--yes"), toril("backup", str(file), "--yes", **broken)

    assert (not_begun.returncode, broken_off.returncode) == (1, 3)
    assert "run `toril migrate` first" in not_begun.stderr
    assert (file.read_text(), list(file.parent.iterdir())) == ("the old one", [file])


def test_a_database_with_rows_is_replaced_only_when_asked(toril: Run, tmp_path: Path) -> None:
    """'no' changes nothing."""
    file = tmp_path / "toril.backup"
    full, empty = ({"DATABASE_URL": f"sqlite:///{tmp_path}/{name}.db"} for name in ("full", "empty"))
    toril("migrate", **full)
    toril("migrate", **empty)
    toril("backup", str(file), **empty)
    toril("users", "add", "ada@example.com", "--password-stdin", stdin="correct horse battery\n", **full)

    refused = toril("restore", str(file), stdin="n\n", **full)
    still = toril("users", "list", **full).stdout
    done = toril("restore", str(file), "--yes", **full)
    gone = toril("users", "list", **full).stdout

    assert (refused.returncode, done.returncode) == (1, 0), done
    assert "ada@example.com" in still
    assert "ada@example.com" not in gone


def test_a_restore_is_refused_while_workers_live(place: Place, use: Callable[..., Engine], redis_url: str) -> None:
    """Their jobs would be of a ledger that is no more."""
    engine = use(place("sqlite", "old"), redis_url)
    fill(engine)
    file = Path(engine.url.database or "").with_name("toril.backup")
    backup.write(engine, file)
    with engine.begin() as connection:
        seen(connection, "w1", utc_now())

    done = CliRunner().invoke(restore_command, [str(file), "--yes"])

    assert isinstance(done.exception, backup.BackupRefused)
    assert "w1 ran a moment ago" in str(done.exception)


def test_what_is_no_whole_backup_changes_nothing(place: Place, tmp_path: Path) -> None:
    """Cut anywhere, of another schema, or something else: the rows stay as they were."""
    engine = db.open_engine(place("sqlite", "old"))
    upgrade(engine)
    fill(engine)
    file = tmp_path / "toril.backup"
    backup.write(engine, file)
    before = everything(engine)
    whole, lines = file.read_bytes(), gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    broken = [
        whole[: len(whole) // 2],
        gzip.compress(b"".join(lines[:-1])),
        gzip.compress(b"".join(line for line in lines if b"1234567890.10" not in line)),
        gzip.compress(lines[0].replace(b'"schema":"', b'"schema":"x') + b"".join(lines[1:])),
        b"hello",
        b"",
    ]

    for content in broken:
        file.write_bytes(content)
        with pytest.raises(backup.BackupRefused, match=file.name):
            backup.restore(engine, file)

    assert everything(engine) == before
    engine.dispose()


def test_after_a_restore_redis_counts_as_lost(
    place: Place, use: Callable[..., Engine], redis_url: str, tmp_path: Path
) -> None:
    """Also one that was not: a job that was removed since the backup is in the rows again, and so in its queue."""
    file = tmp_path / "toril.backup"
    use(place("sqlite", "old"), redis_url)
    reconcile = Reconciler(broker(), lost=lambda: None)
    reconcile(now())
    [job_id] = enqueue_users(["7"])
    CliRunner().invoke(backup_command, [str(file)], catch_exceptions=False)
    users_queue().remove(job_id)

    CliRunner().invoke(restore_command, [str(file), "--yes"], catch_exceptions=False)
    reconcile(now())

    [row] = all_rows()
    assert (row.status, row.repairs, row.confirmed_at is not None) == (Status.WAITING, 2, True)
    assert users_queue().job_state(job_id) == "waiting"
