"""``toril tokens``: sign somebody in without their password."""

from __future__ import annotations

import click

from app import db
from app.auth.tokens import issue as issue_token
from app.commands.printing import say
from app.commands.users import find


@click.group()
def tokens() -> None:
    """Tokens for the API."""


@tokens.command()
@click.argument("user")
def issue(user: str) -> None:
    """Print a token for USER (id or e-mail), as long-lived as one from POST /auth/token."""
    with db.reading() as session:
        token = issue_token(find(session, user))
    say(token, token=token)
