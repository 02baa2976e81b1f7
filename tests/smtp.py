"""A real SMTP server for tests: what it has accepted is in its mailbox."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from app.settings import settings
from tests.servers import free_port


@dataclass
class Mailbox:
    """The server's answers and what it took. Addresses in ``refused`` are nobody's here."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    signed_in: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """Who is known."""
        if address in self.refused:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Accept it."""
        mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert envelope.rcpt_tos == [mail["To"]]
        self.mails.append(mail)
        return "250 OK"

    def sign_in(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        """One password is right."""
        assert isinstance(given, LoginPassword)
        self.signed_in.append(given.login.decode())
        return AuthResult(success=given.password == b"right")


@contextmanager
def smtp_server(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """With a certificate it speaks STARTTLS, and wants a password."""
    mailbox = Mailbox(free_port())
    secured = {"tls_context": tls, "require_starttls": True, "authenticator": mailbox.sign_in} if tls else {}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, loop=asyncio.new_event_loop(), **secured)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A server without encryption, and the settings that lead to it."""
    with smtp_server() as running:
        use(monkeypatch, SMTP_PORT=str(running.port), SMTP_SECURITY="none")
        yield running
    settings.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Settings of a server on this machine."""
    for name, value in {"SMTP_HOST": "127.0.0.1", "MAIL_FROM": "toril@x.example", **variables}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
