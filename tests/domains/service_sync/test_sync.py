"""A sync keeps what is new, once, and tells what stood in its way by its kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError, OperationalError
from structlog.testing import capture_logs

from app import db
from app.broker.current import current_job
from app.broker.errors import LeaseLost, Unrecoverable
from app.broker.recorder import RecorderUnavailable
from app.domains.service_sync import status
from app.domains.service_sync import sync as syncing
from app.domains.service_sync.errors import AddressRefused, ApiError, DatabaseError, NetworkError, ServiceError
from app.domains.service_sync.server.app import SILENT_S
from app.domains.service_sync.services import change, remove
from app.models.job_status import JobStatus
from app.net import Limits
from app.settings import settings
from tests.domains.service_sync.conftest import NINE, Served, Sync, logged
from tests.ledger.rows import all_rows

MINUTE = timedelta(minutes=1)


def test_new_records_become_rows_and_old_ones_stay(served: Served, sync: Sync) -> None:
    """Three, then two more of which one is told twice; the job's row ends with the same figures."""
    service = served.service()
    for number in range(3):
        served.book.say("one", f"r{number}", NINE + number * MINUTE, responseMs=40 + number)
    first = sync(service)
    served.book.say("one", "r3", NINE + 3 * MINUTE, "down", message="disk\x00 full")
    served.book.say("one", "r3", NINE + 3 * MINUTE, "degraded")

    second = sync(service)

    assert (first, second) == ({"records": 3, "new": 3}, {"records": 4, "new": 1})
    assert logged(service) == [("r0", "up"), ("r1", "up"), ("r2", "up"), ("r3", "degraded")]
    assert [(row.status, row.return_value) for row in all_rows()] == [("completed", first), ("completed", second)]


def test_the_key_is_sent_and_is_not_in_the_database(served: Served, sync: Sync) -> None:
    """Sealed at rest; without one no header is sent."""
    service, open_service = served.service(key="s3cret"), served.service("two")

    sync(service)
    sync(open_service)

    with db.reading() as session:
        kept = (
            session.connection().exec_driver_sql("SELECT api_key FROM hosting_services ORDER BY name").scalars().all()
        )
    assert [header for _, header in served.asked] == ["Bearer s3cret", ""]
    assert not any("s3cret" in key for key in kept)


@pytest.mark.parametrize(
    "failure",
    [
        ("503", ApiError, r"API error: http://\S+/services/one/status answered 503"),
        ("401", ApiError, "API error: .* answered 401"),
        ("429", ApiError, "API error: .* answered 429"),
        ("garbage", ApiError, "API error: .* not JSON but 20 bytes of text/html"),
        ("no_status", ApiError, r"API error: .* sent no status: records.0.at: Field required"),
        ("endless", NetworkError, "Network error: .* more than 1048576 bytes"),
        ("silence", NetworkError, "Network error: .*ReadTimeoutError"),
    ],
)
def test_a_failure_is_told_by_its_kind_and_tried_again(
    served: Served, sync: Sync, monkeypatch: pytest.MonkeyPatch, failure: tuple[Any, type[Exception], str]
) -> None:
    """In the error, which becomes the row's, and in the log; the next attempt brings the records."""
    monkeypatch.setattr(status, "LIMITS", Limits(read_s=0.2, body_bytes=1024 * 1024))
    monkeypatch.setattr("app.domains.service_sync.server.app.SILENT_S", 0.6)
    fault, error, reason = failure
    service = served.service()
    served.book.say("one", "r0", NINE)
    served.book.services["one"].faults.append(fault)

    with capture_logs() as lines, pytest.raises(error, match=reason) as failed:
        sync(service)

    assert Limits().read_s < SILENT_S
    assert not isinstance(failed.value, Unrecoverable)
    assert [(line["event_name"], line["errorClass"]) for line in lines] == [
        ("service.sync_failed", str(failed.value).partition(" ")[0])
    ]
    assert sync(service) == {"records": 1, "new": 1}


