"""What can be wrong with a publisher."""

from __future__ import annotations


class PublisherNotFound(LookupError):
    """No such publisher, or none that the caller may know of."""

    def __init__(self, publisher_id: str) -> None:
        super().__init__(f"no publisher {publisher_id!r}")


class PublisherExists(ValueError):
    """The id is taken."""

    def __init__(self, publisher_id: str) -> None:
        super().__init__(f"there is a publisher {publisher_id!r} already; take another id")
