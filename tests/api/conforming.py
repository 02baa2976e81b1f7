"""Calls of one operation as schemathesis makes them up, by each role, each answer held against the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE

#: What fits the document may still be refused with 400: no address, a name that nobody has, two fields that do not go
#: together. Such rules are sentences in an answer, not schemas.
ACCEPTED = ["200", "201", "202", "400", "401", "403", "404", "409", "429"]
#: What does not fit may meet another refusal first: a name that nobody has, a method to which a mangled path leads, a
#: body that is too long, a caller who may not.
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "429"]


def schema_of(app: Flask) -> BaseSchema:
    """The document of that application, to make calls of it."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.config.generation.with_security_parameters = False  # each call is somebody's
    schema.config.checks.positive_data_acceptance.expected_statuses = ACCEPTED
    schema.config.checks.negative_data_rejection.expected_statuses = REFUSED
    return schema


def conform(
    operation: APIOperation[Any, Any, Any, Any], tokens: Iterable[str], known: Mapping[str, Any], examples: int
) -> Counter[int]:
    """Call it with each token, so often for what exists and so often with what does not fit; the answers' statuses.

    Raises what schemathesis finds: a 5xx, a status or a shape that the document does not have, an odd call that was
    taken, a method that should not be there, an answer without a token.
    """
    answered: Counter[int] = Counter()
    named = {one.name for one in operation.path_parameters}
    existing = {name: value for name, value in known.items() if name in named}
    for token in tokens:
        _call(operation.as_strategy(POSITIVE, path_parameters=existing or None), token, examples, answered)
        try:
            _call(operation.as_strategy(NEGATIVE), token, examples, answered)
        except Unsatisfiable:
            assert not [*operation.body, *operation.query, *named], operation.label
    return answered


def _call(cases: SearchStrategy[Case[Any]], token: str, examples: int, answered: Counter[int]) -> None:
    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def call(case: Case[Any]) -> None:
        answered[case.call_and_validate(headers={"Authorization": f"Bearer {token}"}).status_code] += 1

    call()
