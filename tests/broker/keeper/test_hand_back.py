"""What a keeper does with its worker's jobs when the worker dies."""

from __future__ import annotations

import os
import signal
import time

from redis import Redis

from tests.broker.keeper.conftest import LONG_MS, QUEUE, QueueInRedis, StartWorker, is_dead
from tests.servers import wait_for


def test_a_killed_workers_jobs_wait_again_before_their_lease_is_over_in_their_old_order(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """They come before the jobs that were never claimed."""
    for job_id in ("a", "b", "c"):
        queue.add(job_id)
    worker = start_worker(lock_ms=LONG_MS)
    worker.run()
    worker.run()

    worker.kill()

    wait_for(lambda: not queue.active(), "the hand-back")
    assert queue.waiting() == ["a", "b", "c"]
    assert queue.lock("a") is None
    assert queue.has_marker()


def test_only_a_started_job_is_charged_with_the_crash(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """A job that only waited inside the worker cannot have killed it."""
    queue.add("started")
    queue.add("held")
    worker = start_worker()
    worker.run()
    worker.claim()

    worker.kill()

    wait_for(lambda: not queue.active(), "the hand-back")
    assert (queue.crashes("started"), queue.crashes("held")) == (1, 0)
    assert queue.events("started")[-2:] == ["waiting", "stalled"]
    assert queue.events("held")[-1] == "waiting"
    assert queue.verdict("started") is None


def test_a_job_whose_run_is_over_is_not_charged(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """Its end may wait for the database as long as it takes: the job is not what kills the worker."""
    queue.add("over")
    queue.add("running")
    worker = start_worker()
    worker.tell("end", QUEUE, worker.run())
    worker.run()

    worker.kill()

    wait_for(lambda: not queue.active(), "the hand-back")
    assert (queue.crashes("over"), queue.crashes("running")) == (0, 1)


def test_a_job_whose_run_is_over_has_no_limit_any_more(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """The database was away for longer than the job may run: that must not fail what has been done."""
    queue.add("over")
    queue.add("stuck")
    worker = start_worker()
    worker.tell("end", QUEUE, worker.run(hard_limit_ms=300))
    worker.run(hard_limit_ms=600)

    wait_for(lambda: queue.waiting() == ["over", "stuck"], "the end of the worker")

    assert queue.verdict("over") is None
    assert (queue.verdict("stuck") or "").startswith("ran past its hard limit of 600 ms")


def test_a_settled_job_stays_where_it_went(redis: Redis, queue: QueueInRedis, start_worker: StartWorker) -> None:
    """Its claim was over before the crash."""
    queue.add("settled")
    queue.add("running")
    worker = start_worker()
    worker.run()
    worker.run()
    redis.lrem(queue.keys["active"], 1, "settled")
    redis.delete(queue.keys.lock("settled"))
    worker.tell("settle", QUEUE, "settled")

    worker.kill()

    wait_for(lambda: not queue.active(), "the hand-back")
    assert queue.waiting() == ["running"]
    assert queue.crashes("settled") == 0


def test_the_second_crash_fails_the_job_with_worker_time_and_cause(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """The verdict is left for the next claim, so that the end goes through the ledger as always."""
    queue.add("poison")
    for name in ("first", "second"):
        worker = start_worker(max_stalled=1)
        worker.run()
        worker.kill()
        wait_for(lambda: queue.waiting() == ["poison"], f"the hand-back of the {name} crash")

    verdict = queue.verdict("poison")

    assert queue.crashes("poison") == 2
    assert verdict is not None
    assert verdict.startswith("worker w2 died at 20")
    assert verdict.endswith("Z while running it (killed or exited), and so had 1 before")


def test_a_claim_that_the_worker_had_no_time_to_tell_of_goes_back_too(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Its token names the worker. What a worker with a longer name holds is not touched."""
    for job_id in ("untold", "other"):
        queue.add(job_id)
    worker = start_worker(queues=[QUEUE], lock_ms=LONG_MS)
    worker.tell("claim_in_secret", QUEUE)
    redis.lmove(queue.keys["wait"], queue.keys["active"])
    redis.set(queue.keys.lock("other"), "w11:1", px=60_000)

    worker.kill()

    wait_for(lambda: queue.waiting() == ["untold"], "the hand-back")
    assert queue.crashes("untold") == 0
    assert queue.active() == ["other"]


def test_of_untold_claims_only_what_had_started_is_charged(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """Short runs are not told of, for it would cost more than they; the slate has them."""
    for job_id in ("over", "started", "held", "secret"):
        queue.add(job_id)
    worker = start_worker(queues=[QUEUE], tell_after_s=60)
    worker.tell("end", QUEUE, worker.run())
    worker.run()
    worker.claim()
    worker.tell("claim_in_secret", QUEUE)

    worker.kill()

    wait_for(lambda: len(queue.waiting()) == 4, "the hand-back")
    assert [queue.crashes(job_id) for job_id in ("over", "started", "held", "secret")] == [0, 1, 0, 0]


def test_a_worker_that_goes_mute_at_once_is_ended_at_the_limit(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """A job that holds the interpreter from its first moment lets nobody tell of it: its keeper finds out by itself."""
    queue.add("stuck")
    queue.add("innocent")
    worker = start_worker(queues=[QUEUE], tell_after_s=60)
    worker.run(hard_limit_ms=2_500)
    worker.run(hard_limit_ms=60_000)

    wait_for(lambda: queue.waiting() == ["stuck", "innocent"], "the end of the worker")

    assert is_dead(worker.pid)
    assert (queue.verdict("stuck") or "").startswith("ran past its hard limit of 2500 ms")
    assert queue.verdict("innocent") is None
    assert (queue.crashes("stuck"), queue.crashes("innocent")) == (0, 0)


def test_a_worker_that_dies_before_its_keeper_is_up_loses_nothing(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """What it said waits in the pipe."""
    queue.add("a")
    worker = start_worker(at_once=True)
    worker.run()

    worker.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert queue.crashes("a") == 1


def test_a_death_after_stopping_charges_nobody(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """A supervisor that loses patience in a shutdown is no job's fault."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    worker.tell("stop")

    worker.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert queue.crashes("a") == 0
    assert "stalled" not in queue.events("a")


def test_prioritized_jobs_go_to_the_front_of_their_priority_with_a_marker(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """BullMQ's own script would write no marker, and an idle worker would sleep on."""
    for job_id in ("a", "b", "c"):
        queue.add(job_id, priority=5)
    worker = start_worker()
    assert worker.run() == "a"
    redis.delete(queue.keys["marker"])

    worker.kill()

    wait_for(lambda: queue.prioritized() == ["a", "b", "c"], "the hand-back")
    assert queue.waiting() == []
    assert queue.has_marker()


def test_a_paused_queue_gets_its_jobs_back_without_a_marker(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Nobody may wake for them."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    redis.hset(queue.keys["meta"], "paused", "1")
    redis.delete(queue.keys["marker"])

    worker.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert not queue.has_marker()


def test_a_job_that_another_token_locks_is_left_alone(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """It has been claimed again by somebody."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    redis.set(queue.keys.lock("a"), "somebody", px=60_000)

    worker.kill()

    wait_for(lambda: is_dead(worker.keeper), "the keeper to end")
    assert queue.active() == ["a"]
    assert queue.lock("a") == "somebody"


def test_a_removed_job_does_not_come_back_as_a_ghost(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Its id alone in the list would be claimed as a job without data."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    redis.delete(queue.keys["a"])

    worker.kill()

    wait_for(lambda: not queue.active(), "the hand-back")
    assert queue.waiting() == []
    assert not redis.exists(queue.keys["a"])


def test_a_forked_child_that_lives_on_delays_nothing(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """It does not hold the pipe: its parent's death is seen all the same."""
    queue.add("a")
    worker = start_worker(lock_ms=LONG_MS)
    worker.run()
    child = worker.tell("fork")

    worker.kill()

    try:
        wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_fatal_signal_is_named_as_the_cause(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """faulthandler's last words come through the pipe."""
    queue.add("a")
    worker = start_worker(report_faults=True, max_stalled=0)
    worker.run()

    worker.tell("crash")

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert "(Segmentation fault)" in (queue.verdict("a") or "")


def test_a_worker_whose_pipe_closes_is_killed_before_its_jobs_go_back(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Otherwise they would run twice at once."""
    queue.add("a")
    worker = start_worker()
    worker.run()

    worker.tell("close_pipe")

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert is_dead(worker.pid)


def test_a_worker_can_hand_back_by_itself_uncharged(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """A graceful shutdown does not wait for its keeper; what was handed back is not handed back again."""
    queue.add("a")
    worker = start_worker()
    worker.run()

    assert worker.tell("hand_back", QUEUE, "a") is True

    assert queue.waiting() == ["a"]
    assert queue.crashes("a") == 0
    assert worker.tell("hand_back", QUEUE, "a") is False


def test_a_closed_worker_may_exit_and_its_keeper_goes(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """With nothing held, neither kills the other."""
    worker = start_worker()

    worker.tell("close")

    assert is_dead(worker.keeper)
    assert not is_dead(worker.pid)


def test_jobs_still_held_at_close_are_handed_back_after_the_exit(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """A finish that could not be confirmed in time is nobody's crash."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    worker.tell("close")
    assert queue.active() == ["a"]

    worker.process.communicate()  # its input ends, and so does it

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert worker.process.returncode == 0
    assert queue.crashes("a") == 0


def test_a_job_past_its_hard_limit_ends_its_worker_and_fails(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """A thread that a C call holds cannot be ended in any other way; the others are innocent."""
    queue.add("stuck")
    queue.add("innocent")
    worker = start_worker()
    worker.run(hard_limit_ms=300)
    worker.run(hard_limit_ms=60_000)

    wait_for(lambda: queue.waiting() == ["stuck", "innocent"], "the end of the worker")

    assert is_dead(worker.pid)
    assert (queue.verdict("stuck") or "").startswith("ran past its hard limit of 300 ms; worker w1 died at 20")
    assert queue.verdict("innocent") is None
    assert (queue.crashes("stuck"), queue.crashes("innocent")) == (0, 0)


def test_the_death_of_the_master_ends_the_worker(queue: QueueInRedis, start_worker: StartWorker) -> None:
    """The supervisor starts a new master: the orphan would go on beside it."""
    queue.add("a")
    worker = start_worker(under_master=True)
    worker.run()

    worker.process.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert queue.crashes("a") == 0


def test_an_orphan_that_ignores_sigterm_is_killed_after_the_grace(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """It hangs in its shutdown."""
    queue.add("a")
    worker = start_worker(under_master=True, grace_s=0.3)
    worker.run()
    worker.tell("ignore_sigterm")
    began = time.monotonic()

    worker.process.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert time.monotonic() - began >= 0.3
    assert queue.crashes("a") == 0
