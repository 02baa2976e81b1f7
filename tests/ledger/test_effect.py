"""An effect and the job's end are one transaction, under the run's own number (R7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from app import db
from app.broker.current import RunningJob
from app.broker.errors import LeaseLost
from app.broker.recorder import Ended, EndKind, RecorderUnavailable
from app.ledger.effect import Accounts, effect, step
from app.ledger.recorder import Ledger
from app.models.job_status import Status
from tests.ledger.rows import all_attempts, end, new_job, only_row, promised, running, started


@pytest.fixture
def job(ledger: Ledger) -> RunningJob:
    """A job in its first run, and a table for its effects."""
    with db.engine().begin() as connection:
        connection.execute(text("CREATE TABLE effects (what TEXT)"))
    claimed = promised(ledger, new_job())
    return running(claimed, started(ledger, claimed))


def effects() -> list[str]:
    """What has come of it."""
    with db.engine().connect() as connection:
        return list(connection.execute(text("SELECT what FROM effects ORDER BY what")).scalars())


INSERT = text("INSERT INTO effects VALUES (:what)")


def test_an_effect_ends_its_job(ledger: Ledger, job: RunningJob) -> None:
    """Both are there, and the engine is told to write only Redis."""
    with effect(job) as ending:
        ending.session.execute(INSERT, {"what": "sales"})
        ending.return_value = {"accounts": 1}

    row = only_row()
    assert effects() == ["sales"]
    assert (row.status, row.return_value, row.attempts_made, row.settled_at) == (
        Status.COMPLETED,
        {"accounts": 1},
        1,
        None,
    )
    assert job.recorded
    assert list(ledger.before_settle([end(job.claim, job.start, recorded=True)])) == [True]
    assert [attempt.kind for attempt in all_attempts()] == ["completed"]


def test_a_partial_end_tells_of_each_account(job: RunningJob) -> None:
    """Two of three are fresh: completed in Redis, partial in the ledger (C33)."""
    with effect(job) as ending:
        ending.status = "partial"
        ending.accounts = Accounts(total=3, processed=2, errors={"EU/DE": "re-authorisation needed"})

    row = only_row()
    assert (row.status, row.accounts_total, row.accounts_processed) == (Status.PARTIAL, 3, 2)
    assert row.account_errors == {"EU/DE": "re-authorisation needed"}
    assert row.completed_at is not None


def test_a_partial_end_is_completed_for_redis(ledger: Ledger, job: RunningJob) -> None:
    """The worker died before it told Redis: the next claim settles it from the row."""
    with effect(job) as ending:
        ending.status, ending.return_value = "partial", {"EU/DE": "no"}

    assert list(ledger.claimed([job.claim])) == [Ended(EndKind.COMPLETED, return_value={"EU/DE": "no"})]


def test_an_effect_that_fails_its_job_keeps_its_words(ledger: Ledger, job: RunningJob) -> None:
    """The actor raises afterwards; the engine's own end changes nothing of it."""
    with effect(job) as ending:
        ending.status, ending.error = "failed", "no account is fresh"

    owned = ledger.before_settle([end(job.claim, job.start, EndKind.FAILED, reason="Unrecoverable")])

    row = only_row()
    assert list(owned) == [True]
    assert (row.status, row.error) == (Status.FAILED, "no account is fresh")
    assert row.failed_at is not None


