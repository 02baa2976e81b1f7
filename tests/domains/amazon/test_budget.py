"""The budget: no more calls than Amazon allows, and a place in the line for everybody who waits."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from redis import Redis

from app.clock import from_ms
from app.domains.amazon.budget import GRACE_MS, Budget
from app.domains.amazon.errors import BudgetSpent
from app.domains.amazon.operations import SEARCH_ORDERS, Operation
from tests.domains.amazon.conftest import Clock

PAIR = Operation("pair", "GET", "/", rate=0.5, burst=2)
ONE_MS = timedelta(milliseconds=1)


@pytest.fixture
def budget(redis: Redis, clock: Clock) -> Budget:
    """A budget whose time is told."""
    return Budget(redis, clock.ms)


def test_a_burst_goes_at_once_and_the_next_waits_a_token(budget: Budget, clock: Clock) -> None:
    """Two at half a token a second: the third waits two seconds."""
    budget.ask("s", PAIR, "a")
    budget.ask("s", PAIR, "b")

    with pytest.raises(BudgetSpent) as spent:
        budget.ask("s", PAIR, "c")

    assert spent.value.until == clock.now + timedelta(seconds=2)
    assert spent.value.operation == "pair"


def test_budgets_of_sellers_and_operations_are_their_own(budget: Budget) -> None:
    """One seller's calls cost another nothing."""
    _drain(budget, PAIR)

    budget.ask("other", PAIR, "x")
    budget.ask("s", SEARCH_ORDERS, "x")

    with pytest.raises(BudgetSpent):
        budget.ask("s", PAIR, "x")


def test_fifty_waiting_jobs_get_fifty_times_a_token_apart(budget: Budget) -> None:
    """Nobody wakes with anybody else."""
    _drain(budget, PAIR)

    times = sorted(_until(budget, f"job-{number}") for number in range(50))

    assert {later - sooner for sooner, later in pairwise(times)} == {timedelta(seconds=2)}


def test_asking_again_early_neither_grants_nor_costs_the_place(budget: Budget) -> None:
    """The same time is told again, and those behind keep theirs."""
    _drain(budget, PAIR)
    first, second = _until(budget, "first"), _until(budget, "second")

    assert _until(budget, "first") == first
    assert _until(budget, "second") == second


def test_a_reserved_token_is_there_at_its_time_and_no_newcomer_takes_it(budget: Budget, clock: Clock) -> None:
    """A newcomer who asks at the very moment goes to the end of the line."""
    _drain(budget, PAIR)
    first, second = _until(budget, "first"), _until(budget, "second")

    clock.now = first
    newcomer = _until(budget, "newcomer")
    budget.ask("s", PAIR, "first")

    assert newcomer == second + timedelta(seconds=2)
    clock.now = second
    budget.ask("s", PAIR, "second")


def test_all_fifty_are_served_at_their_times_one_by_one(budget: Budget, clock: Clock) -> None:
    """In whatever order they were told, each comes once."""
    _drain(budget, PAIR)
    times = {f"job-{number}": _until(budget, f"job-{number}") for number in range(50)}

    for job, at in times.items():
        clock.now = at
        budget.ask("s", PAIR, job)

    with pytest.raises(BudgetSpent):
        budget.ask("s", PAIR, "one more")


def test_one_who_is_late_by_less_than_the_grace_still_goes_before_newcomers(budget: Budget, clock: Clock) -> None:
    """A busy worker does not cost a job its turn."""
    _drain(budget, PAIR)
    clock.now = _until(budget, "late") + timedelta(milliseconds=GRACE_MS) - ONE_MS

    budget.ask("s", PAIR, "newcomer")
    budget.ask("s", PAIR, "late")

    with pytest.raises(BudgetSpent):
        budget.ask("s", PAIR, "another")


