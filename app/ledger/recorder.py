"""The ledger, as the engine's recorder: each of its calls is one transaction of a few statements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from app import db
from app.broker.recorder import Claim, End, Ended, EndKind, NewJob, Start, Verdict
from app.clock import utc_now
from app.ledger.confirmations import Confirmations
from app.ledger.ends import cancel, fence_of, may_be_at_once, remove, settle, supersede, write_at_once, write_ends
from app.ledger.errors import unavailable_when_operational
from app.ledger.promises import confirm, promise
from app.ledger.rows import Key, has_storable_key, key_of
from app.ledger.settings import keep_setting
from app.ledger.starts import judge, reopen, start
from app.models.job_status import KEY_LENGTH

Job = TypeVar("Job", NewJob, Claim)

#: Stands for the row of a job that has none.
UNRECORDED = Start(row=0, run=0)


class Ledger:
    """Implements ``app.broker.recorder.Recorder``. Raises RecorderUnavailable while the database is away.

    Jobs with an ``unrecorded`` name have no row: a beat is nobody's promise. Adds are confirmed ``confirm_within_s``
    seconds later, many in one commit, so that one add costs one commit.
    """

    def __init__(
        self,
        unrecorded: Collection[str] = (),
        engine: Callable[[], Engine] = db.engine,
        now: Callable[[], datetime] = utc_now,
        confirm_within_s: float = 0,
    ) -> None:
        self._unrecorded = frozenset(unrecorded)
        self._engine = engine
        self._now = now
        self._turn = threading.Lock()
        self.confirmations = Confirmations(self._confirm, confirm_within_s)

    def before_add(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Write the promises; returns those to add now, as they were promised first."""
        recorded = self._recorded(jobs)
        unrecorded = [job for job in jobs if job.name in self._unrecorded]
        if not recorded:
            return unrecorded
        with self._transaction() as connection:
            return unrecorded + promise(connection, recorded)

    def added(self, jobs: Sequence[NewJob]) -> None:
        """These adds are confirmed by Redis."""
        if recorded := self._recorded(jobs):
            self.confirmations.put(recorded)

    def not_added(self, jobs: Sequence[NewJob]) -> None:
        """Their promises end ``removed``: Redis holds another job in the place of each."""
        if recorded := self._recorded(jobs):
            with self._transaction() as connection:
                supersede(connection, recorded, self._now())

    def claimed(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Number the runs; one verdict per claim, in order."""
        recorded = [claim for claim in self._recorded(claims) if has_storable_key(claim)]
        verdicts: dict[Key, Verdict] = {}
        if recorded:
            with self._at_once() as connection:
                verdicts = start(connection, recorded)
        if left := [claim for claim in recorded if key_of(claim) not in verdicts]:
            with self._transaction() as connection:
                verdicts |= judge(connection, left)
        return [verdicts.get(key_of(claim)) or self._without_row(claim) for claim in claims]

    def before_settle(self, ends: Sequence[End], confirmed: Sequence[End] = ()) -> Sequence[bool]:
        """Write the ends; False for a run that no longer owns its job. ``confirmed`` are settled in the same commit."""
        to_write = [end for end in ends if end.start and end.start.row and not end.recorded]
        to_confirm = self._of_recorded_jobs(confirmed)
        if not to_write and not to_confirm:
            return [True] * len(ends)
        if self._engine().dialect.name == "postgresql" and may_be_at_once(to_write, to_confirm):
            with self._at_once() as connection:
                if write_at_once(connection, to_write, to_confirm, self._now()):
                    return [True] * len(ends)
        with self._transaction() as connection:
            owners = write_ends(connection, to_write) if to_write else set()
            if to_confirm:
                settle(connection, to_confirm, self._now())
        lost = {id(end) for end in to_write if fence_of(end) not in owners}
        return [id(end) not in lost for end in ends]

    def settled(self, ends: Sequence[End]) -> None:
        """These ends of jobs are confirmed by Redis."""
        if recorded := self._of_recorded_jobs(ends):
            with self._transaction() as connection:
                settle(connection, recorded, self._now())

    def before_remove(self, queue: str, job_ids: Sequence[str]) -> None:
        """These jobs are about to be removed on purpose."""
        with self._transaction() as connection:
            remove(connection, queue, job_ids, self._now())

    def before_setting(self, queue: str, name: str, value: Any) -> None:
        """An operator is about to change this setting."""
        with self._transaction() as connection:
            keep_setting(connection, queue, name, value)

    def before_cancel(self, queue: str, job_id: str, reason: str) -> None:
        """This job is about to be cancelled."""
        with self._transaction() as connection:
            cancel(connection, queue, job_id, reason, self._now())

    def before_retry(self, queue: str, job_ids: Sequence[str]) -> None:
        """These ended jobs are about to be run again on purpose."""
        with self._transaction() as connection:
            reopen(connection, queue, job_ids)

    def _confirm(self, jobs: Sequence[NewJob]) -> None:
        with self._transaction() as connection:
            confirm(connection, jobs, self._now())

    def _recorded(self, jobs: Sequence[Job]) -> list[Job]:
        return [job for job in jobs if job.name not in self._unrecorded]

    def _of_recorded_jobs(self, ends: Sequence[End]) -> list[End]:
        return [end for end in ends if end.claim.name not in self._unrecorded]

    @staticmethod
    def _without_row(claim: Claim) -> Verdict:
        if has_storable_key(claim):
            return UNRECORDED
        return Ended(EndKind.FAILED, reason=f"the job's id has {len(claim.id)} characters; {KEY_LENGTH} are allowed")

    @contextmanager
    def _at_once(self) -> Iterator[Connection]:
        """For one statement, a transaction of its own: PostgreSQL is asked once instead of three times."""
        engine = self._engine()
        if engine.dialect.name == "sqlite":
            with self._transaction() as connection:
                yield connection
            return
        with unavailable_when_operational(), engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        engine = self._engine()
        # SQLite has one writer, and whoever finds it busy sleeps: a process's own writers take turns instead.
        turn = self._turn if engine.dialect.name == "sqlite" else nullcontext()
        with unavailable_when_operational(), turn, engine.begin() as connection:
            yield connection
