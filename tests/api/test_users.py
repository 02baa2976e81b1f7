"""/app/users: from registration to removal."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app import db
from app.models.user import Role
from tests.api.conftest import PASSWORD, Called


def test_a_user_is_registered_verified_and_removed(as_: Called) -> None:
    """And their password is never shown."""
    admin = as_(Role.ADMIN)

    made = admin.post("/app/users", json={"email": "ada@example.com", "password": PASSWORD})
    ada = made.get_json()["data"]
    verified = admin.post(f"/app/users/{ada['id']}/verify")
    removed = admin.delete(f"/app/users/{ada['id']}")
    gone = admin.get(f"/app/users/{ada['id']}")

    assert [reply.status_code for reply in (made, verified, removed, gone)] == [201, 200, 200, 404]
    assert set(ada) == {"id", "email", "role", "verifiedAt", "createdAt"}
    assert ada["verifiedAt"] is None
    assert verified.get_json()["data"]["verifiedAt"] is not None
    assert gone.get_json() == {"success": False, "error": f"no user '{ada['id']}'"}


def test_verification_survives_a_failure_to_schedule(as_: Called) -> None:
    """CONTRACTS S0-4, through the API."""
    admin, ada = as_(Role.ADMIN), as_()
    with db.session() as session:
        session.execute(text("DROP TABLE slot_loads"))

    reply = admin.post(f"/app/users/{ada.id}/verify")

    assert reply.status_code == 200
    assert ada.get("/app/jobs/user/schedule").get_json()["data"]["dailyUpdateHour"] is None


def test_an_address_is_registered_once(as_: Called) -> None:
    """The second gets 409, and the reason."""
    admin = as_(Role.ADMIN)
    admin.post("/app/users", json={"email": "ada@example.com", "password": PASSWORD})

    again = admin.post("/app/users", json={"email": " ADA@example.com ", "password": PASSWORD})

    assert (again.status_code, again.get_json()["error"]) == (409, "'ada@example.com' is taken by another user")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"email": "ada@example.com"}, "password: Field required"),
        ({"email": "ada@example.com", "password": "short"}, "password: String should have at least 8 characters"),
        ({"email": "ada", "password": PASSWORD}, "'ada' is not an e-mail address"),
        ({"email": "a@example.com", "password": PASSWORD, "role": "king"}, "role: Input should be 'user', 'viewer',"),
        (
            {"email": "a@example.com", "password": PASSWORD, "verified": True},
            "verified: Extra inputs are not permitted",
        ),
        ({"email": 7, "password": PASSWORD}, "email: Input should be a valid string"),
    ],
)
def test_a_bad_registration_names_the_field(as_: Called, body: object, says: str) -> None:
    """And never repeats the password."""
    reply = as_(Role.ADMIN).post("/app/users", json=body)

    assert reply.status_code == 400
    assert reply.get_json()["error"].startswith(says)
    assert PASSWORD not in reply.text
    assert "short" not in reply.text


def test_users_come_in_pages(as_: Called) -> None:
    """Each begins after the last id of the one before."""
    viewer = as_(Role.VIEWER)
    everyone = sorted([viewer.id, *(as_().id for _ in range(4))])

    first = viewer.get("/app/users?limit=3").get_json()["data"]
    second = viewer.get(f"/app/users?limit=3&after={first[-1]['id']}").get_json()["data"]

    assert [user["id"] for user in first + second] == everyone
    assert len(first) == 3


def test_a_user_sees_only_themselves(as_: Called) -> None:
    """Another one answers as one who does not exist: word for word."""
    ada, bob, viewer = as_(), as_(), as_(Role.VIEWER)

    own, others, nobodys, viewed = (
        caller.get(f"/app/users/{user_id}")
        for caller, user_id in ((ada, ada.id), (ada, bob.id), (ada, "nobody"), (viewer, bob.id))
    )

    assert [reply.status_code for reply in (own, others, nobodys, viewed)] == [200, 404, 404, 200]
    assert others.text.replace(bob.id, "nobody") == nobodys.text
