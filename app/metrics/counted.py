"""What is too much to count for every scrape: all users' freshness, all sellers' API budgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from prometheus_client.core import GaugeMetricFamily, Metric

from app import db
from app.broker.connection import connect
from app.clock import utc_now
from app.domains.amazon.levels import levels
from app.domains.refresh.lateness import late_by_dataset
from app.domains.slots import stats
from app.settings import settings

COUNT_EVERY_S = 60.0

Counting = Future[Sequence[Metric]]


class Counted:
    """Metrics that are a minute old or two: counted once a minute, beside the scrapes. Only the first waits for it.

    So does one after nobody has asked for two minutes: what is shown is never older than that.
    """

    def __init__(self, count: Callable[[], Iterator[Metric]], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(1)
        self._counted: Counting | None = None
        self._counting: Counting | None = None
        self._at = 0.0

    def __call__(self) -> Sequence[Metric]:
        """What was found last. Raises whatever the counting raises, and counts again at the next call."""
        with self._turn:
            age = self._clock() - self._at
            if self._counting is not None and self._counting.done():
                self._counted, self._counting = self._counting, None
            if self._counted is not None and (self._counted.exception() or age >= 2 * COUNT_EVERY_S):
                self._counted = None
            if self._counting is None and (self._counted is None or age >= COUNT_EVERY_S):
                self._counting, self._at = self._pool.submit(lambda: tuple(self._count())), self._clock()
            shown = self._counted or self._counting
        return shown.result() if shown else ()


def count_users() -> Iterator[Metric]:
    """Users by how fresh their data is, by cadence and by dataset."""
    users = GaugeMetricFamily("toril_users", "Users by how fresh their data is.", labels=("cadence", "freshness"))
    late = GaugeMetricFamily("toril_late_users", "Users whose data is older than promised.", labels=("dataset",))
    oldest = GaugeMetricFamily(
        "toril_oldest_late_data_seconds", "Age of the stalest user's late data.", labels=("dataset",)
    )
    now = utc_now()
    with db.reading() as session:
        for cadence, freshness in (("daily", stats.daily_freshness), ("weekly", stats.weekly_freshness)):
            found = freshness(session, now)
            for name, count in (("fresh", found.fresh), ("late", found.late), ("never", found.never)):
                users.add_metric((cadence, name), count)
        for one in late_by_dataset(session, now):
            late.add_metric((one.dataset,), one.users)
            oldest.add_metric((one.dataset,), (now - one.oldest).total_seconds() if one.oldest else 0)
    yield from (users, late, oldest)


def count_budgets() -> Iterator[Metric]:
    """Amazon's budgets by operation, over the sellers that have called lately. Raises redis.RedisError."""
    labels = ("operation",)
    left = GaugeMetricFamily("toril_amazon_budget_left_ratio", "Mean share of the budgets left.", labels=labels)
    empty = GaugeMetricFamily("toril_amazon_budget_empty", "Sellers' budgets without a call left.", labels=labels)
    for operation, level in levels(connect(settings().cache_redis_url)).items():
        left.add_metric((operation,), level.left)
        empty.add_metric((operation,), level.empty)
    yield from (left, empty)
