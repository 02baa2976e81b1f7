"""The API's OpenAPI 3.1 document, composed from the routes, their views' contracts and the table of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from flask import Flask
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema
from werkzeug.routing import IntegerConverter, Rule

from app.api.contract import Contract, contract_of
from app.api.errors import STATUSES, is_bare
from app.api.replies import File
from app.models.user import Role

SCHEMAS = "#/components/schemas/{model}"
JSON = "application/json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

Schemas = dict[tuple[Any, JsonSchemaMode], JsonSchemaValue]


class _Exact(GenerateJsonSchema):
    """An answer holds what its shape says and nothing else."""

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}


def document(app: Flask) -> dict[str, Any]:
    """Every route of the API, as this application has it now."""
    routes = list(operations(app))
    schemas, components = _schemas(contract for _, _, contract in routes)
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, contract in routes:
        paths.setdefault(_path(rule), {})[method.lower()] = _operation(rule, method, contract, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Toril", "version": version("toril"), "description": "Background jobs that nothing loses."},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {**components, "Refusal": _refusal(bare=False), "BareRefusal": _refusal(bare=True)},
        },
    }


def operations(app: Flask) -> Iterator[tuple[Rule, str, Contract]]:
    """The API's routes, by path; the dashboard's pages and these documents are none."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        if view.__module__.startswith("app.api.") and rule.endpoint.partition(".")[0] != "docs":
            contract = contract_of(view)
            yield from ((rule, method, contract) for method in METHODS if method in (rule.methods or ()))


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule)


def _operation(rule: Rule, method: str, contract: Contract, schemas: Schemas) -> dict[str, Any]:
    tag, _, _ = rule.endpoint.partition(".")
    needs = f"Needs the role {contract.role.value}." if contract.role else "Open to all."
    described = {
        "operationId": rule.endpoint,
        "tags": [tag],
        "summary": contract.summary,
        "description": "\n\n".join(filter(None, (contract.description, needs))),
        "security": [{"token": []}] if contract.role else [],
        "parameters": [*_path_parameters(rule), *_query_parameters(contract)],
        "responses": _responses(rule, method, contract, schemas),
    }
    if contract.body:
        content = {JSON: {"schema": schemas[contract.body, "validation"]}}
        described["requestBody"] = {"required": contract.needs_body, "content": content}
    return described


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments, key=rule.rule.index):
        converter = rule._converters[name]  # werkzeug keeps it there, and nowhere in public
        text = {"type": "string", "pattern": f"^{converter.regex}$"}
        schema = {"type": "integer", "minimum": 0} if isinstance(converter, IntegerConverter) else text
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(contract: Contract) -> Iterator[dict[str, Any]]:
    if contract.query is None:
        return
    schema = TypeAdapter(contract.query).json_schema(ref_template=SCHEMAS)
    for name, field in schema.get("properties", {}).items():
        kept = {key: value for key, value in field.items() if key != "title"}
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": _given(kept)}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it cannot be null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **kinds[0]}


def _responses(rule: Rule, method: str, contract: Contract, schemas: Schemas) -> dict[str, Any]:
    kind = "BareRefusal" if is_bare(rule.rule) else "Refusal"
    refused = {JSON: {"schema": {"$ref": SCHEMAS.format(model=kind)}}}
    answers = {str(status): _answer(status, contract, schemas) for status in sorted(contract.statuses)}
    statuses = {status for status in REFUSALS if _may_be(status, rule, method, contract)} | contract.refusals
    refusals = {
        str(status): {"description": HTTPStatus(status).phrase, "content": refused}
        for status in sorted(statuses)
        if str(status) not in answers
    }
    return answers | refusals


def _answer(status: int, contract: Contract, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for answer in contract.answers:
        if isinstance(answer, File):
            content[answer.media_type] = {}
        else:
            content[JSON] = {"schema": schemas[answer, "serialization"]}
    return {"description": HTTPStatus(status).phrase, "content": content}


#: What an error may be answered with: the table's statuses, a body that is too long, and what will pass.
REFUSALS = frozenset({*STATUSES.values(), 413, 503})


def _may_be(status: int, rule: Rule, method: str, contract: Contract) -> bool:
    """Whether this route can be refused so; a status of the table that is not named here stands at every route."""
    return {
        400: bool(contract.body or contract.query),
        401: contract.role is not None or contract.body is not None,  # the sign-in, too
        403: contract.role not in (None, Role.USER),
        404: bool(rule.arguments or contract.body or contract.query),  # each may name something
        409: method != "GET",
        413: contract.body is not None,
        429: contract.role is None and contract.body is not None,
    }.get(status, True)


def _schemas(contracts: Iterator[Contract]) -> tuple[Schemas, dict[str, Any]]:
    """The schema of every model and shape, and the definitions that they share."""
    wanted: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = []
    for contract in contracts:
        inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(contract.body, "validation")] if contract.body else []
        shapes = [answer for answer in contract.answers if not isinstance(answer, File)]
        wanted += [(kind, mode, TypeAdapter(kind)) for kind, mode in inputs]
        wanted += [(shape, "serialization", TypeAdapter(shape)) for shape in shapes]
    schemas, definitions = TypeAdapter.json_schemas(wanted, ref_template=SCHEMAS, schema_generator=_Exact)
    return schemas, definitions.get("$defs", {})


def _refusal(*, bare: bool) -> dict[str, Any]:
    success = {} if bare else {"success": {"const": False}}
    properties = {**success, "error": {"type": "string", "minLength": 1}}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
