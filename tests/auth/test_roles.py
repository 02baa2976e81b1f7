"""Each role may do what those before it may."""

from __future__ import annotations

from app.models.user import Role


def test_roles_include_those_before_them() -> None:
    """user < viewer < operator < admin (CONTRACTS C42), which is not their alphabetical order."""
    may = {role.value: [least.value for least in Role if role.includes(least)] for role in Role}

    assert may == {
        "user": ["user"],
        "viewer": ["user", "viewer"],
        "operator": ["user", "viewer", "operator"],
        "admin": ["user", "viewer", "operator", "admin"],
    }
