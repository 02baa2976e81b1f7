"""Fetching over many runs: each page, report and document once, whatever the waits between."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis

from app.domains.amazon.client import Amazon
from app.domains.amazon.datasets import DAILY, WEEKLY, UnknownDataset, discard, fetch
from app.domains.amazon.errors import AmazonError, BudgetSpent, ReportPending, Wait
from app.domains.amazon.windows import Window
from tests.domains.amazon.conftest import Clock, Line
from tests.domains.amazon.served import Asked, Reply, Served, refusal, said

WEEK = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
ORDERS = "/sp/orders/2026-01-01/orders"
TRANSACTIONS = "/sp/finances/2024-06-19/transactions"
INVENTORY = "/sp/fba/inventory/v1/summaries"
REPORTS = "/sp/reports/2021-06-30/reports"
QUERIES = "/sp/dataKiosk/2023-11-15/queries"
ADS = "/ads/reporting/reports"


def test_pages_fetched_before_the_budget_was_spent_are_not_fetched_again(
    line: Line, served: Served, clock: Clock
) -> None:
    """25 pages with a burst of 20: five waits of a token each, 25 calls, all orders in their order."""
    served.on(ORDERS, _numbered_pages(25, lambda items, token: {"orders": items, "pagination": {"nextToken": token}}))
    state = dict[str, Any]()

    orders, waits = _finish("orders", line(), state, clock)

    assert [order["orderId"] for order in orders] == [str(number) for number in range(25)]
    assert waits == 5
    assert served.count(ORDERS) == 25
    assert len(json.dumps(state)) < 500


def test_what_is_complete_is_given_again_without_a_call(line: Line, served: Served, clock: Clock) -> None:
    """A job parked for its fourth dataset reads the first three from where they lie."""
    served.on(ORDERS, Reply(200, b'{"orders": [{"orderId": "1", "total": 1.10}]}'))
    state = dict[str, Any]()
    first = fetch("orders", line(), WEEK, state)

    again = fetch("orders", line(), WEEK, json.loads(json.dumps(state)))

    assert first == again == [{"orderId": "1", "total": Decimal("1.10")}]
    assert str(again[0]["total"]) == "1.10"
    assert served.count(ORDERS) == 1


def test_parts_that_redis_lost_are_fetched_anew_rather_than_left_out(redis: Redis, line: Line, served: Served) -> None:
    """Half the pages are not the whole; the window is the first call's."""
    served.on(ORDERS, said({"orders": [{"orderId": "1"}]}))
    state = dict[str, Any]()
    fetch("orders", line(), WEEK, state)
    redis.flushall()

    orders = fetch("orders", line(), Window.trailing(WEEK.end, 1), state)

    assert orders == [{"orderId": "1"}]
    starts = [asked.query["createdAfter"] for asked in served.asked if asked.path == ORDERS]
    assert starts == ["2026-03-01T00:00:00Z"] * 2


def test_staged_parts_end_by_themselves_or_when_discarded(redis: Redis, line: Line, served: Served) -> None:
    """After a day, or as soon as the refresh has used them."""
    served.on(ORDERS, said({"orders": [{"orderId": "1"}]}))
    amazon, state = line(), dict[str, Any]()
    fetch("orders", amazon, WEEK, state)
    (key,) = list(redis.scan_iter("amazon:staged:*"))

    assert 86_000 < redis.ttl(key) <= 86_400
    discard(amazon.staging, state)
    assert not redis.exists(key)


def test_no_personal_data_of_buyers_is_asked_for(line: Line, served: Served) -> None:
    """Neither BUYER nor RECIPIENT."""
    served.on(ORDERS, said({"orders": []}))

    fetch("orders", line(), WEEK, {})

    assert served.asked[-1].query["includedData"] == "PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT"


def test_a_stale_token_of_the_orders_starts_them_again(line: Line, served: Served) -> None:
    """What came before it counts once."""
    first = said({"orders": [{"orderId": "1"}], "pagination": {"nextToken": "old"}})
    served.on(ORDERS, first, refusal("InvalidInput", 400, "token"), first, said({"orders": [{"orderId": "2"}]}))

    orders = fetch("orders", line(), WEEK, {})

    assert [order["orderId"] for order in orders] == ["1", "2"]


