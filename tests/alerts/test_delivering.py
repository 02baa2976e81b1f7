"""Messages reach e-mail, SMS and web hooks, over real connections; a channel that is away loses none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from app import db
from app.alerts.announcing import Message, announce
from app.alerts.delivering import NotDelivered, deliver
from app.broker.errors import Unrecoverable
from app.jobs.catalog import SEND_NOTIFICATION
from app.models.notification import Delivery, NotificationChannel
from app.settings import settings
from tests.alerts.conftest import Hook
from tests.ledger.figures.ended import NINE
from tests.servers import free_port
from tests.smtp import Mailbox

Add = Callable[..., str]


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    """Which database it is, is not the point."""
    return sqlite_database


def tell(title: str = "3 jobs failed: process_user_data", body: str = "3 × process_user_data: refused") -> int:
    """A message for all channels; gives its id."""
    with db.session() as session:
        return announce(session, Message("failures", title, body, {"count": 3}), NINE).id


def delivery() -> Delivery:
    """The only one."""
    with db.reading() as session:
        return session.scalars(select(Delivery)).one()


def allow(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Private ports that may be called."""
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", ",".join(f"127.0.0.1:{port}" for port in ports))
    settings.cache_clear()


def test_a_web_hook_gets_the_message_and_its_details(hook: Hook, channel: Add) -> None:
    """Once: a second run of the job sends nothing."""
    to = channel(f"http://127.0.0.1:{hook.port}/hooks/secret")
    message = tell()

    sent = [deliver(message, to, NINE), deliver(message, to, NINE)]

    assert sent == [True, False]
    assert hook.posted == [
        {
            "id": str(message),
            "at": "2026-01-01T09:00:00+00:00",
            "kind": "failures",
            "count": 3,
            "title": "3 jobs failed: process_user_data",
            "body": "3 × process_user_data: refused",
        }
    ]
    assert (delivery().sent_at, delivery().error) == (NINE, None)


def test_an_e_mail_arrives(hook: Hook, mailbox: Mailbox, channel: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """By apprise, over a real SMTP conversation."""
    allow(monkeypatch, mailbox.port)
    to = channel(f"mailto://127.0.0.1:{mailbox.port}?from=toril@x.example&to=ops@y.example&format=text")

    deliver(tell(), to, NINE)

    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Toril] 3 jobs failed: process_user_data"
    assert mail["To"].endswith("ops@y.example")
    assert "3 × process_user_data: refused" in mail.get_content()


def test_an_sms_is_short(hook: Hook, channel: Add) -> None:
    """By apprise, to a gateway of one's own."""
    hook.answer = b'{"result": [{"message_id": "1", "status": "ok"}]}'
    to = channel(f"smseagle://token@127.0.0.1:{hook.port}/15551234567")

    deliver(tell(body="x" * 5_000), to, NINE)

    (sms,) = hook.posted
    assert sms["params"]["to"] == "15551234567"
    assert sms["params"]["message"].startswith("3 jobs failed: process_user_data\nxxx")
    assert len(sms["params"]["message"]) <= 300


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/secret", "smseagle://secret@127.0.0.1:{port}/15551234567"])
def test_a_channel_that_is_away_gets_it_later(hook: Hook, channel: Add, url: str) -> None:
    """The job fails, and is tried again for 23 hours; the error says why and shows no secret."""
    to = channel(url.format(port=hook.port))
    message = tell()
    hook.status = 503
    with pytest.raises(NotDelivered) as away:
        deliver(message, to, NINE)
    hook.status, hook.answer = 200, b'{"result": [{"message_id": "1", "status": "ok"}]}'

    assert deliver(message, to, NINE) is True
    assert "secret" not in str(away.value)
    assert (
        sum(SEND_NOTIFICATION.first_wait_ms * 2**n for n in range(SEND_NOTIFICATION.attempts_allowed - 1))
        > 22 * 3_600_000
    )


@pytest.mark.parametrize("scheme", ["http", "mailto", "smseagle"])
def test_a_port_where_nobody_listens_is_tried_again(
    hook: Hook, channel: Add, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not lost: refused is away."""
    port = free_port()
    allow(monkeypatch, port)
    paths = {"http": "/x", "mailto": "?from=a@x.example&to=b@y.example", "smseagle": "/15551234567"}
    user = "token@" if scheme == "smseagle" else ""
    to = channel(f"{scheme}://{user}127.0.0.1:{port}{paths[scheme]}")

    with pytest.raises(NotDelivered):
        deliver(tell(), to, NINE)

    assert delivery().sent_at is None
    assert delivery().error is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x",
        "http://0x7f.1:{port}/x",
        "http://[::1]:{port}/x",
        "http://169.254.169.254/latest",
        "mailto://127.0.0.1:{port}?from=a@x.example&to=b@y.example",
        "mailto://x.example:{port}?smtp=127.0.0.1&from=a@x.example&to=b@y.example",
        "smseagle://token@127.0.0.1:{port}/15551234567",
        "smseagle://token@[::1]:{port}/15551234567",
    ],
)
def test_a_private_host_is_not_connected_to(
    hook: Hook, channel: Add, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAULTS 25: whatever it is called, unless a setting names it; and no later attempt would help."""
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", "")
    settings.cache_clear()
    to = channel(url.format(port=hook.port))

    with pytest.raises(Unrecoverable):
        deliver(tell(), to, NINE)

    assert hook.posted == []
    assert "OUTBOUND_PRIVATE_HOSTS" in str(delivery().error)


@pytest.mark.parametrize("scheme", ["http", "smseagle"])
def test_a_redirect_is_not_followed(hook: Hook, channel: Add, scheme: str) -> None:
    """It could lead anywhere."""
    hook.status, hook.location = 307, f"http://127.0.0.1:{hook.port}/elsewhere"
    user, path = ("token@", "/15551234567") if scheme == "smseagle" else ("", "/x")
    to = channel(f"{scheme}://{user}127.0.0.1:{hook.port}{path}")

    with pytest.raises(NotDelivered):
        deliver(tell(), to, NINE)

    assert len(hook.posted) == 1


def test_a_channel_of_the_settings_is_told_too(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """NOTIFY_URLS, beside those in SQL."""
    monkeypatch.setenv("NOTIFY_URLS", f"http://127.0.0.1:{hook.port}/a nonsense://x")
    settings.cache_clear()
    message = tell()

    deliver(message, delivery().channel, NINE)

    assert delivery().channel == "settings-1"
    assert len(hook.posted) == 1


def test_a_channel_that_was_removed_gets_nothing(hook: Hook, channel: Add) -> None:
    """What was on its way fails for good."""
    to = channel(f"http://127.0.0.1:{hook.port}/x")
    message = tell()
    with db.session() as session:
        session.delete(session.get_one(NotificationChannel, int(to)))

    with pytest.raises(Unrecoverable):
        deliver(message, to, NINE)


def test_a_channels_url_is_sealed_at_rest(hook: Hook, channel: Add) -> None:
    """Neither the table nor what is shown holds its secret."""
    channel(f"http://127.0.0.1:{hook.port}/very-secret")

    with db.reading() as session:
        row = session.scalars(select(NotificationChannel)).one()
    assert "very-secret" not in row.sealed_url + row.shown
    assert row.shown == "http://127.0.0.1/…"