def test_the_place_of_one_who_never_comes_back_goes_to_the_next(budget: Budget, clock: Clock) -> None:
    """A removed job holds nobody up for longer than the grace."""
    slow = Operation("slow", "GET", "/", rate=0.001, burst=1)
    budget.ask("s", slow, "taker")
    gone, heir = _until(budget, "gone", slow), _until(budget, "heir", slow)

    clock.now = gone + timedelta(milliseconds=GRACE_MS)

    assert _granted(budget, slow, "heir")
    assert heir > clock.now


def test_many_late_at_once_never_exceed_the_burst(budget: Budget, clock: Clock) -> None:
    """After an hour without workers the bucket holds two tokens, not fifty reserved ones."""
    _drain(budget, PAIR)
    times = [_until(budget, f"job-{number}") for number in range(50)]
    clock.now = times[-1]

    granted = [number for number in range(50) if _granted(budget, PAIR, f"job-{number}")]

    assert len(granted) == 2


@pytest.mark.parametrize("lateness_ms", [0, 40, 700])
def test_everybody_is_served_in_the_end_however_late_they_wake(budget: Budget, clock: Clock, lateness_ms: int) -> None:
    """A bucket of one loses what it cannot hold; the line moves on all the same, first come first."""
    single = Operation("single", "GET", "/", rate=1, burst=1)
    budget.ask("s", single, "taker")
    waiting = {f"job-{number}": _until(budget, f"job-{number}", single) for number in range(20)}
    served: list[str] = []

    for _ in range(200):
        if not waiting:
            break
        job = min(waiting, key=lambda name: waiting[name])
        clock.now = max(clock.now, waiting[job] + timedelta(milliseconds=lateness_ms))
        if _granted(budget, single, job):
            served.append(job)
            del waiting[job]
        else:
            waiting[job] = _until(budget, job, single)

    assert served == [f"job-{number}" for number in range(20)]


def test_the_rate_that_amazon_says_replaces_the_published_one(budget: Budget, clock: Clock) -> None:
    """At two a second the next token is half a second away."""
    _drain(budget, PAIR)

    budget.learn("s", PAIR, "2.0")

    assert _until(budget, "a") == clock.now + timedelta(milliseconds=500)


