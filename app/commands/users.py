"""``toril users``: add, list, verify, remove."""

from __future__ import annotations

import sys

import click
from sqlalchemy.orm import Session

from app import db
from app.auth.passwords import LONGEST, SHORTEST, hash_password
from app.commands.printing import say, show_table
from app.domains.accounts import users as lives
from app.models.user import Role, User


@click.group()
def users() -> None:
    """Users: who signs in, and whose data is refreshed."""


@users.command()
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.USER.value, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin instead of asking.")
@click.option("--verified", is_flag=True, help="Verify the user at once.")
def add(email: str, role: str, password_stdin: bool, verified: bool) -> None:
    """Register a user; prints the id."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not SHORTEST <= len(password) <= LONGEST:
        raise click.ClickException(f"the password has {len(password)} characters; give it {SHORTEST} to {LONGEST}")
    with db.session() as session:
        user = lives.register(session, email, hash_password(password), Role(role))
        if verified:
            lives.verify(session, user.id)
    say(user.id, id=user.id, email=user.email, role=user.role)


@users.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--after", default="", help="The last id of the page before.")
def list_users(limit: int, after: str) -> None:
    """Show present users, by id."""
    with db.reading() as session:
        page = session.scalars(lives.present_users().where(User.id > after).limit(limit)).all()
    rows = [(user.id, user.email, user.role, user.verified_at and user.verified_at.date()) for user in page]
    show_table(("ID", "EMAIL", "ROLE", "VERIFIED"), rows)


@users.command()
@click.argument("user")
def verify(user: str) -> None:
    """Verify USER (id or e-mail): from now on their data is refreshed."""
    with db.session() as session:
        found = lives.verify(session, find(session, user).id)
    say(f"{found.email} is verified", id=found.id, email=found.email)


@users.command()
@click.argument("user")
@click.confirmation_option("--yes", prompt="This forgets the user's accounts and cannot be undone. Go on?")
def remove(user: str) -> None:
    """Remove USER (id or e-mail) and what is theirs."""
    with db.session() as session:
        found = find(session, user)
        email = found.email
        lives.remove(session, found.id)
    say(f"{email} is removed", email=email)


def find(session: Session, user: str) -> User:
    """The user with that id or e-mail address."""
    return lives.find_by_email(session, user) if "@" in user else lives.find_user(session, user)
