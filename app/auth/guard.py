"""Who may call a view: a token or a cookie says who it is, the database says what they may do now."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g, request

from app import db
from app.auth.tokens import Unauthenticated, subject
from app.domains.accounts.errors import UserNotFound
from app.domains.accounts.users import find_user
from app.models.user import Role, User

P = ParamSpec("P")
R = TypeVar("R")


_least_roles: dict[Callable[..., object], Role] = {}


class Forbidden(Exception):
    """The user is known, and may not do this."""

    def __init__(self, has: Role, needs: Role) -> None:
        super().__init__(f"this needs the role {needs.value!r}; yours is {has.value!r}")


def by_token() -> User:
    """The user who calls, by the token of the request's header. Raises Unauthenticated."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send a token: Authorization: Bearer …; get one at POST /auth/token")
    try:
        with db.reading() as session:
            return find_user(session, subject(token.strip()))
    except UserNotFound:
        raise Unauthenticated("the token's user is gone") from None


def requires(least: Role, caller: Callable[[], User] = by_token) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view be called only by a present user who has at least this role."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.user = caller()
            if not g.user.role.includes(least):
                raise Forbidden(g.user.role, least)
            return view(*args, **kwargs)

        _least_roles[guarded] = least
        return guarded

    return guard


def least_role(view: Callable[..., object]) -> Role | None:
    """What ``requires`` asks of who calls the view; None where it is open to all."""
    return _least_roles.get(view)


def current_user() -> User:
    """The user who calls; only inside a view that ``requires`` a role."""
    user: User = g.user
    return user


def sees_all() -> bool:
    """Whether the user who calls may see what is another's."""
    return current_user().role.includes(Role.VIEWER)


def sees(owner_id: str | None) -> bool:
    """Whether the user who calls may see what is that user's. If not, answer as if it did not exist."""
    return sees_all() or owner_id == current_user().id
