"""What a view takes and answers, read off its own code: so the document cannot say anything else (0020)."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from app.api.input import read_body, read_optional_body, read_query
from app.api.replies import File, ok
from app.auth.guard import least_role
from app.models.user import Role

View = Callable[..., Any]


@dataclass(frozen=True)
class Contract:
    """``answers`` are its JSON shapes, or a ``File``, and ``statuses`` theirs; ``refusals`` are those of its own."""

    summary: str
    description: str
    role: Role | None
    body: type[BaseModel] | None
    needs_body: bool
    query: type[BaseModel] | None
    answers: tuple[Any, ...]
    statuses: frozenset[int]
    refusals: frozenset[int]


def contract_of(view: View) -> Contract:
    """Of a view as it was registered, whatever wraps it."""
    function = inspect.unwrap(view)
    code = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    read = dict(_reads(code, function.__globals__))
    returned = [node.value for node in ast.walk(code) if isinstance(node, ast.Return)]
    summary, _, description = (inspect.getdoc(function) or "").replace("``", "`").partition("\n\n")
    return Contract(
        summary=" ".join(summary.split()),
        description=description,
        role=least_role(view),
        body=read.get(read_body) or read.get(read_optional_body),
        needs_body=read_body in read,
        query=read.get(read_query),
        answers=tuple(_answers(get_type_hints(function, include_extras=True)["return"])),
        statuses=frozenset(status for value in returned for status in _statuses(value)),
        refusals=frozenset(status for value in returned for status in _refusals(value)),
    )


def _reads(code: ast.AST, names: dict[str, Any]) -> Iterator[tuple[View, type[BaseModel]]]:
    """``read_body(NewUser)`` and its likes."""
    for call in ast.walk(code):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            reader = names.get(call.func.id)
            if reader in (read_body, read_optional_body, read_query) and isinstance(call.args[0], ast.Name):
                yield reader, names[call.args[0].id]


def _statuses(value: ast.expr | None) -> Iterator[int]:
    """Of ``return ok(…, status=201)``, ``return shown, 200`` or a choice of them; else 200."""
    match value:
        case ast.IfExp(body=one, orelse=other):
            yield from (*_statuses(one), *_statuses(other))
        case ast.Tuple(elts=[_, status]):
            yield from _constants(status)
        case ast.Call(func=ast.Name(id="refusal")):
            pass
        case ast.Call(func=ast.Name(id=ok.__name__), keywords=options):
            given = next((option.value for option in options if option.arg == "status"), None)
            yield from _constants(given) if given else (200,)
        case _:
            yield 200


def _refusals(value: ast.expr | None) -> Iterator[int]:
    """Of ``return refusal(404, …)``, which may be one of two."""
    for call in ast.walk(value) if value else ():
        match call:
            case ast.Call(func=ast.Name(id="refusal"), args=[status, *_]):
                yield from _constants(status)


def _constants(status: ast.expr) -> Iterator[int]:
    return (node.value for node in ast.walk(status) if isinstance(node, ast.Constant) and isinstance(node.value, int))


def _answers(hint: Any) -> Iterator[Any]:
    """The shapes within ``Answer[…]`` and ``Plain[…]``, or the ``File``; a bare Response beside them is a refusal."""
    if get_origin(hint) in (Union, UnionType):
        for arm in get_args(hint):
            yield from _answers(arm)
    elif get_origin(hint) is tuple:
        yield get_args(hint)[0]
    else:
        yield from (note for note in getattr(hint, "__metadata__", ()) if isinstance(note, File))
