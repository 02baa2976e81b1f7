"""One queue paused and resumed by hand, on both kinds of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import emergency
from app.crontab.emergency import EverythingStopped
from app.crontab.pausing import pause_queue, resume_queue
from app.ledger import audit
from app.ledger.settings import settings_by_queue


def kept() -> object:
    """Whether SQL has the queue paused."""
    with db.reading() as session:
        return settings_by_queue(session.connection()).get("user-updates", {}).get("paused")


def test_pauses_at_once_are_one_pause_each_on_the_trail(queue: Queue) -> None:
    """Two operators see the same trouble."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda by: pause_queue(queue, by=by, at=utc_now()), "1234"))

    with db.reading() as session:
        by = {act.actor for act in session.scalars(audit.trail("queue user-updates"))}
    assert (queue.is_paused(), kept(), by) == (True, True, {"1", "2", "3", "4"})


def test_of_a_pause_and_a_resume_at_once_one_is_last_in_sql_and_in_redis(queue: Queue) -> None:
    """Whichever it is: a restart of Redis changes nothing."""
    pause_queue(queue, by="1", at=utc_now())

    for turn in range(10):
        acts = (resume_queue, pause_queue) if turn % 2 else (pause_queue, resume_queue)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda act: act(queue, by="1", at=utc_now()), acts))

        assert queue.is_paused() == bool(kept())


def test_an_emergency_stop_is_resumed_by_its_restart_alone(queue: Queue) -> None:
    """And what was paused by hand meanwhile stays so."""
    emergency.stop_everything(by="1", at=utc_now())

    with pytest.raises(EverythingStopped):
        resume_queue(queue, by="2", at=utc_now())
    pause_queue(queue, by="2", at=utc_now())
    emergency.restart(by="1", at=utc_now())

    assert (queue.is_paused(), kept()) == (True, True)
