"""Mail over SMTP, each at most once for what it is about.

A server's acceptance and our note of it are not one transaction: a crash between the two sends a mail again, under the
same Message-ID, by which its reader's program knows it.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from app import db
from app.clock import utc_now
from app.models.sent_mail import SentMail
from app.settings import settings

TIMEOUT_S = 20


class MailNotConfigured(Exception):
    """There is no server to send by."""

    def __init__(self) -> None:
        super().__init__("no mail can be sent: set SMTP_HOST")


class MailRefused(Exception):
    """The server would not take a mail; a later attempt sends what is left."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a mail brings; its type as in ``application/pdf``."""

    name: str
    maintype: str
    subtype: str
    content: bytes


def is_address(text: str) -> bool:
    """Whether a mail can be addressed so."""
    try:
        return bool(Address(addr_spec=text).domain)
    except (HeaderParseError, ValueError, IndexError):
        return False


def send_once(
    about: str, recipients: list[str], subject: str, text: str, attachments: Sequence[Attachment] = ()
) -> int:
    """Send to each recipient who has not had the mail ``about`` this yet; returns how many were sent now.

    A recipient whom the server refuses does not keep the others from theirs. Raises MailRefused afterwards, naming
    how many; MailNotConfigured; OSError and smtplib.SMTPException when the server is away.
    """
    wanted = {_message_id(about, recipient): recipient for recipient in dict.fromkeys(recipients)}
    with db.reading() as session:
        had = [key for key in wanted if session.get(SentMail, key) is not None]
    left = {key: recipient for key, recipient in wanted.items() if key not in had}
    if not left:
        return 0
    refused: list[str] = []
    with _server() as server:
        for message_id, recipient in left.items():
            try:
                server.send_message(_message(message_id, recipient, subject, text, attachments))
            except smtplib.SMTPResponseException as error:
                refused.append(f"{error.smtp_code}")
            except smtplib.SMTPRecipientsRefused as error:
                refused += [f"{code}" for code, _ in error.recipients.values()]
            else:
                _note(message_id, recipient, subject)
    if refused:
        raise MailRefused(f"{len(refused)} of {len(left)} mails were refused: {', '.join(sorted(set(refused)))}")
    return len(left)


def _note(message_id: str, recipient: str, subject: str) -> None:
    with db.session() as session:
        session.merge(SentMail(message_id=message_id, recipient=recipient, subject=subject, sent_at=utc_now()))


def _message_id(about: str, recipient: str) -> str:
    """Equal for the same mail; it does not show the recipient's address."""
    digest = hashlib.sha256(f"{about} {recipient}".encode()).hexdigest()[:32]
    domain = settings().mail_from.rpartition("@")[2]
    return f"<{digest}@{domain}>"


def _message(
    message_id: str, recipient: str, subject: str, text: str, attachments: Sequence[Attachment]
) -> EmailMessage:
    """The header registry refuses line breaks, so that no value can add a header."""
    message = EmailMessage()
    message["From"] = Address(addr_spec=settings().mail_from)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message["Date"] = format_datetime(utc_now())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    for one in attachments:
        message.add_attachment(one.content, maintype=one.maintype, subtype=one.subtype, filename=one.name)
    return message


@contextmanager
def _server() -> Iterator[smtplib.SMTP]:
    """A signed-in connection; a password never goes over one that is not encrypted."""
    given = settings()
    if not given.smtp_host:
        raise MailNotConfigured
    with _connect() as server:
        if given.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if given.smtp_user:
            if given.smtp_security == "none":
                raise MailRefused("SMTP_USER needs SMTP_SECURITY=starttls or tls: its password would travel readable")
            server.login(given.smtp_user, given.smtp_password)
        yield server


def _connect() -> smtplib.SMTP:
    given = settings()
    if given.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(given.smtp_host, given.smtp_port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(given.smtp_host, given.smtp_port, timeout=TIMEOUT_S)
