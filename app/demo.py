"""Demo users, whose Amazon accounts are the simulator's, and demo publishers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import cycle, islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import register, verify
from app.domains.publishers.accounts import add_member, create
from app.domains.service_sync.server.book import DEMO_SERVICES, demo_key
from app.domains.service_sync.services import ServiceFields
from app.domains.service_sync.services import add as add_service
from app.models.publisher import Publisher
from app.models.user import Role, User
from app.settings import settings

USERS = 24
PASSWORD = "toril-demo"  # noqa: S105 - of users that exist only in demonstrations
OPERATOR = "operator@demo.example"
_PLACES = (("US", "NA"), ("GB", "EU"), ("JP", "FE"), ("CA", "NA"), ("DE", "EU"), ("MX", "NA"), ("FR", "EU"))
#: Id, premium, zone, currency: each belongs to one of the first users.
_PUBLISHERS = (
    ("demo-gazette", True, "America/New_York", "USD"),
    ("demo-diario", False, "Europe/Madrid", "EUR"),
    ("demo-patrika", False, "Asia/Kolkata", "INR"),
)


def is_empty(session: Session) -> bool:
    """Whether the database has no user yet."""
    return session.scalar(select(func.count()).select_from(User)) == 0


def add_users(session: Session, password_hash: str) -> list[str]:
    """24 verified users with one to three seller accounts each, and one operator to sign in as; returns the 24 ids."""
    register(session, OPERATOR, password_hash, Role.OPERATOR)
    places = cycle(_PLACES)
    return [_add_user(session, number, password_hash, list(islice(places, 1 + number % 3))) for number in range(USERS)]


def _add_user(session: Session, number: int, password_hash: str, places: list[tuple[str, str]]) -> str:
    user = register(session, f"seller-{number + 1:02}@demo.example", password_hash)
    for country, region in places:
        seller_id = f"DEMO{number + 1:02}{country}"
        token = f"demo-{seller_id}-{country}"  # the simulator knows the seller by it
        put_account(session, user.id, Seller(country, region, seller_id, str(1_000 + number), token))
    verify(session, user.id)
    return user.id


def add_publishers(session: Session, user_ids: Sequence[str]) -> None:
    """Three publishers in three zones and currencies, the first of them premium, a user each."""
    for (key, is_premium, zone, currency), user_id in zip(_PUBLISHERS, user_ids, strict=False):
        name = key.partition("-")[2].capitalize()
        create(session, Publisher(id=key, name=name, is_premium=is_premium, timezone=zone, currency=currency))
        add_member(session, key, user_id)


def add_services(session: Session, now: datetime) -> None:
    """Hosting services, whose status API is the local stand-in; one of them is inactive, one not shared."""
    for number in range(1, DEMO_SERVICES + 1):
        url = f"http://127.0.0.1:{settings().status_server_port}/services/demo-{number}/status"
        new = ServiceFields(name=f"Demo hosting {number}", status_url=url, api_key=demo_key(number))
        last, next_to_last = number == DEMO_SERVICES, number == DEMO_SERVICES - 1
        said = new.model_copy(update={"is_active": not last, "is_shared": not next_to_last})
        add_service(session, said, by="demo", at=now)
