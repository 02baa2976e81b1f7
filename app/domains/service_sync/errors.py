"""The four kinds of failure of document 001, each told by its first word (S1-10)."""

from __future__ import annotations

from typing import ClassVar

from app.broker.errors import Unrecoverable


class SyncFailed(Exception):
    """A sync that brought nothing; what follows is tried again, unless it is Unrecoverable too."""

    kind: ClassVar[str]

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.kind} error: {reason}")


class ApiError(SyncFailed):
    """The status API answered, and not with a status."""

    kind = "API"


class NetworkError(SyncFailed):
    """No whole answer came."""

    kind = "Network"


class AddressRefused(NetworkError, Unrecoverable):
    """The URL leads to where we do not call; no later attempt would."""


class DatabaseError(SyncFailed):
    """The database refused the records."""

    kind = "Database"


class ServiceError(SyncFailed, Unrecoverable):
    """The service is gone, inactive, or its key cannot be read; an attempt later changes nothing."""

    kind = "Service"


class ServiceNotFound(LookupError):
    """No such hosting service."""

    def __init__(self, service_id: str) -> None:
        super().__init__(f"no hosting service {service_id!r}")


class ServiceInactive(ValueError):
    """It is there, and is not to be synced."""

    def __init__(self, service_id: str) -> None:
        super().__init__(f"hosting service {service_id!r} is inactive; activate it first")
