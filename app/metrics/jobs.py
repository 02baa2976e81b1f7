"""What jobs have done so far: counters and histograms from the figures that only grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.crontab.entries import CODE
from app.jobs.catalog import SPECS
from app.jobs.labels import OTHER
from app.ledger.figures.buckets import BOUNDS_MS, LAST
from app.ledger.figures.cell import Cell
from app.ledger.figures.keeping import EVER
from app.ledger.figures.reading import cell_of
from app.ledger.performance import ENDS
from app.ledger.tallies import FINDINGS, read_tallies
from app.models.crontab_entry import CrontabEntry
from app.models.job_figure import JobFigure

#: Every doubling, from 16 ms to 4 h 40 min.
SHOWN = range(BOUNDS_MS.index(16), LAST, 2)
SECOND = 1_000

Cells = Mapping[tuple[str, str], Cell]


def job_metrics(session: Session) -> Iterator[Metric]:
    """A few rows for each job's name, at any number of jobs (S4-10)."""
    cells = _cells(session)
    by_job: dict[str, Cell] = {}
    for (_, job), cell in cells.items():
        by_job.setdefault(job, Cell()).add(cell)
    yield _execution_time(by_job)
    yield _execution_count(by_job)
    labels = ("queue", "job")
    ended = CounterMetricFamily("toril_jobs_ended", "Jobs by their end.", labels=(*labels, "end"))
    crashes = CounterMetricFamily("toril_job_crashes", "Deaths of worker processes charged to jobs.", labels=labels)
    waits = HistogramMetricFamily("toril_job_wait_seconds", "From when it could run to its first run.", labels=labels)
    runs = HistogramMetricFamily("toril_job_run_seconds", "How long its last run took.", labels=labels)
    for names, cell in cells.items():
        for end in ENDS:
            ended.add_metric((*names, end), cell.sums[end])
        crashes.add_metric(names, cell.sums["crashes"])
        waits.add_metric(names, _buckets(cell.waits, SECOND), cell.sums["wait_ms"] / SECOND)
        runs.add_metric(names, _buckets(cell.runs, SECOND), cell.sums["run_ms"] / SECOND)
    yield from (ended, crashes, waits, runs)


def finding_metrics(session: Session) -> Iterator[Metric]:
    """What the reconciler had to mend."""
    found = CounterMetricFamily("toril_reconciler_findings", "Jobs that the reconciler mended.", labels=("finding",))
    tallies = read_tallies(session.connection())
    for name in FINDINGS:
        found.add_metric((name,), tallies[name].count if name in tallies else 0)
    yield found


def _cells(session: Session) -> Cells:
    """By queue and job. Entries of the run time come and go, and are one label together."""
    of_code = select(CrontabEntry.id).where(CrontabEntry.source == CODE)
    names = {*SPECS, *session.scalars(of_code)}
    cells: dict[tuple[str, str], Cell] = {}
    for one in session.scalars(select(JobFigure).where(JobFigure.width_s == EVER)):
        job = one.job if one.job in names else OTHER
        cells.setdefault((one.queue, job), Cell()).add(cell_of(one))
    return cells


def _execution_time(by_job: Mapping[str, Cell]) -> Metric:
    """In milliseconds, as document 004 measures it."""
    family = HistogramMetricFamily("jobExecutionTime", "How long a job's last run took, in ms.", labels=("job_name",))
    for job, cell in by_job.items():
        family.add_metric((job,), _buckets(cell.runs, 1), cell.sums["run_ms"])
    return family


def _execution_count(by_job: Mapping[str, Cell]) -> Metric:
    """Under the document's own name, without the suffix that the library gives counters."""
    family = Metric("jobExecutionCount", "Jobs that have ended; a cancelled one is neither.", "unknown")
    for job, cell in by_job.items():
        good = cell.sums["completed"] + cell.sums["partial"]
        for status, count in (("success", good), ("failure", cell.sums["failed"])):
            family.add_sample("jobExecutionCount", {"job_name": job, "status": status}, count)
    return family


def _buckets(histogram: Mapping[str, int], unit_ms: int) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    below = list(accumulate(histogram.get(str(number), 0) for number in range(LAST + 1)))
    return [*((str(BOUNDS_MS[number] / unit_ms), below[number]) for number in SHOWN), ("+Inf", below[-1])]