@pytest.mark.parametrize("limit", [None, "", "fast", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_positive_number_changes_nothing(budget: Budget, clock: Clock, limit: str | None) -> None:
    """Rates of zero would divide by it; of infinity, never wait."""
    _drain(budget, PAIR)

    budget.learn("s", PAIR, limit)

    assert _until(budget, "a") == clock.now + timedelta(seconds=2)


def test_a_refusal_empties_the_bucket_and_waits_longer_each_time(budget: Budget, clock: Clock) -> None:
    """A token (2 s) and a pause of 1, 2, 4 s; the refused call keeps the first place."""
    budget.ask("s", PAIR, "a")

    waits = [budget.refused("s", PAIR, "a", jitter=1).until - clock.now for _ in range(3)]

    assert waits == [timedelta(seconds=seconds) for seconds in (3, 4, 6)]
    assert _until(budget, "b") == clock.now + timedelta(seconds=8)
    clock.pass_s(6)
    budget.ask("s", PAIR, "a")


def test_a_good_answer_ends_the_lengthening(budget: Budget, clock: Clock) -> None:
    """The next refusal starts at one second again."""
    budget.ask("s", PAIR, "a")
    for _ in range(3):
        budget.refused("s", PAIR, "a", jitter=1)

    budget.learn("s", PAIR, None)

    assert budget.refused("s", PAIR, "a", jitter=1).until == clock.now + timedelta(seconds=3)


def test_pauses_are_jittered(budget: Budget, clock: Clock) -> None:
    """Sellers refused in one moment do not come back in one."""
    for number in range(20):
        budget.ask(f"s{number}", PAIR, "a")

    waits = {budget.refused(f"s{number}", PAIR, "a").until - clock.now for number in range(20)}

    assert len(waits) > 10
    assert all(timedelta(seconds=2.5) <= wait <= timedelta(seconds=3.501) for wait in waits)


def test_after_a_loss_of_redis_buckets_start_empty(redis: Redis, budget: Budget, clock: Clock) -> None:
    """Amazon has not forgotten what was spent; as time passes they fill as always."""
    redis.flushall()
    budget.start_empty()

    assert _until(budget, "a") == clock.now + timedelta(seconds=2)
    clock.pass_s(4)
    budget.ask("another", PAIR, "a")
    budget.ask("another", PAIR, "b")
    with pytest.raises(BudgetSpent):
        budget.ask("another", PAIR, "c")


def test_every_key_has_an_end(redis: Redis, budget: Budget) -> None:
    """A seller who left leaves nothing; the slowest bucket lives as long as it takes to fill it."""
    for _ in range(25):
        _granted(budget, SEARCH_ORDERS, "a")
    for number in range(5):
        _until(budget, f"job-{number}", SEARCH_ORDERS)
    budget.refused("s", SEARCH_ORDERS, "a")
    budget.learn("s", SEARCH_ORDERS, "0.01")
    budget.start_empty()

    lives = {key: redis.ttl(key) for key in redis.scan_iter()}

    assert len(lives) == 4
    assert all(20 / 0.01 <= ttl < 86_400 for ttl in lives.values()), lives


def test_eight_threads_never_exceed_the_rate_by_redis_own_clock(redis: Redis) -> None:
    """In any stretch of time at most burst + rate × length calls are granted; asked without a pause, for a second."""
    fast = Operation("fast", "GET", "/", rate=100, burst=10)
    budget = Budget(redis)
    grants: list[tuple[float, float]] = []
    end = time.monotonic() + 1

    def press(worker: int) -> None:
        number = 0
        while (asked := time.monotonic()) < end:
            if _granted(budget, fast, f"{worker}-{number}"):
                grants.append((asked, time.monotonic()))
                number += 1

    threads = [threading.Thread(target=press, args=[worker]) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for start, _ in grants:
        ends = sorted(answered for asked, answered in grants if asked >= start)
        assert all(count <= fast.burst + fast.rate * (at - start + 0.01) for count, at in enumerate(ends, start=1))
    assert len(grants) > 50


def _drain(budget: Budget, operation: Operation) -> None:
    for number in range(operation.burst):
        budget.ask("s", operation, f"before-{number}")


def _until(budget: Budget, holder: str, operation: Operation = PAIR) -> datetime:
    with pytest.raises(BudgetSpent) as spent:
        budget.ask("s", operation, holder)
    return spent.value.until


def _granted(budget: Budget, operation: Operation, holder: str) -> bool:
    try:
        budget.ask("s", operation, holder)
    except BudgetSpent:
        return False
    return True


def test_times_are_those_of_redis(redis: Redis) -> None:
    """Without a told time, the wait counts from Redis TIME, whatever this machine's clock says."""
    budget = Budget(redis)
    _drain(budget, PAIR)

    until = _until(budget, "a")

    seconds, microseconds = redis.time()
    now = from_ms(seconds * 1000 + microseconds // 1000)
    assert timedelta(seconds=1) < until - now <= timedelta(seconds=2.01)


def test_what_is_left_is_told_without_taking_any(budget: Budget, clock: Clock, redis: Redis) -> None:
    """Untouched budgets are full; the rest fill as time passes, up to their burst."""
    other = Operation("other", "GET", "/", rate=1, burst=7)
    _drain(budget, PAIR)
    with pytest.raises(BudgetSpent):
        budget.ask("s", PAIR, "waiting")
    before = redis.hgetall("amazon:budget:s:pair")

    at_once = budget.left("s", [PAIR, other])
    clock.now += timedelta(seconds=2)
    later = budget.left("s", [PAIR])
    clock.now += timedelta(hours=1)
    much_later = budget.left("s", [PAIR])

    assert [(one.operation, one.calls, one.burst, one.waiting, one.touched) for one in at_once] == [
        ("pair", 0, 2, 1, True),
        ("other", 7, 7, 0, False),
    ]
    assert [one.calls for one in (*later, *much_later)] == [1, 2]
    assert redis.hgetall("amazon:budget:s:pair") == before
