"""When a worker process claims, and how many."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.broker.admission import MOST_UNSETTLED, Admission
from tests.servers import wait_for

NOW = 0.0
LONG_S = 10.0


class Threads:
    """Whether claimed jobs wait for their threads, as a test says it."""

    behind = False

    def wait_for_threads(self) -> bool:
        """What the engine's work queue would say."""
        return self.behind


@pytest.fixture
def threads() -> Threads:
    """Nothing waits for a thread, until a test says so."""
    return Threads()


@pytest.fixture
def admission(threads: Threads) -> Admission:
    """Ten places for jobs of ``q``."""
    return Admission({"q": 10}, threads.wait_for_threads)


@pytest.fixture
def waiting(admission: Admission) -> Callable[[], list[int]]:
    """Starts a claimer that waits for room in ``q``; what it returns fills when that is over."""

    def start() -> list[int]:
        rooms: list[int] = []
        thread = threading.Thread(target=lambda: rooms.append(admission.wait_for_room("q", LONG_S)), daemon=True)
        thread.start()
        return rooms

    return start


def test_one_free_place_is_claimed_at_once_while_all_claimed_jobs_run(admission: Admission) -> None:
    """So that ten slow jobs are always ten."""
    admission.started("q", 10)
    admission.ended("q")

    assert admission.wait_for_room("q", LONG_S) == 1


def test_short_jobs_are_claimed_half_a_queue_at_a_time(
    admission: Admission, threads: Threads, waiting: Callable[[], list[int]]
) -> None:
    """While claimed jobs wait for their threads there is no hurry, and one claim for five jobs is cheaper than five."""
    admission.started("q", 10)
    threads.behind = True
    rooms = waiting()

    for _ in range(4):
        admission.ended("q")
    before_half = list(rooms)
    admission.ended("q")

    wait_for(lambda: rooms, "the claimer to go on")
    assert (before_half, rooms) == ([], [5])


def test_the_last_job_that_gets_its_thread_lets_the_claimer_go_on(
    admission: Admission, threads: Threads, waiting: Callable[[], list[int]]
) -> None:
    """It may take long, and free places must not wait for it."""
    admission.started("q", 10)
    threads.behind = True
    rooms = waiting()
    admission.ended("q")

    threads.behind = False
    admission.look_again()

    wait_for(lambda: rooms, "the claimer to go on")
    assert rooms == [1]


def test_nothing_is_claimed_above_so_many_unsettled_ends(admission: Admission) -> None:
    """While the record or Redis is away, ends gather; claims go on when they are settled."""
    for _ in range(MOST_UNSETTLED):
        admission.ended_without_run()

    assert admission.wait_for_room("q", NOW) == 0
    admission.settled(1)
    assert admission.wait_for_room("q", NOW) == 10


def test_a_suspect_starts_when_nothing_else_runs_and_nothing_is_claimed_beside_it(admission: Admission) -> None:
    """If it kills the process again, no other job is charged."""
    admission.started("q", 1)
    admission.suspect_claimed()

    assert admission.wait_for_room("q", NOW) == 0
    assert not admission.admit_suspect("q", NOW)
    admission.ended("q")
    assert admission.admit_suspect("q", NOW)
    assert admission.wait_for_room("q", NOW) == 0
    admission.ended("q")
    assert admission.wait_for_room("q", NOW) == 10
