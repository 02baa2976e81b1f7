"""The published usage plans hold, per seller and operation."""

from __future__ import annotations

import pytest

from app.domains.amazon.simulator import Options
from tests.domains.amazon.simulator.seller import SimulatedSeller

ORDERS = "/sp/orders/2026-01-01/orders"
AFTER = {"createdAfter": "2026-03-01T00:00:00Z"}


def statuses(seller: SimulatedSeller, calls: int) -> list[int]:
    """The statuses of so many calls at one moment."""
    return [seller.get(ORDERS, **AFTER).status_code for _ in range(calls)]


def test_a_burst_is_granted_and_the_next_call_is_not() -> None:
    """searchOrders: twenty at once, the twenty-first is refused."""
    assert statuses(SimulatedSeller("1", "US"), 21) == [200] * 20 + [429]


def test_a_token_comes_back_after_its_time() -> None:
    """0.0056 a second is one in 179 seconds."""
    seller = SimulatedSeller("1", "US")
    statuses(seller, 20)

    seller.clock.pass_s(178)
    early = seller.get(ORDERS, **AFTER).status_code
    seller.clock.pass_s(1)

    assert (early, seller.get(ORDERS, **AFTER).status_code) == (429, 200)


def test_a_429_is_as_amazon_sends_it() -> None:
    """Neither a rate nor a Retry-After, but Amazon's code."""
    seller = SimulatedSeller("1", "US")
    statuses(seller, 20)

    refused = seller.get(ORDERS, **AFTER)

    assert refused.get_json()["errors"][0]["code"] == "QuotaExceeded"
    assert not {"x-amzn-ratelimit-limit", "retry-after"} & {name.lower() for name, _ in refused.headers}


def test_the_scale_raises_the_rate_and_says_so() -> None:
    """A thousand times the rate: 5.6 a second, in the header too."""
    seller = SimulatedSeller("1", "US", Options(budget_scale=1_000))
    statuses(seller, 20)

    seller.clock.pass_s(0.2)
    answer = seller.get(ORDERS, **AFTER)

    assert answer.status_code == 200
    assert float(answer.headers["x-amzn-RateLimit-Limit"]) == pytest.approx(5.6)


def test_operations_and_sellers_have_budgets_of_their_own() -> None:
    """One seller's spent orders leave its transactions and the other seller alone."""
    one = SimulatedSeller("1", "US")
    statuses(one, 20)
    other = SimulatedSeller("2", "US")
    other.app, other.http = one.app, one.http
    other.authorise()

    assert one.get("/sp/finances/2024-06-19/transactions").status_code == 200
    assert other.get(ORDERS, **AFTER).status_code == 200
    assert one.get(ORDERS, **AFTER).status_code == 429
