"""Passwords are kept as argon2id hashes."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: In characters; a longer one would only be work for the server.
SHORTEST, LONGEST = 8, 128

# OWASP's lean setting: anybody may call the sign-in, so that a guess must not cost the server 64 MiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

#: Compared with when there is no such user, so that the answer takes as long.
NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """A salted hash, with its parameters inside."""
    return _HASHER.hash(password)


def fits(password: str, password_hash: str) -> bool:
    """Whether it is this password. A hash that is none fits nothing."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
