"""``toril enqueue`` and ``toril status``: ask for updates, and see what became of them."""

from __future__ import annotations

import json
from typing import get_args

import click

from app import db
from app.broker.errors import JobNotFound
from app.commands.printing import say, show, show_table
from app.commands.users import find
from app.domains.accounts.marketplaces import MARKETPLACES
from app.domains.accounts.sellers import find_account
from app.jobs.payloads import Cadence
from app.jobs.user_updates import enqueue_user, get_queue_stats
from app.ledger import queries
from app.models.job_status import JobStatus


@click.command()
@click.argument("users", nargs=-1, required=True)
@click.option("--cadence", type=click.Choice(get_args(Cadence)), default="daily", show_default=True)
@click.option("--country", help="Only the account in this country; needs --region.")
@click.option("--region", type=click.Choice(list(MARKETPLACES)))
def enqueue(users: tuple[str, ...], cadence: Cadence, country: str | None, region: str | None) -> None:
    """Refresh USERS (ids or e-mails) now; prints a job id for each."""
    if (country is None) != (region is None):
        raise click.UsageError("--country and --region name an account together: give both or neither")
    with db.reading() as session:
        ids = [find(session, user).id for user in users]
        if country and region:
            for user_id in ids:
                find_account(session, user_id, country, region)
    jobs = [enqueue_user(user_id, cadence=cadence, country=country, region=region) for user_id in ids]
    say("\n".join(jobs), jobs=jobs)


@click.command()
@click.option("--job", "job_id", help="One job, in full.")
@click.option("--user", help="Jobs of this user (id or e-mail).")
@click.option("--failed", is_flag=True, help="Jobs that failed for good, and partial ones.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def status(job_id: str | None, user: str | None, failed: bool, limit: int) -> None:
    """Show what the queue holds and the newest jobs."""
    if job_id is not None:
        _show_job(job_id)
        return
    with db.reading() as session:
        if user is not None:
            jobs = queries.jobs_of_user(find(session, user).id, limit)
        else:
            jobs = queries.failed(limit, include_partial=True) if failed else queries.recent(limit)
        found = session.scalars(jobs).all()
    queue = get_queue_stats()

    def in_words() -> None:
        click.echo("  ".join(f"{name} {value}" for name, value in queue.items()))
        show_table(("JOB", "USER", "STATUS", "ATTEMPTS", "QUEUED", "MS", "ERROR"), list(map(_row, found)))

    show({"queue": queue, "jobs": list(map(queries.as_dict, found))}, in_words)


def _show_job(job_id: str) -> None:
    with db.reading() as session:
        job = session.scalar(queries.job(job_id))
    if job is None:
        raise JobNotFound(None, job_id)
    click.echo(json.dumps(queries.as_dict(job), indent=2, ensure_ascii=False))


def _row(job: JobStatus) -> tuple[object, ...]:
    queued = job.queued_at.isoformat(" ", "seconds").replace("+00:00", "")
    return (
        job.job_id,
        job.user_id,
        job.status,
        f"{job.attempts_made}/{job.attempts}",
        queued,
        job.duration_ms,
        job.error,
    )
