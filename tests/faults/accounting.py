"""What the journal, the rows and Redis say of the same jobs, laid side by side."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

from sqlalchemy import Engine, select

from app.broker.queue import Queue
from app.models.job_status import JobStatus, Status
from tests.faults import effects
from tests.faults.journal import Line, read

#: Each row's end, in Redis' words.
IN_REDIS = {
    Status.COMPLETED: "completed",
    Status.PARTIAL: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
}
MEANT_TO_FAIL = ("poison", "hog")
SHOWN = 10


@dataclass(frozen=True, slots=True)
class JobRow:
    """What matters here of a row of ``job_status``."""

    name: str
    status: str
    crashes: int
    error: str | None


Rows = Mapping[str, JobRow]


@dataclass(frozen=True, slots=True)
class Account:
    """One queue's jobs, compared. Lists hold job ids, with what is wrong behind a colon.

    ``lost``: accepted, and without an end, a row or an effect (I1, I3). ``doubled``: more than one effect (I2).
    ``stuck``: still waiting or active in Redis (I3, I5). ``disagreeing``: row, journal and queue say different things
    (I4). ``charged``: failed for the death of a worker that, by the journal, was not running it. ``crashes`` as the
    rows count them. ``reruns_s``: from each kill to the next start of each job that was running.
    """

    accepted: int
    completed: int
    failed: int
    starts: Counter[str]
    crashes: Mapping[str, int]
    lost: Sequence[str]
    doubled: Sequence[str]
    stuck: Sequence[str]
    disagreeing: Sequence[str]
    charged: Sequence[str]
    reruns_s: Sequence[float]

    def check(self, *, hosts_are_lost: bool = False) -> None:
        """AssertionError, with the first jobs of each kind, unless all invariants hold.

        Where ``hosts_are_lost``, a job that four of them held has failed: nobody can tell it from poison.
        """
        wrong = {
            kind: list(found)
            for kind in ("lost", "doubled", "stuck", "disagreeing", *(() if hosts_are_lost else ("charged",)))
            if (found := getattr(self, kind))
        }
        assert not wrong, "; ".join(f"{kind} {len(ids)}: {', '.join(ids[:SHOWN])}" for kind, ids in wrong.items())

    @property
    def rerun_p95_s(self) -> float:
        """0 when nothing had to run again."""
        if len(self.reruns_s) < 2:
            return max(self.reruns_s, default=0.0)
        return quantiles(self.reruns_s, n=20, method="inclusive")[-1]

    @property
    def rerun_max_s(self) -> float:
        """0 when nothing had to run again."""
        return max(self.reruns_s, default=0.0)

    def __str__(self) -> str:
        return (
            f"{self.accepted} accepted, {self.completed} completed, {self.failed} failed, {self.starts.total()} starts;"
            f" lost {len(self.lost)}, doubled {len(self.doubled)}, stuck {len(self.stuck)},"
            f" disagreeing {len(self.disagreeing)}, charged {len(self.charged)};"
            f" {len(self.reruns_s)} re-runs, p95 {self.rerun_p95_s:.2f} s, max {self.rerun_max_s:.2f} s"
        )


def take_account(journal: Path, engine: Engine, queue: Queue) -> Account:
    """Compare them as they stand now: call it when all is quiet, or to see what is not."""
    lines = read(journal)
    rows = _rows(engine, queue.name)
    had = effects.count(engine)
    accepted = {line.key for line in lines if line.event == "accepted"} | set(rows)
    cut = _cut_runs(lines)
    states = _states(queue, sorted(accepted))
    return Account(
        accepted=len(accepted),
        completed=sum(row.status == Status.COMPLETED for row in rows.values()),
        failed=sum(row.status == Status.FAILED for row in rows.values()),
        starts=Counter(line.key for line in lines if line.event == "start"),
        crashes={job_id: row.crashes for job_id, row in rows.items()},
        lost=sorted(_lost(accepted, rows, had)),
        doubled=[f"{job_id}: {count} effects" for job_id, count in sorted(had.items()) if count > 1],
        stuck=[f"{job_id}: {state}" for job_id, state in states.items() if state not in (None, "completed", "failed")],
        disagreeing=sorted(_disagreeing(lines, rows, had, states)),
        charged=sorted(_charged(rows, cut)),
        reruns_s=sorted(_reruns(lines, cut)),
    )


def _rows(engine: Engine, queue: str) -> Rows:
    wanted = select(JobStatus.job_id, JobStatus.name, JobStatus.status, JobStatus.crashes, JobStatus.error)
    with engine.connect() as connection:
        found = connection.execute(wanted.where(JobStatus.queue == queue).order_by(JobStatus.id))
        return {job_id: JobRow(name, status, crashes, error) for job_id, name, status, crashes, error in found}


def _lost(accepted: set[str], rows: Rows, had: Counter[str]) -> Iterator[str]:
    for job_id in accepted:
        row = rows.get(job_id)
        if row is None:
            yield f"{job_id}: no row"
        elif row.status not in IN_REDIS:
            yield f"{job_id}: its row is {row.status}"
        elif row.status == Status.COMPLETED and not had[job_id]:
            yield f"{job_id}: completed without its effect"


def _disagreeing(
    lines: Sequence[Line],
    rows: Rows,
    had: Counter[str],
    states: Mapping[str, str | None],
) -> Iterator[str]:
    told = {line.key for line in lines if line.event == "effect"}
    yield from (f"{job_id}: the journal has an effect that SQL has not" for job_id in told if not had[job_id])
    for job_id, row in rows.items():
        state, meant = states[job_id], IN_REDIS.get(Status(row.status))
        if state in ("completed", "failed") and state != meant:
            yield f"{job_id}: {row.status} in its row, {state} in Redis"
        if had[job_id] and row.status != Status.COMPLETED:
            yield f"{job_id}: {row.status}, with an effect"


def _charged(rows: Rows, cut: Sequence[Line]) -> Iterator[str]:
    hit = {(line.key, line.pid) for line in cut}
    for job_id, row in rows.items():
        innocent = row.status == Status.FAILED and row.name not in MEANT_TO_FAIL
        if innocent and (job_id, _dead(row.error or "")) not in hit:
            yield f"{job_id}: {row.error}"


def _dead(error: str) -> int:
    """The pid in the name of the worker that the error blames; 0 when it blames none."""
    blamed = re.search(r"worker \S+-(\d+)-\w+ died", error)
    return int(blamed[1]) if blamed else 0


def _cut_runs(lines: Sequence[Line]) -> list[Line]:
    """The starts that no end follows in the same process."""
    runs: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line.event in ("start", "end"):
            runs[line.process, line.key].append(line)
    return [
        line
        for of_one in runs.values()
        for line, after in pairwise([*of_one, None])
        if line is not None and line.event == "start" and (after is None or after.event == "start")
    ]


def _reruns(lines: Sequence[Line], cut: Sequence[Line]) -> Iterator[float]:
    kills: dict[str, list[float]] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        if line.event == "fault":
            kills[line.detail].append(line.at)
        elif line.event == "start":
            starts[line.key].append(line.at)
    for run in cut:
        killed_at = next((at for at in kills[str(run.pid)] if at >= run.at), None)
        if killed_at is not None:
            again_at = next((at for at in starts[run.key] if at > killed_at), None)
            if again_at is not None:
                yield again_at - killed_at


def _states(queue: Queue, job_ids: Sequence[str]) -> dict[str, str | None]:
    """Where each job is in Redis; None for one that is not there."""
    return {job_id: queue.job_state(job_id) for job_id in job_ids}
