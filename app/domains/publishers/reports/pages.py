"""A report as a page, as a PDF and as the text of a mail: the same lines and charts in each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from xml.sax.saxutils import escape

from jinja2 import Environment, PackageLoader, Template, select_autoescape
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from app.domains.publishers.metrics.formulas import Figure
from app.domains.publishers.reports.chart import as_svg, bars
from app.domains.publishers.reports.figures import STEPS, Reported

RULE = HexColor("#d8dee4")


def as_html(report: Reported) -> bytes:
    """One file: no script, nothing that is loaded."""
    charts = [(heading, as_svg(drawing)) for heading, drawing in _charts(report)]
    return _template().render(title=report.title, lines=_lines(report), charts=charts, foot=_foot(report)).encode()


def as_pdf(report: Reported) -> bytes:
    """A4; the same report is the same bytes. Its fonts are PDF's own: what they lack is shown as a box."""
    style = getSampleStyleSheet()
    table = Table([*map(list, _lines(report))], colWidths=(90 * mm, 70 * mm), hAlign="LEFT")
    table.setStyle([("ALIGN", (1, 0), (1, -1), "RIGHT"), ("LINEBELOW", (0, 0), (-1, -1), 0.5, RULE)])
    story = [Paragraph(escape(report.title), style["Title"]), table]
    for heading, drawing in _charts(report):
        story += [Spacer(0, 6 * mm), Paragraph(escape(heading), style["Heading2"]), drawing]
    story += [Spacer(0, 6 * mm), Paragraph(escape(_foot(report)), style["Normal"])]
    file = BytesIO()
    SimpleDocTemplate(file, pagesize=A4, title=report.title, author="Toril", invariant=1).build(story)
    return file.getvalue()


def as_text(report: Reported) -> str:
    """The lines alone."""
    lines = [f"{name}: {value}" for name, value in _lines(report)]
    return "\n".join([report.title, "", *lines, "", _foot(report)]) + "\n"


def _lines(report: Reported) -> Iterator[tuple[str, str]]:
    figures, currency = report.figures, report.publisher.currency
    for name, key, change in (("Ad requests", "requests", ""), ("Impressions", "impressions", "impressionsChange")):
        yield name, _count(figures[key]) + _change(figures.get(change))
    yield "Clicks", _count(figures["clicks"]) + _change(figures["clicksChange"])
    yield "Revenue", _amount(figures["revenue"], currency) + _change(figures["revenueChange"])
    yield "Fill rate", _percent(figures["fillRate"])
    yield "CTR", _percent(figures["ctr"])
    yield "eCPM", _amount(figures["ecpm"], currency)


def _charts(report: Reported) -> Iterator[tuple[str, Drawing]]:
    labels, by = [step.label for step in report.course], STEPS[report.kind]
    yield f"Impressions by {by}", bars(labels, [step.sums.impressions for step in report.course])
    earned = bars(labels, [step.sums.revenue for step in report.course])
    yield f"Revenue by {by}, {report.publisher.currency}", earned


def _foot(report: Reported) -> str:
    return f"Times are those of {report.publisher.timezone}; in brackets, the change since the period before."


def _count(figure: Figure) -> str:
    return f"{figure:,}"


def _amount(figure: Figure, currency: str) -> str:
    return "–" if figure is None else f"{figure:,.2f} {currency}"


def _percent(figure: Figure) -> str:
    return "–" if figure is None else f"{Decimal(figure) * 100:.2f} %"


def _change(figure: Figure) -> str:
    return "" if figure is None else f" ({Decimal(figure) * 100:+.1f} %)"


@lru_cache
def _template() -> Template:
    loader = PackageLoader("app.domains.publishers", "reports")
    return Environment(loader=loader, autoescape=select_autoescape()).get_template("report.html")
