"""What every answer looks like: ``{"success": true, "data": …}``, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import (
    Any,
    Generic,
    Literal,
    NotRequired,  # pydantic's schema of a generic one needs it below Python 3.12
    TypeVar,
    overload,
)

from flask.json.provider import DefaultJSONProvider
from typing_extensions import TypedDict

Data = TypeVar("Data")


class Success(TypedDict, Generic[Data]):
    """The envelope of an answer with data."""

    success: Literal[True]
    message: NotRequired[str]
    data: Data


class Done(TypedDict):
    """The envelope of an answer that only says what was done."""

    success: Literal[True]
    message: str


#: What a view returns: its shape, for the types' check and for the API's document, and its status.
Answer = tuple[Success[Data], int]
#: The same without an envelope, as document 004 has it (C43).
Plain = tuple[Data, int]
#: One whose shape the document would not say.
Reply = tuple[Mapping[str, Any], int]


@dataclass(frozen=True)
class File:
    """A view that is ``-> Annotated[Response, File("text/csv")]`` answers with what is no JSON."""

    media_type: str


@overload
def ok(data: Data, *, message: str | None = None, status: int = 200) -> Answer[Data]: ...
@overload
def ok(*, message: str, status: int = 200) -> Plain[Done]: ...


def ok(data: Any = None, *, message: str | None = None, status: int = 200) -> Any:
    """Success, with data or a sentence."""
    reply: dict[str, Any] = {"success": True}
    if message is not None:
        reply["message"] = message
    if data is not None:
        reply["data"] = data
    return reply, status


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no form in JSON")


class Json(DefaultJSONProvider):
    """Flask's JSON, with keys in the order they were written and money as digits."""

    default = staticmethod(_plain)
    sort_keys = False
    ensure_ascii = False
