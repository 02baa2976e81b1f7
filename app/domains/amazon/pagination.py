"""Amazon's six ways to give out pages, a generator each.

Each stops at no token or at a repeated one (Amazon's own examples repeat them), and fails at ``PAGE_CAP`` rather than
hand over a part as the whole. ``token`` is where to go on: the ``next_token`` of the last page that was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domains.amazon.errors import AmazonError

PAGE_CAP = 1_000
Query = Mapping[str, Any]
Call = Callable[[Query], Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and the token of the next page; None on the last."""

    items: list[Any]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class _Style:
    """Where the items and the token are in an answer, and which argument takes the token (``alone``: no other)."""

    items: tuple[str, ...]
    token: tuple[str, ...]
    parameter: str
    alone: bool = False


def order_pages(call: Call, query: Query, token: str | None = None) -> Iterator[Page]:
    """searchOrders: ``pagination.nextToken`` goes into ``paginationToken``, beside the same arguments."""
    return _follow(call, query, _Style(("orders",), ("pagination", "nextToken"), "paginationToken"), token)


def v0_pages(call: Call, query: Query, items: str, token: str | None = None) -> Iterator[Page]:
    """Orders and finances v0: ``payload.NextToken`` into ``NextToken``; ``items`` names the list in the payload."""
    style = _Style(("payload", items), ("payload", "NextToken"), "NextToken")
    return _follow(call, query, style, token)


def transaction_pages(call: Call, query: Query, token: str | None = None) -> Iterator[Page]:
    """listTransactions: ``payload.nextToken`` into ``nextToken``, beside the same arguments. Pages can be empty."""
    style = _Style(("payload", "transactions"), ("payload", "nextToken"), "nextToken")
    return _follow(call, query, style, token)


def report_pages(call: Call, query: Query, token: str | None = None) -> Iterator[Page]:
    """getReports: ``nextToken`` at the top, which then goes alone: other arguments with it are an error."""
    return _follow(call, query, _Style(("reports",), ("nextToken",), "nextToken", alone=True), token)


def inventory_pages(call: Call, query: Query, token: str | None = None) -> Iterator[Page]:
    """getInventorySummaries: ``pagination`` beside ``payload``."""
    style = _Style(("payload", "inventorySummaries"), ("pagination", "nextToken"), "nextToken")
    return _follow(call, query, style, token)


def query_pages(run: Callable[[str | None], Page], token: str | None = None) -> Iterator[Page]:
    """Data Kiosk: every page is a query of its own, created with the ``pagination.nextToken`` of the one before."""
    return _limited(run, token)


def _follow(call: Call, query: Query, style: _Style, token: str | None) -> Iterator[Page]:
    def fetch(token: str | None) -> Page:
        if token is None:
            asked = query
        else:
            asked = {style.parameter: token} if style.alone else {**query, style.parameter: token}
        answer = call(asked)
        return Page(_items(answer, style.items), _at(answer, style.token) or None)

    return _limited(fetch, token)


def _limited(fetch: Callable[[str | None], Page], token: str | None) -> Iterator[Page]:
    seen = {token} if token is not None else set()
    for _ in range(PAGE_CAP):
        page = fetch(token)
        token = page.next_token
        if token is None or token in seen:
            yield Page(page.items, None)
            return
        seen.add(token)
        yield page
    what = f"no end after {PAGE_CAP} pages; fetch a smaller window"
    raise AmazonError("pagination", None, "TooManyPages", what, transient=False)


def _items(answer: Any, path: tuple[str, ...]) -> list[Any]:
    """The list there; empty if only its last name is missing. An answer without even a payload is none."""
    found = _at(answer, path)
    if isinstance(found, list):
        return found
    if found is None and len(path) > 1 and isinstance(_at(answer, path[:-1]), dict):
        return []
    raise AmazonError("pagination", 200, "MalformedBody", f"no list {'.'.join(path)} in the answer", transient=True)


def _at(answer: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer
