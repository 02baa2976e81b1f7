"""Rows in columns, for people and for `cut` alike."""

from __future__ import annotations

from collections.abc import Sequence

import click


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print left-aligned columns, two spaces apart; None is a dash."""
    lines = [list(headings), *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