def test_a_400_to_a_first_page_is_not_taken_for_a_stale_token(line: Line, served: Served) -> None:
    """It is our bug, and would come again."""
    served.on(TRANSACTIONS, refusal("InvalidInput", 400, "Start date cannot be null"))

    with pytest.raises(AmazonError, match="Start date"):
        fetch("transactions", line(), WEEK, {})

    assert served.count(TRANSACTIONS) == 1


def test_a_stale_token_of_the_finances_goes_on_in_two_smaller_windows(line: Line, served: Served) -> None:
    """And a transaction that is in two pages counts once, as it was last seen."""

    def answer(asked: Asked) -> Reply:
        if "nextToken" in asked.query:
            return refusal("InvalidInput", 400, "The token is invalid")
        whole = asked.query["postedBefore"] == "2026-03-08T00:00:00Z" and asked.query["postedAfter"].startswith(
            "2026-03-01"
        )
        if whole:
            return _transactions(("1", "DEFERRED"), token="goes stale")
        early = asked.query["postedAfter"].startswith("2026-03-01")
        return _transactions(("1", "RELEASED")) if early else _transactions(("2", "RELEASED"))

    served.on(TRANSACTIONS, answer)

    transactions = fetch("finances", line(), WEEK, {})

    assert [(item["transactionId"], item["transactionStatus"]) for item in transactions] == [
        ("1", "RELEASED"),
        ("2", "RELEASED"),
    ]
    windows = [(asked.query["postedAfter"], asked.query["postedBefore"]) for asked in served.asked[-2:]]
    assert windows == [
        ("2026-03-01T00:00:00Z", "2026-03-04T12:00:00Z"),
        ("2026-03-04T12:00:00Z", "2026-03-08T00:00:00Z"),
    ]


def test_finances_look_back_48_hours_and_never_into_the_present(line: Line, served: Served, clock: Clock) -> None:
    """Amazon posts up to two days late, and refuses windows that end less than two minutes ago."""
    served.on(TRANSACTIONS, _transactions())

    fetch("finances", line(), Window.trailing(clock.now, 1), {})

    asked = served.asked[-1].query
    assert asked["postedBefore"] == "2026-03-20T11:57:00Z"
    assert asked["postedAfter"] == "2026-03-18T11:57:00Z"


def test_transactions_of_other_marketplaces_are_left_to_their_own_accounts(line: Line, served: Served) -> None:
    """In the US the marketplace cannot be asked for (it hides what sellers ship themselves); elsewhere it is."""
    served.on(
        TRANSACTIONS,
        said(
            {
                "payload": {
                    "transactions": [
                        {"transactionId": "us", "marketplaceDetails": {"marketplaceId": "ATVPDKIKX0DER"}},
                        {"transactionId": "ca", "sellingPartnerMetadata": {"marketplaceId": "A2EUQ1WTGCTBG2"}},
                        {"transactionId": "none", "marketplaceDetails": None},
                    ]
                }
            }
        ),
    )

    transactions = fetch("transactions", line(), WEEK, {})
    fetch("transactions", line(country="CA", marketplace_id="A2EUQ1WTGCTBG2"), WEEK, {})

    assert [item["transactionId"] for item in transactions] == ["us", "none"]
    assert ["marketplaceId" in asked.query for asked in served.asked if asked.path == TRANSACTIONS] == [False, True]


def test_inventory_goes_on_from_the_pagination_beside_its_payload(line: Line, served: Served, clock: Clock) -> None:
    """Two calls at once, and then two a second."""
    served.on(
        INVENTORY,
        _numbered_pages(
            4, lambda items, token: {"payload": {"inventorySummaries": items}, "pagination": {"nextToken": token}}
        ),
    )

    summaries, waits = _finish("inventory", line(), {}, clock)

    assert len(summaries) == 4
    assert waits == 2


