"""Every run has a number of its own, and only the last one may end its job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from msgspec.structs import replace
from sqlalchemy import Engine, event, update

from app import db
from app.broker.recorder import Ended, EndKind, Start
from app.clock import from_ms
from app.ledger.recorder import Ledger
from app.ledger.rows import job_status
from app.models.job_status import Status
from tests.ledger.rows import NINE_MS, all_attempts, all_rows, claim, end, new_job, only_row, promised, started


def test_a_claim_starts_the_row_under_a_number(ledger: Ledger) -> None:
    """The first run is 1, and the row says who runs it since when."""
    claimed = promised(ledger, new_job())

    start = started(ledger, claimed)

    row = only_row()
    assert start == Start(row.id, run=1, checkpoint=None)
    assert (row.status, row.worker, row.started_at) == (Status.ACTIVE, "w1", from_ms(claimed.claimed_ms))


def test_a_job_of_another_producer_gets_its_row_at_first_sight(ledger: Ledger) -> None:
    """A Node producer keeps no record; from its claim on the job is as safe as any other."""
    foreign = claim(new_job("12", data={"user_id": "8", "text": "NUL \0 and lone \ud800"}))

    start = started(ledger, foreign)

    row = only_row()
    assert (start.row, start.run, row.job_id, row.user_id) == (row.id, 1, "12", "8")
    assert row.data == {"user_id": "8", "text": "NUL \0 and lone \ud800"}


def test_odd_jobs_do_not_fail_those_claimed_with_them(ledger: Ledger) -> None:
    """Whatever a foreign producer wrote into a timestamp, an id, the data or a limit."""
    good = new_job("good")
    odd = [
        new_job("later", added_ms=10**17),
        new_job("before", added_ms=-5),
        new_job("nothing", data=None),
        new_job("list", data=[1, 2]),
        new_job("name", name="NUL \0 name"),
        new_job("id \0 \ud800"),
        new_job("many", attempts=10**30),
        new_job("user", data={"user_id": "u" * 10_000}),
    ]

    verdicts = ledger.claimed([claim(job) for job in (*odd, good)])

    assert all(isinstance(verdict, Start) for verdict in verdicts)
    assert len({verdict.row for verdict in verdicts if isinstance(verdict, Start)}) == len(odd) + 1


def test_a_job_whose_key_no_index_can_hold_fails_alone(ledger: Ledger) -> None:
    """With a reason, and without a row."""
    good, long, late = new_job("good"), new_job("x" * 300), new_job("late", added_ms=10**30)

    verdicts = ledger.claimed([claim(good), claim(long), claim(late)])

    assert isinstance(verdicts[0], Start)
    assert all(isinstance(verdict, Ended) and verdict.kind is EndKind.FAILED for verdict in verdicts[1:])
    assert len(all_rows()) == 1


def test_a_second_claim_gets_the_next_number_and_the_checkpoint(ledger: Ledger) -> None:
    """The worker of the first died: its number owns nothing any more."""
    claimed = promised(ledger, new_job())
    first = started(ledger, claimed)
    with db.engine().begin() as connection:
        connection.execute(update(job_status).values(checkpoint={"done": ["US"]}))

    second = started(ledger, replace(claimed, worker="w2", crashes=1))
    owned = ledger.before_settle([end(claimed, first), end(claimed, second)])

    assert (second.run, second.checkpoint) == (2, {"done": ["US"]})
    assert list(owned) == [False, True]
    assert [attempt.run for attempt in all_attempts()] == [2]


def test_two_claims_at_once_get_two_numbers(ledger: Ledger) -> None:
    """The fence holds when the claims race."""
    claimed = promised(ledger, new_job())

    with ThreadPoolExecutor(2) as threads:
        starts = list(threads.map(lambda _: started(Ledger(), claimed), range(2)))

    assert sorted(start.run for start in starts) == [1, 2]
    assert only_row().run == 2


def test_two_workers_that_settle_one_job_end_it_once(ledger: Ledger) -> None:
    """Whoever comes first: only the later run owns the job."""
    claimed = promised(ledger, new_job())
    starts = [started(ledger, claimed), started(ledger, claimed)]
    ends = [end(claimed, start, return_value=start.run) for start in starts]

    with ThreadPoolExecutor(2) as threads:
        owned = list(threads.map(lambda one: Ledger().before_settle([one])[0], ends))

    assert owned == [False, True]
    assert only_row().return_value == 2


def test_a_completed_end_is_the_rows(ledger: Ledger) -> None:
    """With its value, its times and one attempt."""
    claimed = promised(ledger, new_job())

    ledger.before_settle([end(claimed, started(ledger, claimed), return_value={"sales": "12.50"})])

    row = only_row()
    assert (row.status, row.return_value, row.duration_ms) == (Status.COMPLETED, {"sales": "12.50"}, 2_000)
    assert row.completed_at == row.ended_at == from_ms(NINE_MS + 3_000)
    assert (row.failed_at, row.error, row.settled_at) == (None, None, None)
    assert [(attempt.run, attempt.kind) for attempt in all_attempts()] == [(1, "completed")]


def test_an_ended_row_is_not_opened_by_its_own_run(ledger: Ledger) -> None:
    """Its worker ended it, and handed it back at the shutdown."""
    claimed = promised(ledger, new_job())
    start = started(ledger, claimed)
    ledger.before_settle([end(claimed, start)])

    ledger.before_settle([end(claimed, start, EndKind.RELEASED)])

    assert only_row().status == Status.COMPLETED
    assert only_row().ended_at is not None


def test_an_attempt_says_which_version_ran(ledger: Ledger) -> None:
    """After a rolling deploy it tells whose error it is."""
    claimed = promised(ledger, new_job())

    ledger.before_settle([end(claimed, started(ledger, claimed))])

    assert all_attempts()[0].version == version("toril")


def test_ends_and_confirmations_of_earlier_ends_share_a_commit(ledger: Ledger) -> None:
    """Redis has settled the first while the second ran."""
    first, second = promised(ledger, new_job("1")), promised(ledger, new_job("2"))
    earlier = end(first, started(ledger, first))
    ledger.before_settle([earlier])

    ledger.before_settle([end(second, started(ledger, second))], confirmed=[earlier])

    assert [row.settled_at is not None for row in all_rows()] == [True, False]


def test_a_failed_end_keeps_its_reason_and_where_it_was_raised(ledger: Ledger) -> None:
    """NULs and lone surrogates in it are replaced, not refused: PostgreSQL cannot keep them."""
    claimed = promised(ledger, new_job())
    failed = end(claimed, started(ledger, claimed), EndKind.FAILED, reason="no \0 \ud800 seller", stacktrace="File …")

    ledger.before_settle([failed])

    row = only_row()
    assert (row.status, row.error) == (Status.FAILED, "no \ufffd \ufffd seller")
    assert row.failed_at == row.ended_at
    assert all_attempts()[0].stacktrace == "File …"


def test_a_retry_waits_open_with_its_attempt_used(ledger: Ledger) -> None:
    """Due when the engine runs it again."""
    claimed = promised(ledger, new_job())
    due_ms = NINE_MS + 5_000

    ledger.before_settle([end(claimed, started(ledger, claimed), EndKind.RETRYING, reason="503", due_ms=due_ms)])

    row = only_row()
    assert (row.status, row.due_at, row.attempts_made, row.error) == (Status.DELAYED, from_ms(due_ms), 1, "503")
    assert row.ended_at is None


def test_a_parked_and_a_released_run_use_no_attempt(ledger: Ledger) -> None:
    """Waiting for a budget is nobody's failure, a shutdown neither."""
    parked, released = promised(ledger, new_job("p")), promised(ledger, new_job("r"))
    ends = [
        end(parked, started(ledger, parked), EndKind.PARKED, reason="budget", due_ms=NINE_MS + 60_000),
        end(released, started(ledger, released), EndKind.RELEASED),
    ]

    ledger.before_settle(ends)

    found = [(row.status, row.attempts_made, row.error) for row in all_rows()]
    assert found == [(Status.DELAYED, 0, None), (Status.WAITING, 0, None)]


