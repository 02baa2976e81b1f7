"""A bar chart, drawn once: the page takes it as SVG, the PDF as it is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from reportlab.graphics import renderSVG
from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor

WIDTH, HEIGHT = 480, 150
BAR = HexColor("#2f6fde")
#: Labels that fit beside each other.
MOST_LABELS = 16


def bars(labels: Sequence[str], values: Sequence[int | Decimal]) -> Drawing:
    """One bar a value, from zero up; only some labels where there are many."""
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 60, 20, WIDTH - 70, HEIGHT - 30
    chart.data = [[float(value) for value in values]]
    every = -(-len(labels) // MOST_LABELS)
    chart.categoryAxis.categoryNames = [label if n % every == 0 else "" for n, label in enumerate(labels)]
    chart.categoryAxis.labels.fontSize = chart.valueAxis.labels.fontSize = 8
    chart.valueAxis.valueMin = 0
    chart.valueAxis.valueMax = None if any(values) else 1
    chart.valueAxis.labelTextFormat = "%g"
    chart.bars[0].fillColor = BAR
    chart.bars[0].strokeColor = None
    drawing = Drawing(WIDTH, HEIGHT)
    drawing.add(chart)
    return drawing


def as_svg(drawing: Drawing) -> str:
    """The ``<svg>`` element alone, as it stands within a page."""
    document: str = renderSVG.drawToString(drawing)
    return document[document.index("<svg") :]
