"""Rows as CSV or JSON, piece by piece: nothing is held but the row that is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from app.domains.publishers.exports.rows import Cell
from app.models.export import ExportFormat

Lines = Callable[[Sequence[str], Iterable[Sequence[Cell]]], Iterator[str]]

#: How a spreadsheet knows a formula: a text that begins so is shown as text, behind an apostrophe.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """Gives back what a csv writer writes."""

    def write(self, line: str) -> str:
        """The line."""
        return line


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """RFC 4180 with a heading. Only texts are kept from being formulas: a negative amount is a number."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_csv(cell) for cell in row])


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """An array of objects, one a line; amounts are texts, so that no reader makes floats of them."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(columns, map(_json, row), strict=True)), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv(cell: Cell) -> str | int | None:
    match cell:
        case Decimal():
            return format(cell, "f")
        case datetime():
            return cell.isoformat()
        case str() if cell.startswith(FORMULA):
            return f"'{cell}"
    return cell


def _json(cell: Cell) -> str | int | None:
    match cell:
        case Decimal():
            return format(cell, "f")
        case datetime():
            return cell.isoformat()
    return cell


FORMATS: Mapping[ExportFormat, Lines] = MappingProxyType({"csv": csv_lines, "json": json_lines})
