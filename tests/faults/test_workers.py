"""Row 1: workers die at random, with their keepers and without; their jobs run again at once, and have one effect."""

from __future__ import annotations

from tests.faults.system import FaultSystem


def test_jobs_of_killed_workers_run_again_at_once(sqlite_system: FaultSystem) -> None:
    """``kill -9`` at random among flaky jobs: the keepers hand them back."""
    system = sqlite_system
    workers = [system.start_worker() for _ in range(2)]
    system.add(*(f"steady-{n}" for n in range(300)), ms=30)
    system.add(*(f"flaky-{n}" for n in range(100)), ms=30, failures=2)

    for _ in range(5):
        system.chance_s(0.3, 0.9)
        system.kill(workers.pop(0))
        workers.append(system.start_worker())
    system.settle()
    account = system.account()

    account.check()
    assert account.reruns_s, "no job was hit"
    assert account.rerun_p95_s <= 2
