"""Browsers that are signed in: a random token in a cookie, and a row that ends it at once when it is deleted."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from flask import request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import db
from app.auth.tokens import Unauthenticated
from app.clock import utc_now
from app.domains.accounts.errors import UserNotFound
from app.domains.accounts.users import find_user
from app.models.user import User
from app.models.web_session import WebSession
from app.secrets import signing_key
from app.settings import settings

COOKIE = "toril_session"


def new_token() -> str:
    """256 random bits, fit for a cookie."""
    return secrets.token_urlsafe(32)


def begin(session: Session, user_id: str, now: datetime) -> str:
    """Sign a browser in for ``DASHBOARD_SESSION_SECONDS``; returns the cookie's token. Sessions that are over go."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now))
    token = new_token()
    ends = now + timedelta(seconds=settings().dashboard_session_s)
    session.add(WebSession(token_hash=_hash(token), user_id=user_id, created_at=now, expires_at=ends))
    return token


def end(session: Session, token: str) -> None:
    """Sign that browser out."""
    session.execute(delete(WebSession).where(WebSession.token_hash == _hash(token)))


def end_all(session: Session, user_id: str) -> None:
    """Sign that user out everywhere."""
    session.execute(delete(WebSession).where(WebSession.user_id == user_id))


def by_cookie() -> User:
    """The user of the browser that calls, for ``guard.requires``. Raises Unauthenticated."""
    token = request.cookies.get(COOKIE, "")
    with db.reading() as session:
        theirs = (WebSession.token_hash == _hash(token), WebSession.expires_at > utc_now())
        user_id = session.scalar(select(WebSession.user_id).where(*theirs))
        if user_id is None:
            raise Unauthenticated("sign in: nobody is signed in here, or the session is over")
        try:
            return find_user(session, user_id)
        except UserNotFound:
            raise Unauthenticated("the session's user is gone") from None


def form_token(secret: str) -> str:
    """What a form must bring back to prove that it is ours: another site cannot know it. ``secret`` is a cookie."""
    return hmac.new(signing_key().encode(), f"form {secret}".encode(), hashlib.sha256).hexdigest()


def is_ours(token: str, secret: str) -> bool:
    """Whether a form brought the token that belongs to this cookie, in constant time."""
    return hmac.compare_digest(token.encode(), form_token(secret).encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