def test_a_service_that_is_gone_or_inactive_fails_for_good(served: Served, sync: Sync) -> None:
    """No attempt later would help, and nobody is called."""
    inactive, gone = served.service(is_active=False), served.service("two")
    with db.session() as session:
        remove(session, gone, by="1", at=NINE, why="a test")

    for service, reason in ((inactive, "is inactive"), (gone, "is not there any more")):
        with pytest.raises(ServiceError, match=f"Service error: hosting service '{service}' {reason}"):
            sync(service)

    assert issubclass(ServiceError, Unrecoverable)
    assert served.asked == []


def test_a_key_that_cannot_be_read_is_the_services_error(
    served: Served, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other key of ENCRYPTION_KEYS was taken away."""
    service = served.service(key="s3cret")
    monkeypatch.setenv("ENCRYPTION_KEYS", "7xLqEFcBYGcC0d0m8dFNXPZgJzXnDZ3mVZq1Yg9ZB9Q=")
    settings.cache_clear()

    with pytest.raises(ServiceError, match="cannot be read"):
        sync(service)


@pytest.mark.parametrize(
    "where",
    ["http://127.0.0.1:1/status", "http://169.254.169.254/latest/meta-data", "http://[::1]:1/", "http://0x7f.1/"],
)
def test_a_private_address_is_never_called(served: Served, sync: Sync, where: str) -> None:
    """Not by a service's URL, nor by a redirect of an API that may be called (faults 25)."""
    direct, moved = served.service(status_url=where), served.service("two")
    served.book.services["two"].faults.append("redirect")
    served.book.services["two"].moved_to = where

    for service in (direct, moved):
        with pytest.raises(AddressRefused, match=r"Network error: .* is the private address"):
            sync(service)

    assert issubclass(AddressRefused, Unrecoverable)
    assert [path for path, _ in served.asked] == ["/services/two/status"]


def test_a_token_in_a_url_is_in_no_message(served: Served, sync: Sync) -> None:
    """Errors are shown to viewers."""
    url = f"{served.url}/services/one/status?token=s3cret"
    service = served.service(status_url=url)
    served.book.services["one"].faults.append("503")

    with pytest.raises(ApiError) as failed:
        sync(service)

    assert "s3cret" not in str(failed.value)


def test_a_database_that_is_away_parks_and_one_that_refuses_fails(
    served: Served, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both under the kind's name; away, no attempt is used."""
    service = served.service()
    served.book.say("one", "r0", NINE)

    def raising(error: Exception) -> Any:
        def insert(*_: Any) -> None:
            raise error

        return insert

    with capture_logs() as lines:
        monkeypatch.setattr(syncing, "_insert", raising(OperationalError("INSERT", {}, Exception("server closed"))))
        with pytest.raises(RecorderUnavailable, match=r"Database error: .*server closed"):
            sync(service)
        monkeypatch.setattr(syncing, "_insert", raising(IntegrityError("INSERT", {}, Exception("too long"))))
        with pytest.raises(DatabaseError, match="Database error: IntegrityError: too long"):
            sync(service)

    assert [line["errorClass"] for line in lines] == ["Database", "Database"]
    assert logged(service) == []


def test_a_run_that_was_overtaken_writes_nothing(served: Served, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fence: another run of the job has begun while this one asked."""
    service = served.service()
    served.book.say("one", "r0", NINE)

    def overtaken(url: str, key: str) -> Any:
        start = current_job().start
        assert start is not None
        with db.session() as session:
            session.execute(update(JobStatus).where(JobStatus.id == start.row).values(run=start.run + 1))
        return status.fetch_status(url, key)

    monkeypatch.setattr(syncing, "fetch_status", overtaken)
    with pytest.raises(LeaseLost):
        sync(service)

    assert logged(service) == []


def test_a_change_of_the_key_alone_leaves_the_rest(served: Served, sync: Sync) -> None:
    """An inactive service stays inactive."""
    service = served.service(key="old", is_active=False)

    with db.session() as session:
        changed = change(session, service, {"api_key": "new"}, by="1", at=NINE)

    assert (changed.is_active, changed.name) == (False, "one")
    with pytest.raises(ServiceError):
        sync(service)