def test_an_effect_whose_block_raises_leaves_nothing(job: RunningJob) -> None:
    """Neither effect nor end; the job is still the run's."""

    def write_then_raise() -> None:
        with effect(job) as ending:
            ending.session.execute(INSERT, {"what": "sales"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_then_raise()

    assert effects() == []
    assert only_row().ended_at is None
    assert not job.recorded


def test_a_zombies_effect_is_rolled_back(ledger: Ledger, job: RunningJob) -> None:
    """Its worker was declared dead, and another has started the job again."""
    started(ledger, job.claim)

    with pytest.raises(LeaseLost, match="run 1"), effect(job) as ending:
        ending.session.execute(INSERT, {"what": "zombie"})

    assert effects() == []
    assert only_row().ended_at is None


def test_a_zombies_effect_after_the_end_is_rolled_back(ledger: Ledger, job: RunningJob) -> None:
    """The other run has finished meanwhile: one job, one effect."""
    later = running(job.claim, started(ledger, job.claim))
    with effect(later) as ending:
        ending.session.execute(INSERT, {"what": "later"})

    with pytest.raises(LeaseLost), effect(job) as ending:
        ending.session.execute(INSERT, {"what": "zombie"})

    assert effects() == ["later"]


def test_an_effect_of_a_removed_job_is_rolled_back(ledger: Ledger, job: RunningJob) -> None:
    """Removed under the run's hands: the number moved on with the removal."""
    ledger.before_remove("user-updates", ["1"])

    with pytest.raises(LeaseLost), effect(job) as ending:
        ending.session.execute(INSERT, {"what": "removed"})

    assert effects() == []
    assert only_row().status == Status.REMOVED


def test_the_same_effect_twice_in_one_run_counts_once(job: RunningJob) -> None:
    """An actor that repeats its effect after a lost reply is told that all is well."""
    for _ in range(2):
        with effect(job) as ending:
            ending.session.execute(INSERT, {"what": "sales"})

    assert effects() == ["sales"]


@contextmanager
def commit_that_loses_its_reply(engine: Engine, *, after: bool) -> Iterator[None]:
    """The next COMMIT raises as a cut connection does: ``after`` it went through, or before."""
    real = engine.dialect.do_commit
    lost: list[bool] = []

    def cut(connection: object) -> None:
        if lost:
            real(connection)  # type: ignore[arg-type]
            return
        lost.append(True)
        (real if after else engine.dialect.do_rollback)(connection)  # type: ignore[arg-type]
        raise engine.dialect.loaded_dbapi.OperationalError("server closed the connection unexpectedly")

    engine.dialect.do_commit = cut  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        engine.dialect.do_commit = real  # type: ignore[method-assign]


def test_a_commit_whose_reply_was_lost_is_recognised(database: Engine, job: RunningJob) -> None:
    """It went through, so the run has had its effect and its end."""
    with commit_that_loses_its_reply(database, after=True), effect(job) as ending:
        ending.session.execute(INSERT, {"what": "sales"})

    assert effects() == ["sales"]
    assert job.recorded


def test_a_commit_that_never_arrived_is_told(database: Engine, job: RunningJob) -> None:
    """Nothing stands, and the job may run again."""
    with (
        pytest.raises(RecorderUnavailable, match="not committed"),
        commit_that_loses_its_reply(database, after=False),
        effect(job) as ending,
    ):
        ending.session.execute(INSERT, {"what": "sales"})

    assert effects() == []
    assert not job.recorded


def test_a_step_keeps_its_effect_and_its_checkpoint(ledger: Ledger, job: RunningJob) -> None:
    """The next run begins where this one died."""
    with step(job, {"done": ["NA/US"]}, Accounts(total=2, processed=1, errors={})) as session:
        session.execute(INSERT, {"what": "NA/US"})

    assert started(ledger, job.claim).checkpoint == {"done": ["NA/US"]}
    assert effects() == ["NA/US"]
    assert (only_row().accounts_total, only_row().accounts_processed) == (2, 1)


def test_a_zombies_step_is_rolled_back(ledger: Ledger, job: RunningJob) -> None:
    """Neither effect nor checkpoint."""
    started(ledger, job.claim)

    with pytest.raises(LeaseLost), step(job, {"done": ["NA/US"]}) as session:
        session.execute(INSERT, {"what": "zombie"})

    assert effects() == []
    assert only_row().checkpoint is None


def test_a_step_whose_reply_was_lost_is_recognised(database: Engine, job: RunningJob) -> None:
    """Even with the checkpoint that stood before it: steps are counted, not compared."""
    with step(job, {"page": 1}):
        pass

    with commit_that_loses_its_reply(database, after=True), step(job, {"page": 1}) as session:
        session.execute(INSERT, {"what": "second"})

    assert effects() == ["second"]


def test_a_step_that_never_arrived_is_told(database: Engine, job: RunningJob) -> None:
    """Even with the checkpoint that stands already."""
    with step(job, {"page": 1}):
        pass

    with (
        pytest.raises(RecorderUnavailable),
        commit_that_loses_its_reply(database, after=False),
        step(job, {"page": 1}) as session,
    ):
        session.execute(INSERT, {"what": "second"})

    assert effects() == []


def test_a_job_without_a_ledger_has_no_fenced_effect() -> None:
    """It says so instead of writing unfenced."""
    from tests.ledger.rows import claim

    with pytest.raises(LookupError, match="without a ledger"), effect(running(claim(new_job()), None)):
        pass


def test_a_database_that_is_away_is_not_a_failure(ledger: Ledger, job: RunningJob) -> None:
    """Operational errors say "not now"; the engine waits and asks again."""

    def away(*_: object) -> None:
        raise OperationalError("BEGIN", {}, Exception("connection refused"))

    event.listen(db.engine(), "begin", away)

    with pytest.raises(RecorderUnavailable, match="connection refused"):
        ledger.claimed([job.claim])
    with pytest.raises(RecorderUnavailable), effect(job) as ending:
        ending.session.execute(INSERT, {"what": "sales"})

    event.remove(db.engine(), "begin", away)
    assert effects() == []
