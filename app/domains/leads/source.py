"""A list at another server, page by page: ``{"items": […], "next": <position>, "more": true}``.

A page is asked for by the position that the one before gave (``?after=…&limit=…``), never by a link: whatever a page
says, the next request goes to the host that the settings name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.net import OutboundFailed, send

log = structlog.get_logger(__name__)

PAGE = 200
T = TypeVar("T", bound=BaseModel)


class SourceFailed(Exception):
    """The source gave no page; a later attempt may do better."""


class Page(BaseModel):
    """``next`` is where the following page begins; with ``more`` false it is where the next sync begins."""

    model_config = ConfigDict(strict=True)

    items: Annotated[list[dict[str, Any]], Field(max_length=PAGE)]
    next: Annotated[str, Field(max_length=1_000)]
    more: bool


def _storable(text: str) -> str:
    """What every database and every mail can hold."""
    if "\x00" in text:
        raise ValueError("it holds a NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character") from None
    return text


Text = Annotated[str, AfterValidator(_storable)]
SourceId = Annotated[Text, Field(min_length=1, max_length=128)]


def pages(url: str, after: str = "", *, token: str = "") -> Iterator[Page]:
    """The pages from that position to the end. Raises SourceFailed, OutboundFailed and OutboundRefused."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    seen = {after}
    while True:
        answer = send("GET", f"{url}?{urlencode({'after': after, 'limit': PAGE})}", headers=headers)
        if answer.status != 200:
            raise SourceFailed(f"{url} answered {answer.status}")
        try:
            page = Page.model_validate(answer.json())
        except (ValidationError, OutboundFailed) as error:
            raise SourceFailed(f"{url} sent what is no page: {type(error).__name__}") from None
        yield page
        if not page.more:
            return
        if page.next in seen:
            raise SourceFailed(f"{url} goes in circles: position {page.next!r} again")
        seen.add(page.next)
        after = page.next


def valid(kind: type[T], items: list[dict[str, Any]]) -> tuple[list[T], int]:
    """The items that are of that kind, and how many are not: one bad item does not keep the others out."""
    check, good, bad = TypeAdapter(kind), [], 0
    for item in items:
        try:
            good.append(check.validate_python(item))
        except ValidationError as error:
            bad += 1
            faults: Mapping[str, str] = {".".join(map(str, one["loc"])): one["type"] for one in error.errors()}
            log.warning("leads.item_refused", kind=kind.__name__, faults=faults)
    return good, bad