def test_ends_written_twice_are_owned_twice_and_one(ledger: Ledger) -> None:
    """The reply to the first COMMIT was lost, so the engine asks again with the same ends."""
    first, second = promised(ledger, new_job("1")), promised(ledger, new_job("2"))
    ends = [
        end(first, started(ledger, first)),
        end(second, started(ledger, second), EndKind.RETRYING, due_ms=NINE_MS + 9_000),
    ]
    ledger.before_settle(ends)

    again = ledger.before_settle(ends)

    assert list(again) == [True, True]
    assert len(all_attempts()) == 2


def test_a_job_that_ended_unconfirmed_is_settled_from_its_row(ledger: Ledger) -> None:
    """The worker died between SQL and Redis: the next claim finds the end, and nothing runs."""
    done, failed = promised(ledger, new_job("1")), promised(ledger, new_job("2"))
    ends = [
        end(done, started(ledger, done), return_value=[1]),
        end(failed, started(ledger, failed), EndKind.FAILED, reason="no"),
    ]
    ledger.before_settle(ends)

    verdicts = ledger.claimed([done, failed])

    assert list(verdicts) == [Ended(EndKind.COMPLETED, return_value=[1]), Ended(EndKind.FAILED, reason="no")]


def test_a_job_that_ended_confirmed_was_retried_by_hand(ledger: Ledger) -> None:
    """Bull Board moved it back to wait: its row opens again under a new number (R6)."""
    claimed = promised(ledger, new_job())
    failed = end(claimed, started(ledger, claimed), EndKind.FAILED, reason="no")
    ledger.before_settle([failed])
    ledger.settled([failed])

    again = started(ledger, claimed)

    row = only_row()
    assert (again.run, row.run, row.status) == (2, 2, Status.ACTIVE)
    assert (row.ended_at, row.settled_at, row.failed_at, row.error) == (None, None, None, None)


