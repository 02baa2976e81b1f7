"""/app/users: registration, verification, removal."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from app import db
from app.api.input import Body, Page, read_body, read_query
from app.api.replies import Answer, Done, Plain, ok
from app.auth.guard import requires, sees
from app.auth.passwords import LONGEST, SHORTEST, hash_password
from app.domains.accounts import users
from app.domains.accounts.errors import UserNotFound
from app.models.user import ID_LENGTH, Role, User

bp = Blueprint("users", __name__, url_prefix="/app/users")


class NewUser(Body):
    """Who is to be registered."""

    email: str = Field(max_length=254)
    password: str = Field(min_length=SHORTEST, max_length=LONGEST, repr=False)
    role: Role = Field(Role.USER, strict=False)


class UsersPage(Page):
    """A page of users begins after the last id of the one before."""

    after: str = Field("", max_length=ID_LENGTH, pattern=r"^[A-Za-z0-9_-]*$")


class ShownUser(TypedDict):
    """A user as anybody may see them: never the password, nor its hash."""

    id: str
    email: str
    role: Role
    verifiedAt: datetime | None
    createdAt: datetime


@bp.post("")
@requires(Role.ADMIN)
def register() -> Answer[ShownUser]:
    """A new user, to be verified next; 409 if the address is taken."""
    new = read_body(NewUser)
    password_hash = hash_password(new.password)  # takes its time: before the transaction
    with db.session() as session:
        user = users.register(session, new.email, password_hash, new.role)
        return ok(_shown(user), status=201)


@bp.get("")
@requires(Role.VIEWER)
def list_users() -> Answer[list[ShownUser]]:
    """Present users, by id."""
    page = read_query(UsersPage)
    with db.reading() as session:
        found = session.scalars(users.present_users().where(User.id > page.after).limit(page.limit))
        return ok([_shown(user) for user in found])


@bp.get("/<key:user_id>")
@requires(Role.USER)
def show(user_id: str) -> Answer[ShownUser]:
    """One user: oneself, or anyone for a viewer."""
    if not sees(user_id):
        raise UserNotFound(user_id)
    with db.reading() as session:
        return ok(_shown(users.find_user(session, user_id)))


@bp.post("/<key:user_id>/verify")
@requires(Role.ADMIN)
def verify(user_id: str) -> Answer[ShownUser]:
    """From now on the user's data is refreshed every day and every week."""
    with db.session() as session:
        return ok(_shown(users.verify(session, user_id)))


@bp.delete("/<key:user_id>")
@requires(Role.ADMIN)
def remove(user_id: str) -> Plain[Done]:
    """Forget the user and free their slots."""
    with db.session() as session:
        users.remove(session, user_id)
    return ok(message="User removed successfully")


def _shown(user: User) -> ShownUser:
    return {
        "id": user.id,
        "email": user.email,
        "role": user.role,
        "verifiedAt": user.verified_at,
        "createdAt": user.created_at,
    }
