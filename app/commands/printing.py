"""What a command prints: sentences and columns for people, with ``--json`` the same facts for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

_WANTED = "toril.json"


def speaks_json(command: click.Command) -> click.Command:
    """Give the command, and those below it, the option ``--json``."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            speaks_json(below)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        want = click.Option(["--json"], is_flag=True, expose_value=False, callback=_want, help="Print JSON.")
        command.params.append(want)
    return command


def show(facts: Mapping[str, Any] | Sequence[Any], in_words: Callable[[], None]) -> None:
    """The facts as JSON if that is wanted; otherwise in words."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(_WANTED):
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
    else:
        in_words()


def say(sentence: str, **facts: Any) -> None:
    """A sentence, or the facts that it tells."""
    show(facts, lambda: click.echo(sentence))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Left-aligned columns, two spaces apart, for people and for `cut` alike, None a dash; or an array of objects."""
    names = [heading.partition(" (")[0].lower().replace(" ", "_") for heading in headings]
    show([dict(zip(names, row, strict=True)) for row in rows], lambda: _columns(headings, rows))


def _columns(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    lines = [list(headings), *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _want(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.meta[_WANTED] = True
