"""What is much to count is counted once a minute, and no scrape but the first waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from app.metrics.counted import COUNT_EVERY_S, Counted
from tests.servers import wait_for


class Much:
    """Says how often it has been counted; counts only while it may, and not at all while it is away."""

    def __init__(self) -> None:
        self.at = 0.0
        self.times = 0
        self.is_away = False
        self.may = threading.Event()
        self.may.set()
        self._counted = Counted(self._count, lambda: self.at)

    def _count(self) -> Iterator[Metric]:
        self.times += 1
        assert self.may.wait(10), "nobody let it count"
        if self.is_away:
            raise ConnectionError
        yield GaugeMetricFamily("times", "How often.", value=self.times)

    def shown(self, at: float) -> float:
        """By a scrape at that time."""
        self.at = at
        (metric,) = self._counted()
        return float(metric.samples[0].value)


@pytest.fixture
def much() -> Much:
    """Not counted yet."""
    return Much()


def test_it_is_counted_once_a_minute_however_often_it_is_asked_for(much: Much) -> None:
    """A scrape a second."""
    for second in range(60):
        much.shown(second)

    assert much.times == 1


def test_no_scrape_waits_for_a_later_count(much: Much) -> None:
    """It gets the last one, and another the new one as soon as it is there."""
    much.shown(0)
    much.may.clear()

    meanwhile = [much.shown(COUNT_EVERY_S + second) for second in range(3)]
    much.may.set()

    assert meanwhile == [1, 1, 1]
    wait_for(lambda: much.shown(COUNT_EVERY_S + 5) == 2, "the new count to be shown")
    assert much.times == 2


def test_nothing_older_than_two_minutes_is_shown(much: Much) -> None:
    """When nobody has asked for an hour."""
    much.shown(0)

    assert much.shown(3_600) == 2


def test_an_error_is_the_scrapes_and_the_next_counts_again(much: Much) -> None:
    """At once, and not a minute later."""
    much.is_away = True
    with pytest.raises(ConnectionError):
        much.shown(0)
    much.is_away = False

    assert much.shown(1) == 2
