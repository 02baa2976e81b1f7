"""A queue as its producers and operators use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.errors import InvalidName, JobLocked, JobNotFound
from app.broker.job_options import JobOptions
from app.broker.options import backoff_ms, exponential, fixed, keep_jobs
from app.broker.queue import Queue
from app.broker.recorder import NewJob


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """An empty queue."""
    return Queue("mail", broker=broker)


def test_a_job_stands_in_redis_as_bullmq_writes_it(queue: Queue, redis: Redis) -> None:
    """The layout is BullMQ's: Node reads this hash and this list."""
    job_id = queue.add("send", {"to": "7"}, attempts=4, backoff=exponential(2_000))

    stored = redis.hgetall(f"test:mail:{job_id}")
    assert stored["name"] == "send"
    assert stored["data"] == '{"to":"7"}'
    assert redis.lrange("test:mail:wait", 0, -1) == [job_id]
    assert redis.zrange("test:mail:marker", 0, -1) == ["0"]


def test_ids_count_up_and_an_own_id_is_kept(queue: Queue) -> None:
    """Custom ids say what a job is; the others are BullMQ's counter."""
    ids = [queue.add("send", {}), queue.add("send", {}, job_id="daily-7-20260101T09")]

    assert ids[1] == "daily-7-20260101T09"
    assert ids[0].isdigit()


def test_the_same_id_is_one_job(queue: Queue) -> None:
    """An id that exists is left as it is."""
    queue.add("send", {"to": "first"}, job_id="once")

    queue.add("send", {"to": "second"}, job_id="once")

    job = queue.get_job("once")
    assert job is not None
    assert job.data == {"to": "first"}
    assert queue.get_job_counts()["waiting"] == 1


def test_the_counter_passes_over_an_id_that_is_taken(queue: Queue) -> None:
    """BullMQ would write the new job over the one that somebody called 2."""
    queue.add("send", {"to": "first"}, job_id="2")

    ids = [queue.add("send", {"to": "second"}), queue.add("send", {"to": "third"})]

    assert ids == ["3", "4"]
    assert [job.data["to"] for job in queue.get_jobs(["waiting"], asc=True)] == ["first", "second", "third"]


def test_an_unknown_option_is_refused(queue: Queue) -> None:
    """A typing error must not be a job that is not delayed."""
    with pytest.raises(TypeError, match="'dealy_ms'; it has delay_ms, priority"):
        queue.add("send", {}, dealy_ms=5)  # type: ignore[call-arg]  # what a type checker would have found

    assert queue.get_job_counts()["waiting"] == 0


def test_a_generator_is_read_as_the_adds_go_on(queue: Queue) -> None:
    """A producer of a million jobs holds a few hundred; what is for BullMQ's scripts goes in between."""
    waiting: list[int] = []

    def jobs() -> Iterator[NewJob]:
        for n in range(2_000):
            waiting.append(queue.get_job_counts()["waiting"])
            options: JobOptions = {"deduplication": {"id": "once"}} if n in (700, 701) else {}
            yield queue.new_job("send", {"n": n}, job_id=f"j{n}", **options)

    added = queue.add_bulk(jobs())

    assert added == [f"j{n}" for n in range(2_000) if n != 701]
    assert waiting[-1] >= 500
    assert [job.id for job in queue.get_jobs(["waiting"], 0, -1, asc=True)] == added


def test_a_name_that_is_no_job_stops_no_neighbour(queue: Queue) -> None:
    """BullMQ refuses no id that names a key of the queue."""
    queue.add("send", {"n": 0})
    jobs = [queue.new_job("send", {"n": n}, job_id=job_id) for n, job_id in enumerate(("a", "wait", "b"), start=1)]

    added = queue.add_bulk(jobs)

    assert added == ["a", "b"]
    assert [job.data["n"] for job in queue.get_jobs(["waiting"], asc=True)] == [0, 1, 3]


