"""The CRM's opportunities: each change once, in order, from where the last sync ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import db
from app.domains.leads import source
from app.domains.leads.crm import Overtaken, sync_opportunities
from app.domains.leads.source import SourceFailed
from app.models.opportunity import Opportunity
from app.models.sync_cursor import SyncCursor
from app.settings import settings
from tests.domains.leads.conftest import NINE, Served, add, opportunity

TEN = NINE + timedelta(hours=1)
COUNTS = {"pages": 1, "added": 0, "changed": 0, "stale": 0, "refused": 0}


def sync() -> dict[str, int]:
    """As the entry does it."""
    return sync_opportunities(settings().leadsquared_url, settings().leadsquared_token, NINE)


def rows() -> dict[str, Opportunity]:
    """Every opportunity."""
    with db.reading() as session:
        return {row.id: row for row in session.scalars(select(Opportunity))}


def test_a_sync_takes_what_has_changed_since_the_last(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five in three requests, then only the two that changed; the score, which is ours, stays."""
    monkeypatch.setattr(source, "PAGE", 2)
    for number in range(5):
        served.book.put_opportunity(f"o{number}", NINE, name=f"N{number}", travelDate=TEN)
    first = sync()
    with db.session() as session:
        session.get_one(Opportunity, "o1").opportunity_score = 35
    served.book.put_opportunity("o1", TEN, stage="QUOTED")
    served.book.put_opportunity("o5", TEN, deleted=True)
    served.asked.clear()

    second = sync()

    assert first == COUNTS | {"pages": 3, "added": 5}
    assert second == COUNTS | {"added": 1, "changed": 1}
    assert served.asked == ["/leadsquared/opportunities?after=5&limit=2"]
    found = rows()
    assert (found["o1"].stage, found["o1"].name, found["o1"].opportunity_score) == ("QUOTED", "N1", 35)
    assert (found["o1"].travel_date, found["o1"].changed_at, found["o1"].created_at) == (TEN, TEN, NINE)
    assert found["o5"].deleted
    assert sorted(found) == ["o0", "o1", "o2", "o3", "o4", "o5"]


def test_a_sync_that_breaks_off_is_gone_on_with(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor moves with each page: what was written is not asked for again."""
    monkeypatch.setattr(source, "PAGE", 1)
    for number in range(3):
        served.book.put_opportunity(f"o{number}", NINE)
    read = served.book.changes_after
    with monkeypatch.context() as broken:
        broken.setattr(served.book, "changes_after", lambda at, most: read(at, most) if at < 1 else ("bad", "2", True))
        with pytest.raises(SourceFailed, match="no page"):
            sync()

    done = sync()

    assert done == COUNTS | {"pages": 2, "added": 2}
    assert sorted(rows()) == ["o0", "o1", "o2"]


def test_several_changes_of_one_opportunity_leave_its_latest(served: Served) -> None:
    """Also when a page holds them in another order."""
    for hours, stage in ((2, "QUOTED"), (1, "CONTACTED"), (0, "NEW")):
        served.book.put_opportunity("o", NINE + timedelta(hours=hours), stage=stage)

    done = sync()

    assert done == COUNTS | {"added": 1}
    assert rows()["o"].stage == "QUOTED"


def test_an_older_state_does_not_take_the_place_of_a_newer(served: Served) -> None:
    """A source that sends again what it has sent changes nothing."""
    add(opportunity("o", stage="CONVERTED", changed_at=TEN))
    served.book.put_opportunity("o", NINE, stage="NEW")

    done = sync()

    assert done == COUNTS | {"stale": 1}
    assert rows()["o"].stage == "CONVERTED"


def test_a_run_that_was_overtaken_writes_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker thought dead wakes up with a page that another run has written since."""
    served.book.put_opportunity("o", NINE, stage="NEW")

    def overtaken(position: int, limit: int) -> object:
        with db.session() as session:
            session.get_one(SyncCursor, "leadsquared").position = "7"
        return type(served.book).changes_after(served.book, position, limit)

    monkeypatch.setattr(served.book, "changes_after", overtaken)

    with pytest.raises(Overtaken):
        sync()

    assert rows() == {}


def test_the_token_is_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a wrong one is a failure that names the address, not the token."""
    served.book.token = "right"
    served.book.put_opportunity("o", NINE)
    monkeypatch.setenv("LEADSQUARED_TOKEN", "wrong-one")
    settings.cache_clear()
    with pytest.raises(SourceFailed, match="answered 401") as refused:
        sync()
    monkeypatch.setenv("LEADSQUARED_TOKEN", "right")
    settings.cache_clear()

    done = sync()

    assert "wrong-one" not in str(refused.value)
    assert done == COUNTS | {"added": 1}
