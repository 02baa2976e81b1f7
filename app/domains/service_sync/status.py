"""One question to a status API: ``{"records": [{"id", "at", "status", "message", "responseMs"}]}`` is the answer."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasGenerator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.domains.service_sync.errors import AddressRefused, ApiError, NetworkError
from app.ledger.batch import clean
from app.models.service_log import RECORD_ID_LENGTH
from app.net import Limits, OutboundFailed, OutboundRefused, send

LIMITS = Limits(connect_s=5, read_s=10, total_s=30, body_bytes=1024 * 1024)
MOST_RECORDS = 1_000

_QUERY = re.compile(r"\?[^\s'\"]*")


class Record(BaseModel):
    """One thing that the API says."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    id: Annotated[str, Field(min_length=1, max_length=RECORD_ID_LENGTH), AfterValidator(clean)]
    at: AwareDatetime
    status: Literal["up", "degraded", "down", "maintenance"]
    message: Annotated[str, Field(max_length=10_000), AfterValidator(clean)] = ""
    response_ms: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class Status(BaseModel):
    """The whole answer."""

    records: Annotated[list[Record], Field(max_length=MOST_RECORDS)]


def fetch_status(url: str, key: str) -> list[Record]:
    """The records that the API gives, each id once. Raises ApiError, NetworkError and AddressRefused."""
    try:
        answer = send("GET", url, headers={"Authorization": f"Bearer {key}"} if key else {}, limits=LIMITS)
    except OutboundRefused as error:
        raise AddressRefused(_told(error)) from None
    except OutboundFailed as error:
        raise NetworkError(_told(error)) from None
    if answer.status != 200:
        raise ApiError(f"{_told(url)} answered {answer.status}")
    try:
        status = Status.model_validate(answer.json())
    except OutboundFailed as error:
        raise ApiError(_told(error)) from None
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the answer"
        raise ApiError(f"{_told(url)} sent no status: {where}: {fault['msg']}") from None
    return list({record.id: record for record in status.records}.values())


def _told(what: object) -> str:
    """Without the query, which may hold a token."""
    return _QUERY.sub("?…", str(what))
