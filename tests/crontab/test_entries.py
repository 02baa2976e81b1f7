"""The table of entries: the code gives values, operators change them, and what they changed stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app import db
from app.broker.queue import Queue
from app.crontab import code, entries
from app.crontab.entries import EntryExists, EntryNotFound, EntryOfCode, NewEntry
from app.ledger.audit import trail
from app.models.crontab_entry import CrontabEntry
from tests.crontab.conftest import NINE, WriteJob, sync

LATER = NINE + timedelta(hours=1)


def change(entry_id: str, **changes: Any) -> None:
    """As an operator."""
    with db.session() as session:
        entries.change(session, entry_id, changes, by="7", at=LATER, why="a test")


def entry(name: str) -> CrontabEntry:
    """As it stands."""
    with db.reading() as session:
        return entries.find(session, name)


def added_until(entry_id: str) -> Any:
    """The cursor."""
    with db.reading() as session:
        return entries.cursor(session, entry_id)


def acts() -> list[tuple[str, str | None, Any]]:
    """The audit trail, the oldest first."""
    with db.reading() as session:
        return [(one.action, one.why, one.details) for one in reversed(session.scalars(trail()).all())]


def test_the_code_gives_every_field(write_job: WriteJob, queue: Queue) -> None:
    """What a file does not say has its default; the zone's is TIMEZONE."""
    write_job("syncWebUrls", schedule="0 0 9 * * *", timeout_s=300, attempts=4)

    sync(NINE)

    found = entry("syncWebUrls")
    assert (found.title, found.schedule, found.timezone) == ("Sync Web Urls", "0 0 9 * * *", "UTC")
    assert (found.timeout_s, found.attempts, found.catch_up, found.memory_limit_mb) == (300, 4, "one", 512)
    assert (found.source, found.version, found.enabled, found.environments) == ("code", 1, True, [])
    assert added_until("syncWebUrls") == NINE


def test_an_operators_change_survives_deploys_and_the_codes_others_arrive(write_job: WriteJob, queue: Queue) -> None:
    """Field by field: the operator knew the running system, the deploy did not."""
    write_job("sample", schedule="0 9 * * *", timeout_s=30)
    sync(NINE)
    change("sample", schedule="0 10 * * *")

    write_job("sample", schedule="0 11 * * *", timeout_s=60)
    sync(LATER)

    found = entry("sample")
    assert (found.schedule, found.timeout_s, found.overridden, found.version) == ("0 10 * * *", 60, ["schedule"], 3)
    assert (found.changed_by, found.changed_at) == ("7", LATER)


def test_an_entry_given_back_is_the_codes_again(write_job: WriteJob, queue: Queue) -> None:
    """Every field."""
    write_job("sample", schedule="0 9 * * *")
    sync(NINE)
    change("sample", schedule="0 10 * * *", enabled=False)

    with db.session() as session:
        entries.restore(session, "sample", by="7", at=LATER)
    sync(LATER)

    found = entry("sample")
    assert (found.schedule, found.enabled, found.overridden) == ("0 9 * * *", True, [])


def test_a_sync_without_news_changes_nothing(write_job: WriteJob, queue: Queue) -> None:
    """A version that rose with every start would cancel what was added."""
    write_job("sample", environments=["test"], data={"pages": [1, 2]})

    sync(NINE)
    sync(LATER)

    assert (entry("sample").version, added_until("sample")) == (1, NINE)


def test_a_change_begins_now(write_job: WriteJob, queue: Queue) -> None:
    """What was added ahead is taken back to now; what fell due while it was stopped is not caught up."""
    write_job("sample")
    sync(LATER + timedelta(seconds=90))

    change("sample", schedule="* * * * *")
    edited = added_until("sample")
    with db.session() as session:
        entries.change(session, "sample", {"enabled": False}, by="7", at=NINE)
        entries.change(session, "sample", {"enabled": True}, by="7", at=LATER)

    assert (edited, added_until("sample")) == (LATER, LATER)


def test_a_change_that_changes_nothing_is_none(write_job: WriteJob, queue: Queue) -> None:
    """No version, no trail."""
    write_job("sample")
    sync(NINE)

    change("sample", enabled=True)

    assert (entry("sample").version, entry("sample").overridden, acts()) == (1, [], [])