def test_a_report_is_created_once_polled_in_growing_steps_and_read_once(
    line: Line, served: Served, clock: Clock
) -> None:
    """5, 10, 20 s; a look before its time makes no call."""
    working = said({"processingStatus": "IN_PROGRESS"})
    served.on(REPORTS, said({"reportId": "R1"}, 202))
    served.on(f"{REPORTS}/R1", working, working, working, said({"processingStatus": "DONE", "reportDocumentId": "D1"}))
    served.on("/sp/reports/2021-06-30/documents/D1", said({"url": f"{served.url}/document"}))
    served.on("/document", Reply(200, b"<xml/>", {}))
    amazon, state, waits = line(), dict[str, Any](), list[timedelta]()

    while True:
        try:
            text = fetch("performance_v1", amazon, WEEK, state)
            break
        except ReportPending as pending:
            waits.append(pending.until - clock.now)
            with pytest.raises(ReportPending):
                fetch("performance_v1", amazon, WEEK, state)
            clock.now = pending.until

    assert text == "<xml/>"
    assert waits == [timedelta(seconds=seconds) for seconds in (5, 10, 20)]
    assert (served.count(REPORTS), served.count(f"{REPORTS}/R1"), served.count("/document")) == (1, 4, 1)


def test_a_report_that_failed_or_was_forgotten_is_asked_for_anew(line: Line, served: Served) -> None:
    """FATAL, then a 404 (Amazon forgot it), then done: three reports."""
    served.on(REPORTS, *(said({"reportId": name}, 202) for name in ("R1", "R2", "R3")))
    served.on(f"{REPORTS}/R1", said({"processingStatus": "FATAL"}))
    served.on(f"{REPORTS}/R3", said({"processingStatus": "CANCELLED"}))
    amazon, state = line(), dict[str, Any]()

    with pytest.raises(AmazonError, match="FATAL") as fatal:
        fetch("performance_v2", amazon, WEEK, state)
    with pytest.raises(AmazonError, match="no longer knows") as forgotten:
        fetch("performance_v2", amazon, WEEK, state)
    report = fetch("performance_v2", amazon, WEEK, state)

    assert fatal.value.transient
    assert forgotten.value.transient
    assert report == {}


def test_a_query_of_two_pages_is_two_queries_each_created_once(line: Line, served: Served, clock: Clock) -> None:
    """The second is created with the first's token and the same query."""
    served.on(QUERIES, said({"queryId": "Q1"}, 202), said({"queryId": "Q2"}, 202))
    done = {"processingStatus": "DONE"}
    served.on(
        f"{QUERIES}/Q1",
        said({"processingStatus": "IN_QUEUE"}),
        said({**done, "dataDocumentId": "D1", "pagination": {"nextToken": "page 2"}}),
    )
    served.on(f"{QUERIES}/Q2", said({"processingStatus": "IN_PROGRESS"}), said({**done, "dataDocumentId": "D2"}))
    for name in ("D1", "D2"):
        served.on(f"/sp/dataKiosk/2023-11-15/documents/{name}", said({"documentUrl": f"{served.url}/{name}"}))
        served.on(f"/{name}", Reply(200, f'{{"msku": "{name}"}}\n{{"amount": 1.10}}\n'.encode(), {}))

    rows, waits = _finish("economics", line(), {}, clock)

    assert rows == [{"msku": "D1"}, {"amount": Decimal("1.10")}, {"msku": "D2"}, {"amount": Decimal("1.10")}]
    assert waits == 2
    created = [asked.json() for asked in served.asked if asked.path == QUERIES]
    assert [body.get("paginationToken") for body in created] == [None, "page 2"]
    assert created[0]["query"] == created[1]["query"]
    assert 'startDate: "2026-03-01" endDate: "2026-03-07"' in created[0]["query"]


def test_a_query_without_data_is_an_empty_answer(line: Line, served: Served) -> None:
    """Amazon then names no document."""
    served.on(QUERIES, said({"queryId": "Q1"}, 202))
    served.on(f"{QUERIES}/Q1", said({"processingStatus": "DONE"}))

    assert fetch("economics", line(), WEEK, {}) == []


