"""While a part of our own is away a refresh waits: no account has failed, and no attempt is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Engine

from app import db
from app.broker.errors import Park
from app.broker.recorder import RecorderUnavailable
from app.domains.refresh.user import AWAY_FOR, refresh_user
from app.settings import settings
from tests.domains.refresh.conftest import NINE, Jobs, SimulatedAmazon
from tests.domains.refresh.left import statuses
from tests.ledger.rows import Silent, only_row
from tests.servers import RedisServer, redis_server


@pytest.fixture
def cache(settled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """The cache has a server of its own, which can be stopped."""
    with redis_server(tmp_path) as server:
        monkeypatch.setenv("CACHE_REDIS_URL", server.url)
        settings.cache_clear()
        yield server
    settings.cache_clear()


def test_a_refresh_waits_for_the_caches_redis(cache: RedisServer, jobs_on_both: Jobs) -> None:
    """Even in its last attempt, and however often it looks; then it does everything."""
    job = jobs_on_both.add()
    cache.kill()

    for _ in range(3):
        with pytest.raises(Park, match="the cache's Redis cannot be used") as parked:
            job.run(attempt=4)
    while_it_was_away = only_row().account_errors, statuses("DE")
    cache.start()
    result = job.run(attempt=4)

    assert parked.value.until == NINE + AWAY_FOR
    assert while_it_was_away == (None, {})
    assert result["status"] == "completed"


class Killing(Silent):
    """Stops a server when the first of three accounts is done."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def update_progress(self, job_id: str, progress: Any) -> None:
        """A third."""
        if progress == 33:
            self._server.kill()


def test_what_was_done_before_the_outage_is_not_done_again(
    cache: RedisServer, jobs: Jobs, amazon: SimulatedAmazon
) -> None:
    """The account that was ready stays so."""
    job = jobs.add()
    job.writer = Killing(cache)
    with pytest.raises(Park):
        job.run(attempt=4)
    before = amazon.calls()
    cache.start()
    job.writer = Silent()

    result = job.run(attempt=4)

    called_again = {seller for (seller, _), count in amazon.calls().items() if count > before.get((seller, _), 0)}
    assert result["status"] == "completed"
    assert called_again == {"SJP", "SUS"}


def test_a_refresh_waits_for_the_database(sqlite_database: Engine) -> None:
    """The engine parks what raises this."""
    path = Path(str(sqlite_database.url.database))
    db.engine().dispose()
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    path.mkdir()

    with pytest.raises(RecorderUnavailable, match="cannot be used now"):
        refresh_user("7")


class Unheard(Silent):
    """Whoever keeps the progress is away."""

    def update_progress(self, job_id: str, progress: Any) -> None:
        """Not now."""
        raise RedisConnectionError("away")


def test_progress_that_cannot_be_told_stops_nothing(jobs: Jobs) -> None:
    """It is news, not work."""
    job = jobs.add()
    job.writer = Unheard()

    assert job.run()["status"] == "completed"
