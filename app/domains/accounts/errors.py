"""What can be wrong with a user or an account."""

from __future__ import annotations


class UserNotFound(Exception):
    """No such user, or one who was removed."""

    def __init__(self, user: str) -> None:
        super().__init__(f"no user {user!r}")


class EmailTaken(Exception):
    """Another user has this address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email!r} is taken by another user")


class AccountNotFound(Exception):
    """The user sells nothing there."""

    def __init__(self, country: str, region: str) -> None:
        super().__init__(f"no seller account in country {country!r}, region {region!r}")


class UnknownMarketplace(ValueError):
    """Amazon has no such country, or not in that region."""

    def __init__(self, country: str, region: str, known: str) -> None:
        super().__init__(f"Amazon has no marketplace {country!r} in region {region!r}; {known}")


class InvalidEmail(ValueError):
    """No mail could be sent there."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not an e-mail address; give one such as 'name@example.com'")