def test_ads_of_forty_days_are_two_reports(line: Line, served: Served, clock: Clock) -> None:
    """Amazon makes none of more than 31; the currency is the campaign's, else the marketplace's."""
    served.on(ADS, said({"reportId": "A1", "status": "PENDING"}), said({"reportId": "A2", "status": "PENDING"}))
    for name in ("A1", "A2"):
        served.on(f"{ADS}/{name}", said({"status": "COMPLETED", "url": f"{served.url}/{name}"}))
        served.on(f"/{name}", Reply(200, f'[{{"advertisedSku": "{name}", "cost": 0.10}}]'.encode(), {}))
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC))

    rows = fetch("ads", line(country="GB", region="eu"), window, {})

    assert [(row["advertisedSku"], row["cost"], row["currencyCode"]) for row in rows] == [
        ("A1", Decimal("0.10"), "GBP"),
        ("A2", Decimal("0.10"), "GBP"),
    ]
    spans = [(asked.json()["startDate"], asked.json()["endDate"]) for asked in served.asked if asked.path == ADS]
    assert spans == [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-09")]


def test_an_ads_report_that_is_being_made_already_is_taken_over(line: Line, served: Served) -> None:
    """Its creation was answered, the answer lost: Amazon names it instead of making a second."""
    known = "7c1f3d5e-0a1b-4c2d-8e3f-1234567890ab"
    served.on(ADS, said({"code": "425", "detail": f"The Request is a duplicate of : {known}"}, 425))
    served.on(f"{ADS}/{known}", said({"status": "COMPLETED", "url": f"{served.url}/rows"}))
    served.on("/rows", Reply(200, b"[]", {}))

    assert fetch("ads", line(), WEEK, {}) == []


def test_a_seller_without_a_profile_has_no_ads_and_no_calls(line: Line, served: Served) -> None:
    """Not even for a token."""
    assert fetch("ads", line(ads_profile_id=None), WEEK, {}) == []
    assert served.asked == []


def test_fifty_jobs_of_one_seller_wait_at_fifty_times_and_all_finish(line: Line, served: Served, clock: Clock) -> None:
    """Twenty go at once; the other thirty come back one by one, each once, and find their token."""
    served.on(ORDERS, said({"orders": [{"orderId": "1"}]}))
    waiting = list[tuple[datetime, int, dict[str, Any]]]()
    for number in range(50):
        state = dict[str, Any]()
        try:
            fetch("orders", line(holder=f"job-{number}"), WEEK, state)
        except BudgetSpent as spent:
            waiting.append((spent.until, number, state))

    assert len({until for until, _, _ in waiting}) == len(waiting) == 30
    for until, number, state in sorted(waiting, key=lambda wait: wait[0]):
        clock.now = until
        assert fetch("orders", line(holder=f"job-{number}"), WEEK, state) == [{"orderId": "1"}]
    assert served.count(ORDERS) == 50


def test_a_dataset_nobody_knows_is_refused_by_name(line: Line) -> None:
    """With the names there are."""
    with pytest.raises(UnknownDataset, match="no dataset 'profits'; there are orders, transactions"):
        fetch("profits", line(), WEEK, {})


def test_daily_and_weekly_share_nothing() -> None:
    """Ten datasets, each fetched by one cadence."""
    assert len({*DAILY, *WEEKLY}) == len(DAILY) + len(WEEKLY) == 10


def _finish(dataset: str, amazon: Amazon, state: dict[str, Any], clock: Clock) -> tuple[Any, int]:
    """The payload, and how often it had to be waited for; the state goes through JSON at every wait."""
    kept = state
    for waits in range(50):
        try:
            payload = fetch(dataset, amazon, WEEK, kept)
        except Wait as wait:
            clock.now = wait.until
            kept = json.loads(json.dumps(kept))
        else:
            state.update(kept)
            return payload, waits
    raise AssertionError(f"{dataset} was not there after 50 waits")


def _numbered_pages(count: int, shape: Callable[[list[Any], str | None], Any]) -> Callable[[Asked], Reply]:
    """Pages of one item each; the token is the page's number."""

    def answer(asked: Asked) -> Reply:
        number = int(asked.query.get("paginationToken") or asked.query.get("nextToken") or 0)
        token = str(number + 1) if number + 1 < count else None
        return said(shape([{"orderId": str(number)}], token))

    return answer


def _transactions(*items: tuple[str, str], token: str | None = None) -> Reply:
    transactions = [{"transactionId": name, "transactionStatus": status} for name, status in items]
    return said({"payload": {"transactions": transactions, "nextToken": token}})
