"""What can be wrong with a publisher."""

from __future__ import annotations

from app.broker.errors import Unrecoverable


class PublisherNotFound(Unrecoverable):
    """No such publisher, or none that the caller may know of. A job of one fails at once."""

    def __init__(self, publisher_id: str) -> None:
        super().__init__(f"no publisher {publisher_id!r}")


class PublisherExists(ValueError):
    """The id is taken."""

    def __init__(self, publisher_id: str) -> None:
        super().__init__(f"there is a publisher {publisher_id!r} already; take another id")


class EventRefused(ValueError):
    """One of the events cannot be the publisher's: which, by its place, and what would do."""

    def __init__(self, number: int, field: str, fault: str) -> None:
        super().__init__(f"events.{number}.{field}: {fault}")
