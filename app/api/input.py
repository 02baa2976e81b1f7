"""What a caller sent, read strictly: a document that is odd in any way is refused with the field's name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import RequestEntityTooLarge

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 20
MAX_LIMIT = 1000

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Model = TypeVar("Model", bound=BaseModel)


class BadRequest(Exception):
    """The message names the field and says what would do."""


class Body(BaseModel):
    """A request's JSON object: names in camelCase, nothing unknown, no conversions."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """A request's query string; what is unknown is ignored, as browsers and proxies add things."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Page(Query):
    """How many, at most."""

    limit: int = Field(100, ge=1, le=MAX_LIMIT)


def read_body(model: type[Model], most: int = MAX_BODY_BYTES) -> Model:
    """The body as this model; BadRequest otherwise, 413 for one of more bytes."""
    request.max_content_length = most
    raw = request.get_data()
    if request.content_length is None and len(raw) == most:
        raise RequestEntityTooLarge  # one that came in chunks is cut at the limit, without an error
    return _validated(model, parse(raw))


def read_optional_body(model: type[Model]) -> Model:
    """The same, where a caller who has nothing to add sends none."""
    return read_body(model) if request.get_data() else _validated(model, {})


def read_query(model: type[Model]) -> Model:
    """The query string as this model; BadRequest otherwise."""
    return _validated(model, request.args.to_dict())


def parse(raw: bytes) -> Any:
    """JSON in UTF-8, at most 20 levels deep, without NaN, infinities, NUL characters and lone surrogates."""
    try:
        document = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequest(f"body: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise BadRequest(f"body: not JSON in UTF-8 ({error})") from None
    _check(document, "body", MAX_DEPTH)
    return document


def _validated(model: type[Model], document: Any) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        raise BadRequest(faults(invalid)) from None


def faults(
    invalid: ValidationError, names: Mapping[str, str] = MappingProxyType({}), within: tuple[str, ...] = ()
) -> str:
    """Each field and what is wrong with it, in the caller's names. The input stays out of it: it may be a password.

    ``within`` is the field of the body that was read apart.
    """
    found = [
        (".".join(names.get(str(part), str(part)) for part in (*within, *error["loc"])) or "body", error["msg"])
        for error in invalid.errors()
    ]
    return "; ".join(f"{field}: {message}" for field, message in found[:10])


def _check(value: Any, path: str, depth: int) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise BadRequest(f"{path}: holds a NUL character or half of a surrogate pair")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadRequest(f"{path}: number out of range")
    elif isinstance(value, dict | list):
        if depth == 0:
            raise BadRequest(f"body: nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for name in value:
                _check(name, f"{path} (a name)", 0)
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _check(item, str(key) if path == "body" else f"{path}.{key}", depth - 1)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")
