"""A JSON Schema in a few words, for the page that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Shape = Mapping[str, Any]

LIMITS = {"minimum": "at least", "maximum": "at most", "minLength": "at least", "maxLength": "at most"}


class Field(NamedTuple):
    """One field of an object, or of what is nested in it, with dots between."""

    name: str
    words: str
    is_required: bool
    description: str


def fields_of(schema: Shape, schemas: Mapping[str, Shape], within: str = "", depth: int = 4) -> Iterator[Field]:
    """Every field of an object that ``schemas`` may hold, nested ones after their parent."""
    schema = _resolved(schema, schemas)
    for name, field in schema.get("properties", {}).items():
        path = f"{within}{name}"
        yield Field(path, in_words(field), name in schema.get("required", ()), field.get("description", ""))
        inner = _inner(field, schemas)
        if depth and inner is not None:
            end = "[]." if field.get("type") == "array" else "."
            yield from fields_of(inner, schemas, f"{path}{end}", depth - 1)
    if depth and schema.get("type") == "array":
        yield from fields_of(schema["items"], schemas, f"{within}[].", depth - 1)


def in_words(schema: Shape) -> str:
    """``integer, at least 1, at most 1000``; ``list of User``; ``"daily" or "weekly"``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if kinds := schema.get("anyOf"):
        return " or ".join(map(in_words, kinds))
    if "const" in schema or "enum" in schema:
        return " or ".join(f'"{value}"' if isinstance(value, str) else str(value).lower() for value in _values(schema))
    if schema.get("type") == "array":
        return f"list of {in_words(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type") or "anything"
    limits = [f"{words} {schema[name]}" for name, words in LIMITS.items() if name in schema]
    if "Length" in " ".join(schema):
        limits = [f"{limit} characters" for limit in limits]
    return ", ".join([kind, *limits])


def _values(schema: Shape) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema["enum"])


def _inner(field: Shape, schemas: Mapping[str, Shape]) -> Shape | None:
    """What a field holds, where that has fields: an object, one of a list, or one that may be null."""
    if field.get("type") == "array":
        return _inner(field.get("items", {}), schemas)
    for kind in field.get("anyOf", ()):
        if (inner := _inner(kind, schemas)) is not None:
            return inner
    found = _resolved(field, schemas)
    return found if "properties" in found else None


def _resolved(schema: Shape, schemas: Mapping[str, Shape]) -> Shape:
    reference = schema.get("$ref")
    return schemas[str(reference).rpartition("/")[2]] if reference else schema
