"""How much of the budgets is left, over all sellers."""

from __future__ import annotations

import pytest
from redis import Redis

from app.domains.amazon.budget import Budget
from app.domains.amazon.levels import levels
from app.domains.amazon.operations import GET_REPORT, SEARCH_ORDERS


def test_the_mean_of_what_is_left_and_how_many_have_nothing(redis: Redis) -> None:
    """Of 20 calls one seller has made 5, another is refused: 75 % and none; of 15 a third seller has made 3."""
    budget = Budget(redis)
    for _ in range(5):
        budget.ask("na:A", SEARCH_ORDERS, "job")
    budget.refused("na:B", SEARCH_ORDERS, "job")
    for number in range(3):
        budget.ask("eu:C", GET_REPORT, f"job-{number}")

    found = levels(redis)

    assert set(found) == {"searchOrders", "getReport"}
    orders, reports = found["searchOrders"], found["getReport"]
    assert (orders.sellers, orders.empty) == (2, 1)
    assert orders.left == pytest.approx(0.375)
    assert (reports.sellers, reports.empty) == (1, 0)
    assert reports.left == pytest.approx(12 / 15, abs=1 / 15)  # it fills at two a second


def test_reading_takes_nothing_and_what_is_no_budget_is_passed_by(redis: Redis) -> None:
    """Lines and notes beside the buckets, the mark of a loss, other keys."""
    budget = Budget(redis)
    budget.ask("na:A", SEARCH_ORDERS, "job")
    budget.start_empty()
    redis.set("analysis:7:US:NA", "{}")

    first, second = levels(redis), levels(redis)

    assert set(first) == {"searchOrders"}
    assert first == second


def test_beyond_so_many_keys_it_is_a_sample(redis: Redis) -> None:
    """Redis is not walked from end to end for a gauge."""
    redis.mset({f"analysis:{number}": "{}" for number in range(3_000)})
    budget = Budget(redis)
    for number in range(300):
        budget.ask(f"na:{number}", SEARCH_ORDERS, "job")

    (level,) = levels(redis, looks=1).values()

    assert 0 < level.sellers < 300
    assert level.left == pytest.approx(0.95)
