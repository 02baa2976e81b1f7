"""CONTRACTS S1-F2: channels and messages over the API, with a real worker and a real web hook."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient
from sqlalchemy import select

from app import db
from app.alerts.delivering import deliver
from app.clock import utc_now
from app.jobs.actor import actor
from app.jobs.catalog import SEND_NOTIFICATION
from app.jobs.engine import broker
from app.ledger import audit
from app.models.notification import NotificationChannel
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.servers import wait_for

CHANNELS = "/api/v1/notifications/channels"
SLACK = "slack://Toril@T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture
def admin(as_: Called) -> Caller:
    """Who sets channels up."""
    return as_(Role.ADMIN)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[int]]]:
    """A web hook's URL, and the lengths of what it has taken."""
    taken: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", f"127.0.0.1:{server.server_port}")
    settings.cache_clear()
    yield f"http://127.0.0.1:{server.server_port}/hooks/s3cret", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_channel_is_added_tested_and_removed(admin: Caller, hook: tuple[str, list[int]]) -> None:
    """A worker sends the test; the list says that it has arrived; the trail says who, and no secret."""
    url, taken = hook
    added = admin.post(CHANNELS, json={"name": "ops", "url": url, "reason": "on call"}).get_json()["data"]
    actor(SEND_NOTIFICATION)(
        lambda notification, channel: deliver(int(notification), channel, utc_now()),
    )
    worker = Worker(broker(), queues={"notifications"}, worker_threads=2, worker_timeout=50)
    worker.start()
    try:
        tested = admin.post(f"{CHANNELS}/{added['id']}/test")
        wait_for(lambda: _deliveries(admin)[0]["sentAt"], "the test to arrive")
    finally:
        worker.stop()
    removed = admin.delete(f"{CHANNELS}/{added['id']}?reason=moved")

    assert added == {"id": "1", "name": "ops", "kind": "webhook", "url": "http://127.0.0.1/…"}
    assert (tested.status_code, len(taken)) == (202, 1)
    assert (removed.status_code, admin.get(CHANNELS).get_json()["data"]) == (200, {"channels": []})
    with db.reading() as session:
        acts = [(act.action, act.target, act.why) for act in session.scalars(audit.trail())]
        details = str([act.details for act in session.scalars(audit.trail())])
    assert acts == [
        ("channel.removed", "channel 1", "moved"),
        ("channel.tested", "channel 1", None),
        ("channel.added", "channel 1", "on call"),
    ]
    assert "s3cret" not in details


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("https://hooks.example.com/T1/abc", "webhook", "https://hooks.example.com/…"),
        (SLACK, "chat", "slack://…/…"),
        ("twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551234567/15557654321", "sms", "twilio://…/…"),
        ("mailtos://ops:s3cret@mail.example.com?to=x@y.example", "e-mail", "mailtos://mail.example.com/…"),
    ],
)
def test_each_kind_is_shown_without_its_secrets(admin: Caller, url: str, kind: str, shown: str) -> None:
    """Nor does the table hold them readable."""
    added = admin.post(CHANNELS, json={"name": "ops", "url": url}).get_json()["data"]

    with db.reading() as session:
        row = session.scalars(select(NotificationChannel)).one()
    assert (added["kind"], added["url"]) == (kind, shown)
    assert url not in row.sealed_url
    assert [one["url"] for one in admin.get(CHANNELS).get_json()["data"]["channels"]] == [shown]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1/x", "OUTBOUND_PRIVATE_HOSTS"),
        ("https://u:p@example.com/x", "no user or password"),
        ("http:///x", "has a host"),
        ("https://example.com\\\\s3cret", "backslashes"),
        ("https://example.com/s3cr\u00e9t", "not ASCII"),
        ("json://example.com/x", "messages are not sent by 'json'"),
        ("file:///etc/passwd", "messages are not sent by 'file'"),
        ("syslog://", "messages are not sent by 'syslog'"),
        ("slack://x", "apprise cannot read"),
        ("mailto://ops:s3cret@93.184.216.34?from=a@b.example&to=x@y.example", "use mailtos://"),
        ("mailtos://localhost?from=a@b.example&to=x@y.example", "OUTBOUND_PRIVATE_HOSTS"),
        ("", "url"),
    ],
)
def test_a_channel_that_could_not_be_told_is_refused(admin: Caller, url: str, says: str) -> None:
    """400, why, and no secret in it."""
    reply = admin.post(CHANNELS, json={"name": "ops", "url": url})

    assert (reply.status_code, "s3cret" in reply.text) == (400, False)
    assert says in reply.get_json()["error"]
    assert admin.get(CHANNELS).get_json()["data"]["channels"] == []


def test_a_name_is_taken_once(admin: Caller) -> None:
    """409."""
    replies = [admin.post(CHANNELS, json={"name": "ops", "url": SLACK}) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [201, 409]


@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("post", ""), ("delete", "/1?reason=x"), ("post", "/1/test")]
)
def test_only_an_administrator_has_channels(as_: Called, method: str, path: str) -> None:
    """CONTRACTS C42: they are settings, and lead out of the house."""
    reply = getattr(as_(Role.OPERATOR), method)(CHANNELS + path)

    assert reply.status_code == 403


@pytest.mark.parametrize(("method", "path"), [("delete", "/7?reason=x"), ("post", "/7/test"), ("post", "/x/test")])
def test_an_unknown_channel_is_not_found(admin: Caller, method: str, path: str) -> None:
    """404; one of the settings is taken out there: 409."""
    assert getattr(admin, method)(CHANNELS + path).status_code == 404


def test_a_channel_of_the_settings_is_shown_and_not_removed_here(
    admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFY_URLS."""
    monkeypatch.setenv("NOTIFY_URLS", SLACK)
    settings.cache_clear()

    shown = admin.get(CHANNELS).get_json()["data"]["channels"]

    assert shown == [{"id": "settings-1", "name": "NOTIFY_URLS 1", "kind": "chat", "url": "slack://…/…"}]
    assert admin.delete(f"{CHANNELS}/settings-1?reason=x").status_code == 409


def test_a_viewer_reads_what_was_told_page_by_page(as_: Called, admin: Caller, client: FlaskClient) -> None:
    """The newest first; a user does not."""
    admin.post(CHANNELS, json={"name": "ops", "url": SLACK})
    for _ in range(3):
        admin.post(f"{CHANNELS}/1/test")
    viewer = as_(Role.VIEWER)

    first = viewer.get("/api/v1/notifications?limit=2").get_json()["data"]
    second = viewer.get(f"/api/v1/notifications?limit=2&before={first['next']}").get_json()["data"]

    assert [one["id"] for one in first["notifications"] + second["notifications"]] == ["3", "2", "1"]
    assert first["notifications"][0]["deliveries"] == [{"channel": "1", "sentAt": None, "error": None}]
    assert second["next"] is None
    assert as_(Role.USER).get("/api/v1/notifications").status_code == 403


def _deliveries(caller: Caller) -> Any:
    return caller.get("/api/v1/notifications").get_json()["data"]["notifications"][0]["deliveries"]