def test_each_state_is_counted(queue: Queue) -> None:
    """Waiting, prioritized and delayed are apart, as in BullMQ."""
    queue.add("send", {})
    queue.add("send", {}, priority=5)
    queue.add("send", {}, delay_ms=60_000)

    counts = queue.get_job_counts()

    assert (counts["waiting"], counts["prioritized"], counts["delayed"]) == (1, 1, 1)


def test_many_jobs_are_added_in_one_call(queue: Queue) -> None:
    """More than one pipeline's worth, in order, each once."""
    jobs = [queue.new_job("send", {"n": n}, job_id=f"j{n}") for n in range(1_201)]

    added = queue.add_bulk(jobs)

    assert added == [f"j{n}" for n in range(1_201)]
    assert queue.get_job_counts()["waiting"] == 1_201


@pytest.mark.parametrize("name", ["", "a:b"])
def test_a_name_that_would_break_the_keys_is_refused(broker: BullMQBroker, queue: Queue, name: str) -> None:
    """BullMQ refuses colons in queue names and custom ids."""
    with pytest.raises(InvalidName):
        Queue(name, broker=broker)
    with pytest.raises(InvalidName):
        queue.add("send", {}, job_id=name)


def test_a_removed_job_is_gone(queue: Queue) -> None:
    """And removing it again says so."""
    job_id = queue.add("send", {})

    queue.remove(job_id)

    assert queue.get_job(job_id) is None
    with pytest.raises(JobNotFound, match=job_id):
        queue.remove(job_id)


def test_a_running_job_is_not_removed(queue: Queue, redis: Redis) -> None:
    """Whoever holds its lock is told, not robbed."""
    job_id = queue.add("send", {})
    redis.set(f"test:mail:{job_id}:lock", "somebody")

    with pytest.raises(JobLocked):
        queue.remove(job_id)

    assert queue.get_job(job_id) is not None


def test_a_paused_queue_says_so(queue: Queue) -> None:
    """Pause and resume are BullMQ's."""
    queue.pause()
    paused = queue.is_paused()
    queue.resume()

    assert (paused, queue.is_paused()) == (True, False)


def test_progress_data_and_logs_are_written_to_the_job(queue: Queue) -> None:
    """What a running job may say of itself."""
    job_id = queue.add("send", {"to": "7"})

    queue.update_progress(job_id, {"done": 1, "of": 3})
    queue.update_data(job_id, {"to": "8"})
    lines = [queue.log(job_id, "first"), queue.log(job_id, "second")]

    job = queue.get_job(job_id)
    assert job is not None
    assert (job.progress, job.data) == ({"done": 1, "of": 3}, {"to": "8"})
    assert lines == [1, 2]
    assert queue.get_logs(job_id) == ["first", "second"]


def test_writing_to_a_job_that_is_gone_says_so(queue: Queue) -> None:
    """Nothing is written in silence."""
    for write in (queue.update_progress, queue.update_data):
        with pytest.raises(JobNotFound, match="nobody"):
            write("nobody", 1)


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (exponential(2_000), [2_000, 4_000, 8_000]),
        (fixed(500), [500, 500, 500]),
        (750, [750, 750, 750]),
        (None, [0, 0, 0]),
    ],
)
def test_backoff_is_exact(backoff: object, waits: list[int]) -> None:
    """CONTRACTS C1: delay(n) = base * 2^(n-1), no jitter."""
    assert [backoff_ms({"backoff": backoff}, attempt) for attempt in (1, 2, 3)] == waits


def test_retention_takes_each_of_bullmqs_forms() -> None:
    """True removes at once, a number keeps that many, absent keeps all, age and count trim together."""
    assert keep_jobs(True) == {"count": 0}
    assert keep_jobs(10) == {"count": 10}
    assert keep_jobs(None) == {"count": -1}
    assert keep_jobs({"age": 86_400, "count": 1_000}) == {"age": 86_400, "count": 1_000}
