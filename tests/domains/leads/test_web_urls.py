"""The table of web pages becomes the source's list, whatever comes in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import db, net
from app.domains.leads import source
from app.domains.leads.source import SourceFailed
from app.domains.leads.web_urls import sync_web_urls
from app.models.web_url import WebUrl
from app.settings import settings
from tests.domains.leads.conftest import NINE, Served

TEN = NINE + timedelta(hours=1)
COUNTS = {"pages": 1, "added": 0, "changed": 0, "unchanged": 0, "removed": 0, "refused": 0}


def standing() -> dict[str, tuple[str, str]]:
    """Destination and title of each page that has not been removed."""
    with db.reading() as session:
        rows = session.scalars(select(WebUrl).where(WebUrl.removed_at.is_(None)))
        return {row.id: (row.destination, row.title) for row in rows}


def test_the_table_becomes_the_sources_list(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven pages of three to a request; a day later one is new, one is said otherwise, one is gone."""
    monkeypatch.setattr(source, "PAGE", 3)
    for letter in "abcdefg":
        served.book.put_url(letter, destination="Lisbon", title=letter.upper())
    first = sync_web_urls(settings().web_urls_url, NINE, NINE)
    del served.book.web_urls["a"]
    served.book.put_url("b", destination="Porto", title="B")
    served.book.put_url("h", destination="Lisbon", title="H")

    second = sync_web_urls(settings().web_urls_url, TEN, TEN)

    assert first == COUNTS | {"pages": 3, "added": 7}
    assert second == COUNTS | {"pages": 3, "added": 1, "changed": 1, "unchanged": 5, "removed": 1}
    assert standing() == {"b": ("Porto", "B")} | {letter: ("Lisbon", letter.upper()) for letter in "cdefgh"}


def test_the_same_slot_again_changes_nothing(served: Served) -> None:
    """A retry reads the list, and finds it written."""
    served.book.put_url("a")
    sync_web_urls(settings().web_urls_url, NINE, NINE)

    again = sync_web_urls(settings().web_urls_url, NINE, TEN)

    assert again == COUNTS | {"unchanged": 1}


def test_a_page_that_comes_back_is_a_page_again(served: Served) -> None:
    """Its row was kept."""
    served.book.put_url("a")
    served.book.put_url("b")
    sync_web_urls(settings().web_urls_url, NINE, NINE)
    gone = served.book.web_urls.pop("a")
    sync_web_urls(settings().web_urls_url, TEN, TEN)
    served.book.web_urls["a"] = gone

    back = sync_web_urls(settings().web_urls_url, TEN + timedelta(hours=1), TEN)

    assert back == COUNTS | {"changed": 1, "unchanged": 1}
    assert sorted(standing()) == ["a", "b"]


def test_a_list_that_breaks_off_removes_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had not been read by then is not gone."""
    monkeypatch.setattr(source, "PAGE", 1)
    for letter in "abc":
        served.book.put_url(letter)
    sync_web_urls(settings().web_urls_url, NINE, NINE)
    monkeypatch.setitem(served.book.web_urls, "b", "no object")

    with pytest.raises(SourceFailed, match="no page"):
        sync_web_urls(settings().web_urls_url, TEN, TEN)

    assert sorted(standing()) == ["a", "b", "c"]


def test_an_empty_list_is_not_believed(served: Served) -> None:
    """It would take every page away."""
    served.book.put_url("a")
    sync_web_urls(settings().web_urls_url, NINE, NINE)
    served.book.web_urls.clear()

    with pytest.raises(SourceFailed, match="nothing was removed"):
        sync_web_urls(settings().web_urls_url, TEN, TEN)

    assert list(standing()) == ["a"]


@pytest.mark.parametrize(
    "bad",
    [
        {"url": "javascript:alert(1)"},
        {"title": "\x00"},
        {"title": "\ud800"},
        {"destination": None},
        {"url": "x" * 3_000},
    ],
)
def test_one_bad_item_does_not_keep_the_others_out(served: Served, bad: dict[str, object]) -> None:
    """It is counted, and told in the log."""
    served.book.put_url("a")
    served.book.put_url("bad", **bad)

    done = sync_web_urls(settings().web_urls_url, NINE, NINE)

    assert done == COUNTS | {"added": 1, "refused": 1}
    assert list(standing()) == ["a"]


def test_a_source_that_goes_in_circles_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold the worker until its timeout, each day."""
    monkeypatch.setattr(served.book, "urls_after", lambda *_: ([], "here", True))

    with pytest.raises(SourceFailed, match="goes in circles"):
        sync_web_urls(settings().web_urls_url, NINE, NINE)


def test_a_private_source_that_nobody_allowed_is_not_called(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of the local server is allowed, and no other (faults 25)."""
    monkeypatch.setenv("LEADS_SERVER_PORT", "1")
    settings.cache_clear()

    with pytest.raises(net.OutboundRefused, match="OUTBOUND_PRIVATE_HOSTS"):
        sync_web_urls(f"{served.url}/web-urls", NINE, NINE)

    assert served.asked == []
