"""Lists page by page: a page begins after the last key of the one before, so the last one costs what the first does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for

T = TypeVar("T")

ROWS = 50


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A page's rows, and where the next page and the first one are (None if this is it)."""

    rows: Sequence[T]
    next: str | None
    first: str | None


def paged(found: Sequence[T], key: Callable[[T], Any], parameter: str = "before") -> Paged[T]:
    """Of a statement that was limited to ``ROWS + 1``; ``key`` is what the next page begins after."""
    rows = found[:ROWS]
    following = here(**{parameter: key(rows[-1])}) if len(found) > ROWS else None
    return Paged(rows, following, here(**{parameter: None}) if parameter in request.args else None)


def by_cursor(rows: Sequence[T], cursor: str | None) -> Paged[T]:
    """Of a statement or a list that says itself where its next page begins."""
    following = here(cursor=cursor) if cursor else None
    return Paged(rows, following, here(cursor=None) if "cursor" in request.args else None)


def here(**changes: Any) -> str:
    """This page's own address with some of its query changed; None leaves it out."""
    endpoint, path = request.endpoint or "", request.view_args or {}
    return url_for(endpoint, **{**path, **request.args.to_dict(), **changes})
