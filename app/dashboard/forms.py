"""What a browser sent, read strictly: a wrong field is a 400 that names it."""

from __future__ import annotations

import re
from typing import TypeVar

from flask import abort, request
from pydantic import BaseModel, ConfigDict, ValidationError

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Model = TypeVar("Model", bound=BaseModel)


class Form(BaseModel):
    """Fields of a form or of a query string: texts, without spaces around them; what is unknown is ignored."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)


def read_form(model: type[Model]) -> Model:
    """The posted form; 400 otherwise."""
    return _read(model, request.form.to_dict())


def read_query(model: type[Model]) -> Model:
    """The query string, whose empty fields were not filled in; 400 otherwise."""
    return _read(model, {name: value for name, value in request.args.to_dict().items() if value})


def faults(invalid: ValidationError) -> dict[str, str]:
    """What is wrong with each field, to stand beside it. The input stays out of it."""
    return {str(error["loc"][0]) if error["loc"] else "form": error["msg"] for error in invalid.errors()}


def _read(model: type[Model], fields: dict[str, str]) -> Model:
    odd = next((name for name, value in fields.items() if _UNSTORABLE.search(value)), None)
    if odd is not None:
        abort(400, f"{odd}: holds a NUL character or half of a surrogate pair")
    try:
        return model.model_validate(fields)
    except ValidationError as invalid:
        abort(400, "; ".join(f"{field}: {message}" for field, message in faults(invalid).items()))
