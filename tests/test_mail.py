"""Mail over a real SMTP conversation: once for what it is about, encrypted, and to everybody who can be reached."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, func, select

from app import db
from app.mail import MailNotConfigured, MailRefused, send_once
from app.models.sent_mail import SentMail
from app.settings import settings
from tests import smtp
from tests.smtp import Mailbox, smtp_server, use

mailbox = smtp.mailbox
BOTH = ["a@x.example", "b@x.example"]


def notes() -> int:
    """How many mails are known as sent."""
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(SentMail)) or 0


def test_a_mail_arrives_as_it_was_written(sqlite_database: Engine, mailbox: Mailbox) -> None:
    """Headers, and a text with what is not ASCII."""
    sent = send_once("report 1", ["a@x.example"], "Figures, 1st", "Tromsø: 3\n")

    [mail] = mailbox.mails
    assert sent == 1
    assert (mail["From"], mail["To"], mail["Subject"]) == ("toril@x.example", "a@x.example", "Figures, 1st")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "Tromsø: 3\n"


def test_the_same_mail_is_sent_once(sqlite_database: Engine, mailbox: Mailbox) -> None:
    """To each; another one is another."""
    sent = [send_once(about, to, "S", "T") for about, to in (("1", BOTH[:1]), ("1", BOTH), ("1", BOTH), ("2", BOTH))]

    assert sent == [1, 1, 0, 2]
    assert [mail["To"] for mail in mailbox.mails] == [*BOTH, *BOTH]
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 4


def test_who_is_refused_does_not_keep_the_others_from_theirs(sqlite_database: Engine, mailbox: Mailbox) -> None:
    """It is an error all the same, and the next attempt sends only what is left."""
    mailbox.refused = {BOTH[0]}
    with pytest.raises(MailRefused, match="1 of 2 mails were refused: 550"):
        send_once("1", BOTH, "S", "T")
    mailbox.refused.clear()

    sent = send_once("1", BOTH, "S", "T")

    assert sent == 1
    assert [mail["To"] for mail in mailbox.mails] == [BOTH[1], BOTH[0]]


def test_a_crash_before_the_note_sends_under_the_same_message_id(
    sqlite_database: Engine, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one gap that is left; a reader's program can close it."""

    def crash(*_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr("app.mail._note", crash)
        with pytest.raises(KeyboardInterrupt):
            send_once("1", BOTH[:1], "S", "T")

    send_once("1", BOTH[:1], "S", "T")

    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert notes() == 1


@pytest.mark.parametrize(("to", "subject"), [("a@x.example\nBcc: b@x.example", "S"), ("a@x.example", "S\nBcc: b")])
def test_no_value_adds_a_header(sqlite_database: Engine, mailbox: Mailbox, to: str, subject: str) -> None:
    """A name or an address may be anybody's."""
    with pytest.raises(ValueError, match=r"CR|newline|linefeed|Invalid|parse"):
        send_once("1", [to], subject, "T")

    assert mailbox.mails == []


def test_without_a_server_nothing_is_sent(sqlite_database: Engine) -> None:
    """The error names the setting."""
    with pytest.raises(MailNotConfigured, match="SMTP_HOST"):
        send_once("1", BOTH, "S", "T")


def test_a_password_does_not_travel_readable(
    sqlite_database: Engine, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if somebody set it so."""
    monkeypatch.setenv("SMTP_USER", "toril")
    settings.cache_clear()

    with pytest.raises(MailRefused, match="SMTP_SECURITY"):
        send_once("1", BOTH, "S", "T")

    assert (mailbox.mails, mailbox.signed_in) == ([], [])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = made.add_extension(here, critical=False).sign(key, hashes.SHA256())
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secured(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A server that wants STARTTLS and a password."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with smtp_server(tls) as running:
        use(monkeypatch, SMTP_PORT=str(running.port), SMTP_USER="toril", SMTP_PASSWORD="right")
        yield running
    settings.cache_clear()


def test_a_mail_goes_encrypted_and_signed_in(
    sqlite_database: Engine, secured: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a server whose certificate is known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    send_once("1", BOTH[:1], "S", "T")

    assert (len(secured.mails), secured.signed_in) == (1, ["toril"])


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(sqlite_database: Engine, secured: Mailbox) -> None:
    """Neither the password nor the mail."""
    with pytest.raises((ssl.SSLError, smtplib.SMTPException)):
        send_once("1", BOTH[:1], "S", "T")

    assert (secured.mails, secured.signed_in) == ([], [])
