"""What a refresh fetches, by name: each dataset complete, or a wait that loses nothing of what is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from app.domains.amazon import ads, calls, data_kiosk, documents, reports
from app.domains.amazon.client import Amazon
from app.domains.amazon.errors import AmazonError
from app.domains.amazon.pagination import Page, query_pages
from app.domains.amazon.staging import Parts, Staging, State
from app.domains.amazon.windows import Window

DAILY = ("orders", "transactions", "economics", "ads")
WEEKLY = ("performance_v1", "performance_v2", "finances", "inventory", "sales_traffic", "sales_totals")

# Amazon wants the ends of its windows two minutes in the past.
SETTLED = timedelta(minutes=3)
# Finances lag: a window that only reached back to yesterday would miss what is posted late.
FINANCES_LAG = timedelta(hours=48)
_SMALLEST_WINDOW = timedelta(hours=1)
_MOST_RESTARTS = 3


class UnknownDataset(ValueError):
    """No dataset has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no dataset {name!r}; there are {', '.join((*DAILY, *WEEKLY))}")


def fetch(dataset: str, amazon: Amazon, window: Window, state: State) -> Any:
    """The payload of a dataset: a list of rows, or one document (performance_v1 a str of XML, the others dicts).

    Raises Wait (BudgetSpent, ReportPending): keep ``state`` and call again with it from ``until`` on; what was
    fetched is not fetched again, not even once all is there, and the first call's window holds. Raises
    AccountRevoked and AmazonError, after which ``state`` may be kept or emptied.
    """
    known = _DATASETS.get(dataset)
    if known is None:
        raise UnknownDataset(dataset)
    parts = _resumed(amazon, window, state)
    if not state.get("done"):
        known.gather(amazon, Window.from_state(state["window"]), state, parts)
        state["done"] = True
    return known.whole(parts.all())


def discard(staging: Staging, state: State) -> None:
    """Free what a fetch staged; without this it goes by itself after a day."""
    if "staged_as" in state:
        staging.drop(state["staged_as"])


def _resumed(amazon: Amazon, window: Window, state: State) -> Parts:
    """Where the last call stopped; at the start, with the same window, if its parts are gone."""
    state.setdefault("window", window.before(amazon.now() - SETTLED).to_state())
    parts = Parts(amazon.staging, state)
    if parts.get() is None:
        kept = state["window"]
        state.clear()
        state["window"] = kept
        parts = Parts(amazon.staging, state)
    return parts


def _gather_orders(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    _gather(state, parts, partial(calls.search_orders, amazon, window))


def _gather_inventory(amazon: Amazon, _window: Window, state: State, parts: Parts) -> None:
    _gather(state, parts, partial(calls.inventory, amazon))


def _gather_economics(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    query = data_kiosk.economics_query(amazon.seller.marketplace_id, window)
    _gather(state, parts, partial(query_pages, partial(data_kiosk.run_query, amazon, query, state)))


def _gather(state: State, parts: Parts, pages: Callable[[str | None], Iterator[Page]]) -> None:
    """All pages from where the state is. A token that went stale starts the whole again, three times at most."""
    while True:
        try:
            _keep(state, parts, pages(state.get("token")))
            return
        except AmazonError as error:
            restarts = state.get("restarts", 0)
            if not _is_stale_token(error, state) or restarts == _MOST_RESTARTS:
                raise
            state.update(token=None, parts=0, restarts=restarts + 1)


def _gather_transactions(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    """Window by window: where a token went stale (they last minutes), on in two halves of that window.

    Pages of the broken window stay; whoever is in two pages counts once.
    """
    todo = state.setdefault("windows", [window.at_least(FINANCES_LAG).to_state()])
    while todo:
        current = Window.from_state(todo[0])
        try:
            _keep(state, parts, calls.list_transactions(amazon, current, state.get("token")))
            todo.pop(0)
        except AmazonError as error:
            if not _is_stale_token(error, state) or current.length < 2 * _SMALLEST_WINDOW:
                raise
            todo[:1] = [half.to_state() for half in current.halves()]
        state["token"] = None


def _gather_ads(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    """A report for every 31 days; nothing for a seller without a profile."""
    if amazon.seller.ads_profile_id is None:
        return
    for piece in list(window.split(ads.LONGEST_REPORT_DAYS))[state["parts"] :]:
        parts.add(ads.fetch_advertised_products(amazon, piece, state))


def _gather_metrics(amazon: Amazon, window: Window, _state: State, parts: Parts) -> None:
    parts.add(calls.order_metrics(amazon, window))


def _gather_performance_v1(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    """XML as it came: Amazon publishes no sample of it, so nothing is taken out of it here."""
    parts.add(reports.fetch_report(amazon, "GET_V1_SELLER_PERFORMANCE_REPORT", window, state))


def _gather_performance_v2(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    text = reports.fetch_report(amazon, "GET_V2_SELLER_PERFORMANCE_REPORT", window, state)
    parts.add(documents.parse("downloadReport", text) if text else {})


def _gather_sales_traffic(amazon: Amazon, window: Window, state: State, parts: Parts) -> None:
    options = {"dateGranularity": "DAY", "asinGranularity": "SKU"}
    text = reports.fetch_report(amazon, "GET_SALES_AND_TRAFFIC_REPORT", window, state, options)
    parts.add(documents.parse("downloadReport", text) if text else {})


def _keep(state: State, parts: Parts, pages: Iterator[Page]) -> None:
    for page in pages:
        parts.add(page.items)
        state["token"] = page.next_token


def _is_stale_token(error: AmazonError, state: State) -> bool:
    """A 400 to a first page is a bug of ours; to a later one, the same arguments did before."""
    return error.status == 400 and state.get("token") is not None


def _joined(parts: list[Any]) -> list[Any]:
    return [row for part in parts for row in part]


def _distinct(key: str, parts: list[Any]) -> list[Any]:
    """Each row once, as it was last seen (a deferred transaction is released under its id); all that have no id."""
    by_id: dict[object, Any] = {}
    for number, row in enumerate(_joined(parts)):
        by_id[row.get(key) or number] = row
    return list(by_id.values())


def _only(parts: list[Any]) -> Any:
    return parts[0]


@dataclass(frozen=True, slots=True)
class _Dataset:
    gather: Callable[[Amazon, Window, State, Parts], None]
    whole: Callable[[list[Any]], Any]


_DATASETS = {
    "orders": _Dataset(_gather_orders, partial(_distinct, "orderId")),
    "transactions": _Dataset(_gather_transactions, partial(_distinct, "transactionId")),
    "economics": _Dataset(_gather_economics, _joined),
    "ads": _Dataset(_gather_ads, _joined),
    "performance_v1": _Dataset(_gather_performance_v1, _only),
    "performance_v2": _Dataset(_gather_performance_v2, _only),
    "finances": _Dataset(_gather_transactions, partial(_distinct, "transactionId")),
    "inventory": _Dataset(_gather_inventory, _joined),
    "sales_traffic": _Dataset(_gather_sales_traffic, _only),
    "sales_totals": _Dataset(_gather_metrics, _joined),
}
