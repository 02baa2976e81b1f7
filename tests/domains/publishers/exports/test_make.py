"""An export holds exactly the rows that were asked for, whole or not at all, and says what became of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import db
from app.domains.publishers.artifacts.files import artifact_file, published
from app.domains.publishers.exports import make
from app.domains.publishers.exports.ask import ask
from app.domains.publishers.exports.formats import FORMATS
from app.domains.publishers.exports.make import export_data
from app.jobs.catalog import EXPORT_DATA
from app.jobs.engine import find_queue
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ExportData, ExportRequest
from app.models.export import Export
from app.models.publisher import Publisher
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add
from tests.domains.publishers.exports.conftest import DAY, FIRST, HOUR, event, exporting, rollup
from tests.ledger.rows import all_rows, only_row


def asked_for(**fields: Any) -> str:
    """The id of an export of the first three days of 2026, asked for over the API."""
    wanted = {"publisherId": "pub-1", "format": "csv", "startDate": "2026-01-01", "endDate": "2026-01-03", **fields}
    with db.session() as session:
        publisher = session.get_one(Publisher, wanted["publisherId"])
        return ask(session, publisher, ExportRequest.model_validate(wanted), by="7", now=NINE).id


def stands(export_id: str) -> Export:
    """Its row now."""
    with db.reading() as session:
        return session.get_one(Export, export_id)


def read(export_id: str) -> str:
    """Its file."""
    export = stands(export_id)
    return artifact_file("exports", export.id, export.format).read_bytes().decode()


def test_a_csv_holds_the_days_that_were_asked_for(exports: Path) -> None:
    """Both ends included, the oldest first; ratios by hand: 10/1000, 1000/2000, 1000 × 2.50/1000; 0 divides nothing."""
    add_publisher()
    add(*(rollup(FIRST + n * DAY) for n in (-1, 0, 2, 3)), rollup(FIRST + DAY, 0, clicks=0, revenue=Decimal(0)))
    add_publisher("pub-2")
    add(rollup(FIRST, publisher_id="pub-2"), rollup(FIRST, granularity="hour"))

    export_id = asked_for()
    with exporting():
        pass

    assert read(export_id) == (
        "startsAt,endsAt,requests,impressions,clicks,revenue,currency,ctr,fillRate,ecpm\r\n"
        "2026-01-01T00:00:00+00:00,2026-01-02T00:00:00+00:00,2000,1000,10,2.5,USD,0.010000,0.500000,2.500000\r\n"
        "2026-01-02T00:00:00+00:00,2026-01-03T00:00:00+00:00,2000,0,0,0,USD,,0.000000,\r\n"
        "2026-01-03T00:00:00+00:00,2026-01-04T00:00:00+00:00,2000,1000,10,2.5,USD,0.010000,0.500000,2.500000\r\n"
    )


def test_an_export_goes_from_pending_to_completed_with_its_job(exports: Path) -> None:
    """Under two ids; its row, its job's return value and its file agree."""
    add_publisher()
    add(rollup(FIRST))
    export_id = asked_for()
    before = stands(export_id)
    assert before.state == "pending"

    with exporting():
        pass

    after, job = stands(export_id), find_queue("data-export").get_job(before.job_id)
    size = artifact_file("exports", export_id, "csv").stat().st_size
    assert (after.state, after.progress, after.rows, after.bytes, after.error) == ("completed", 100, 1, size, None)
    assert after.job_id == before.job_id != after.id
    assert job is not None
    assert job.return_value == {"exportId": export_id, "rows": 1, "bytes": size}
    assert after.completed_at is not None
    assert after.expires_at == after.completed_at + 7 * DAY


def test_days_are_those_of_the_publishers_own_zone(exports: Path) -> None:
    """New Year's Day of New York is from 05:00 to 05:00 in UTC; times are shown as its clocks show them."""
    add_publisher(timezone="America/New_York")
    hours = [FIRST + n * HOUR for n in (4, 5, 28, 29)]
    add(*(rollup(at, granularity="hour", ends_at=at + HOUR) for at in hours))

    export_id = asked_for(format="json", endDate="2026-01-01", filters={"granularity": "hour"})
    with exporting():
        pass

    found = json.loads(read(export_id))
    assert [row["startsAt"] for row in found] == ["2026-01-01T00:00:00-05:00", "2026-01-01T23:00:00-05:00"]
    assert (found[0]["revenue"], found[0]["ecpm"], found[0]["impressions"]) == ("2.5", "2.500000", 1_000)


def test_a_week_belongs_to_a_range_that_begins_in_its_middle(exports: Path) -> None:
    """1 January 2026 is a Thursday; the week before its own does not."""
    add_publisher()
    mondays = [FIRST + n * DAY for n in (-10, -3, 4)]
    add(*(rollup(at, granularity="week", ends_at=at + 7 * DAY) for at in mondays))

    export_id = asked_for(filters={"granularity": "week"})
    with exporting():
        pass

    assert [line[:10] for line in read(export_id).splitlines()[1:]] == ["2025-12-29"]