def test_an_end_read_from_its_row_is_confirmed_by_the_jobs_name(ledger: Ledger) -> None:
    """The engine settles it without a run of its own."""
    claimed = promised(ledger, new_job())
    ledger.before_settle([end(claimed, started(ledger, claimed))])
    from_row = end(claimed, None, recorded=True)

    owned = ledger.before_settle([from_row])
    ledger.settled([from_row])

    assert list(owned) == [True]
    assert only_row().settled_at is not None


def test_a_zombies_confirmation_does_not_settle_a_later_runs_end(ledger: Ledger) -> None:
    """Else a lost finish of the later run would pass for a retry by hand, and have its effect twice."""
    claimed = promised(ledger, new_job())
    zombie, later = started(ledger, claimed), started(ledger, claimed)
    ledger.before_settle([end(claimed, later)])

    ledger.settled([end(claimed, zombie)])

    assert only_row().settled_at is None


def test_our_own_retry_opens_the_newest_row_of_the_id(ledger: Ledger) -> None:
    """Before Redis runs it again; an older job of the same id stays ended."""
    for job in (new_job("1"), new_job("1", added_ms=NINE_MS + 1)):
        claimed = promised(ledger, job)
        ledger.before_settle([end(claimed, started(ledger, claimed), EndKind.FAILED, reason="no")])

    ledger.before_retry("user-updates", ["1"])

    old, new = all_rows()
    assert (old.status, new.status, new.ended_at) == (Status.FAILED, Status.WAITING, None)
    assert started(ledger, claimed).run == 2


def test_a_removed_job_does_not_run_even_if_redis_kept_it(ledger: Ledger) -> None:
    """A worker claimed it just before the removal."""
    claimed = promised(ledger, new_job())
    ledger.before_remove("user-updates", ["1"])

    (verdict,) = ledger.claimed([claimed])

    assert verdict == Ended(EndKind.FAILED, reason="removed")


def test_a_cancelled_job_that_waits_ends_at_once(ledger: Ledger) -> None:
    """And if a worker has it in its hands already, it fails there with the reason."""
    claimed = promised(ledger, new_job())

    ledger.before_cancel("user-updates", "1", "no longer wanted")
    (verdict,) = ledger.claimed([claimed])

    row = only_row()
    assert (row.status, row.error) == (Status.CANCELLED, "no longer wanted")
    assert verdict == Ended(EndKind.FAILED, reason="no longer wanted")


def test_a_cancelled_job_that_runs_ends_cancelled_with_its_run(ledger: Ledger) -> None:
    """Failed in Redis, cancelled here; unless it completed first."""
    stopped, finished = promised(ledger, new_job("1")), promised(ledger, new_job("2"))
    starts = [started(ledger, stopped), started(ledger, finished)]
    for job_id in ("1", "2"):
        ledger.before_cancel("user-updates", job_id, "enough")

    ends = [end(stopped, starts[0], EndKind.FAILED, reason="enough"), end(finished, starts[1])]
    owned = ledger.before_settle(ends)

    assert list(owned) == [True, True]
    assert [row.status for row in all_rows()] == [Status.CANCELLED, Status.COMPLETED]


def test_a_cancelled_job_that_got_away_ends_at_its_next_claim(ledger: Ledger) -> None:
    """Its worker died before it heard of it."""
    claimed = promised(ledger, new_job())
    started(ledger, claimed)
    ledger.before_cancel("user-updates", "1", "enough")

    (verdict,) = ledger.claimed([claimed])

    assert verdict == Ended(EndKind.FAILED, reason="enough")
    assert only_row().status == Status.CANCELLED


def test_a_batch_of_claims_and_one_of_ends_are_one_statement_each(ledger: Ledger, database: Engine) -> None:
    """And on PostgreSQL one round trip each; SQLite knows no WITH … UPDATE, and has no round trips."""
    claims = [promised(ledger, new_job(str(number))) for number in range(20)]
    sent: list[str] = []
    event.listen(database, "before_cursor_execute", lambda _connection, _cursor, statement, *_: sent.append(statement))
    event.listen(database, "commit", lambda _connection: sent.append("COMMIT"))

    starts = ledger.claimed(claims)
    ends = [end(claimed, start) for claimed, start in zip(claims, starts, strict=True) if isinstance(start, Start)]
    ledger.before_settle(ends[:10])
    ledger.before_settle(ends[10:], confirmed=ends[:10])

    rows = all_rows()
    assert [row.settled_at is not None for row in rows] == [True] * 10 + [False] * 10
    assert len(all_attempts()) == 20
    assert len([row for row in rows if row.status == Status.COMPLETED]) == 20
    if database.dialect.name == "postgresql":
        assert [statement.split()[0] for statement in sent[:3]] == ["UPDATE", "WITH", "WITH"]
        assert "COMMIT" not in sent[:3]