def test_an_entry_is_made_changed_and_removed_at_run_time(write_job: WriteJob, queue: Queue) -> None:
    """Another schedule and other data for a job of the code; each act with who and why."""
    write_job("sample")
    sync(NINE)
    new = NewEntry(id="europe", title="Europe", job="sample", schedule="*/30 * * * * *", data={"region": "EU"})

    with db.session() as session:
        entries.create(session, new, by="7", at=NINE, why="asked for")
    sync(LATER)
    made = entry("europe")
    change("europe", timezone="Europe/Madrid")
    with db.session() as session:
        entries.remove(session, "europe", by="7", at=LATER)

    assert (made.job, made.source, made.data, made.version) == ("sample", "api", {"region": "EU"}, 1)
    with pytest.raises(EntryNotFound):
        entry("europe")
    assert [act for act, _, _ in acts()] == ["entry.created", "entry.changed", "entry.removed"]
    assert acts()[1] == ("entry.changed", "a test", {"timezone": ["UTC", "Europe/Madrid"]})


def test_what_cannot_be_is_refused(write_job: WriteJob, queue: Queue) -> None:
    """An id that is taken, an entry of the code that is to go, one that does not exist."""
    write_job("sample")
    sync(NINE)
    taken = NewEntry(id="sample", title="Sample", job="sample", schedule="* * * * *")

    with pytest.raises(EntryExists), db.session() as session:
        entries.create(session, taken, by="7", at=NINE)
    with pytest.raises(EntryOfCode), db.session() as session:
        entries.remove(session, "sample", by="7", at=NINE)
    with pytest.raises(EntryNotFound), db.session() as session:
        entries.change(session, "nobody", {}, by="7", at=NINE)

    assert acts() == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("schedule", "0 25 * * *", "hour"),
        ("schedule", "60 * * * *", "minute"),
        ("schedule", "* * *", "fields"),
        ("schedule", "0 0 31 2 *", "day-of-month"),
        ("schedule", "0 9 * * 8", "day-of-week"),
        ("timezone", "Mars/Olympus", "Mars/Olympus"),
        ("timezone", "../etc/passwd", "no time zone"),
        ("catch_up", "some", "skip"),
        ("timeout_s", 0, "greater"),
        ("memory_limit_mb", 0, "greater"),
        ("attempts", 0, "greater"),
        ("environments", ["mars"], "production"),
        ("title", "", "at least 1"),
        ("nonsense", 1, "not permitted"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_value_is_refused_by_its_field(
    write_job: WriteJob, queue: Queue, field: str, value: object, says: str
) -> None:
    """And changes nothing."""
    write_job("sample")
    sync(NINE)

    with pytest.raises(ValidationError) as refused:
        change("sample", **{field: value})

    [fault] = refused.value.errors()
    assert fault["loc"][0] == field
    assert says in fault["msg"]
    assert entry("sample").version == 1


def test_a_new_entry_needs_a_job_that_exists(write_job: WriteJob, queue: Queue) -> None:
    """The known ones are named."""
    write_job("sample")

    with pytest.raises(ValidationError, match="known jobs: sample"):
        NewEntry(id="x", title="X", job="nothing", schedule="* * * * *")


def test_an_entry_is_found_by_id_or_title_in_any_case(write_job: WriteJob, queue: Queue) -> None:
    """C37."""
    write_job("syncWebUrls", title="Sync Web URLs Job")
    sync(NINE)

    found = [entry(name).id for name in ("syncWebUrls", "SYNCWEBURLS", "sync web urls job")]

    assert found == ["syncWebUrls"] * 3


def test_only_entries_of_this_environment_with_a_body_tick(write_job: WriteJob, queue: Queue) -> None:
    """S4-14; and an entry whose file is broken waits for it, with what operators changed."""
    write_job("everywhere")
    write_job("here", environments=["development", "staging"])
    write_job("elsewhere", environments=["production"])
    write_job("broken")
    write_job("stopped", enabled=False)
    sync(NINE)
    with db.reading() as session:
        before = [one.id for one in entries.ticking(session)]

    write_job("broken", schedule="never")
    sync(NINE)

    with db.reading() as session:
        after = [one.id for one in entries.ticking(session)]
        assert (before, after) == (["broken", "everywhere", "here"], ["everywhere", "here"])
        assert len(entries.all_entries(session)) == 5
    assert "broken" not in code.jobs()


def test_a_tick_that_has_read_the_entry_before_a_change_moves_nothing(write_job: WriteJob, queue: Queue) -> None:
    """Else slots of the new schedule would be lost between the two."""
    write_job("sample")
    sync(NINE)
    before = entry("sample")
    change("sample", schedule="30 * * * *")

    with db.session() as session:
        late = entries.advance(session, before, NINE, LATER)
    with db.session() as session:
        now = entries.advance(session, entries.find(session, "sample"), NINE, LATER)

    assert (late, now) == (False, True)