def test_filters_let_through_what_counts_enough(exports: Path) -> None:
    """Each alone, and of events too."""
    add_publisher()
    add(rollup(FIRST, 99), rollup(FIRST + DAY, 100), rollup(FIRST + 2 * DAY, 100, clicks=3))
    add(event("a"), event("b", clicks=1), event("c", FIRST + 3 * DAY, clicks=1))
    ids = [
        asked_for(filters={"minImpressions": 100}),
        asked_for(filters={"minImpressions": 100, "minClicks": 4}),
        asked_for(filters={"source": "events", "minClicks": 1}),
    ]

    with exporting():
        pass

    kept = [[line.split(",")[0][:10] for line in read(one).splitlines()[1:]] for one in ids]
    assert kept == [["2026-01-02", "2026-01-03"], ["2026-01-02"], ["b"]]


def test_a_text_that_a_spreadsheet_would_run_is_shown_as_text(exports: Path) -> None:
    """An amount below zero stays a number; in JSON nothing is changed."""
    add_publisher()
    evil = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a,"b"')
    add(*(event(name, FIRST + n * HOUR, revenue=Decimal("-0.001")) for n, name in enumerate(evil)))
    as_csv, as_json = (asked_for(format=one, filters={"source": "events"}) for one in ("csv", "json"))

    with exporting():
        pass

    rows = list(csv.DictReader(read(as_csv).splitlines()))
    assert [row["eventId"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", 'a,"b"']
    assert {row["revenue"] for row in rows} == {"-0.001"}
    assert [row["eventId"] for row in json.loads(read(as_json))] == list(evil)


def test_nothing_to_export_is_an_empty_file(exports: Path) -> None:
    """Of either format."""
    add_publisher()
    ids = [asked_for(format=one) for one in ("csv", "json")]

    with exporting():
        pass

    assert read(ids[0]).count("\r\n") == 1
    assert json.loads(read(ids[1])) == []


def test_an_export_that_breaks_off_leaves_no_file_and_says_why(exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pending between two attempts; the second completes it."""
    add_publisher()
    add(rollup(FIRST))
    breaks = iter([OSError(28, "No space left on device")])
    seen: list[tuple[str, str | None]] = []

    def body(**asked: Any) -> Any:
        error = next(breaks, None)
        if error is None:
            seen.append((stands(export_id).state, stands(export_id).error))
        monkeypatch.setattr(make, "FORMATS", {"csv": lambda *_: _broken(error)} if error else FORMATS)
        return export_data(ExportData(**asked))

    export_id = asked_for()
    with exporting(body):
        pass

    assert seen == [("pending", "[Errno 28] No space left on device")]
    assert (stands(export_id).state, stands(export_id).error) == ("completed", None)
    assert [file.name for file in exports.iterdir()] == [artifact_file("exports", export_id, "csv").name]


def _broken(error: Exception) -> Iterator[str]:
    yield "startsAt\r\n"
    raise error


def test_a_job_by_hand_with_an_id_of_its_own_is_an_export_too(exports: Path) -> None:
    """Document 003's example: the id is the export's, and no part of a path, whatever it is."""
    add_publisher("pub-123")
    data = {"publisherId": "pub-123", "format": "csv", "startDate": "2024-01-01", "endDate": "2024-01-31"}
    job_id = enqueue(EXPORT_DATA, ExportData.model_validate({**data, "jobId": "export-789"}))
    nameless = enqueue(EXPORT_DATA, ExportData.model_validate(data))

    with exporting():
        pass

    with db.reading() as session:
        found = {one.job_id: one for one in session.scalars(select(Export))}
    assert (found[job_id].id, found[job_id].state, found[job_id].start_on) == (
        "export-789",
        "completed",
        date(2024, 1, 1),
    )
    assert found[nameless].id not in ("export-789", nameless)


def test_an_export_of_anothers_id_fails_and_leaves_it_alone(exports: Path) -> None:
    """At once: no attempt could mend it. So does one of no publisher."""
    add_publisher()
    add_publisher("pub-2")
    theirs = asked_for(publisherId="pub-2")
    data = {"publisherId": "pub-1", "format": "json", "startDate": "2026-01-01", "endDate": "2026-01-02"}
    enqueue(EXPORT_DATA, ExportData.model_validate({**data, "jobId": theirs}))
    enqueue(EXPORT_DATA, ExportData.model_validate({**data, "publisherId": "nobody"}))

    with exporting():
        pass

    errors = [(row.status, row.error, row.attempts_made) for row in all_rows()]
    assert stands(theirs).format == "csv"
    assert errors == [
        ("completed", None, 1),
        ("failed", f"id '{theirs}' in exports is another publisher's: choose another, or none", 1),
        ("failed", "no publisher 'nobody'", 1),
    ]


def test_data_of_another_producer_that_are_wrong_fail_naming_the_field(exports: Path) -> None:
    """Nothing of them is an export."""
    queue = find_queue("data-export")
    queue.add("monthly-export", {"publisherId": "pub-1", "format": "xml", "startDate": "2026-01-01"})

    with exporting():
        pass

    row = only_row()
    assert row.status == "failed"
    assert "format: Input should be 'csv' or 'json'" in (row.error or "")
    assert "endDate: Field required" in (row.error or "")


def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    """What stood there stays until then, and after an error."""
    path = tmp_path / "exports" / "a.csv"
    with published(path, 1) as file:
        file.write(b"old")

    with suppress(RuntimeError), published(path, 2) as file:
        file.write(b"half")
        raise RuntimeError

    assert path.read_bytes() == b"old"
    assert [one.name for one in path.parent.iterdir()] == ["a.csv"]
