"""Account health: the V2 report (JSON) read by its schema, the V1 report (XML) as far as it lets itself be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

_DOCTYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_METRICS_LIMIT = 1_000


class UnreadableReport(ValueError):
    """A report document is not what its type says."""

    def __init__(self, report: str, reason: str) -> None:
        super().__init__(f"{report} cannot be read: {reason}")


def performance_v2(report: Mapping[str, Any]) -> dict[str, Any]:
    """Each marketplace's account status, its metrics with target and verdict, and which of them are bad.

    Source: GET_V2_SELLER_PERFORMANCE_REPORT. Amazon's schema and its example spell some metrics
    differently, so every metric that is there is taken under the name that it has.
    """
    statuses = {str(entry.get("marketplaceId")): entry.get("status") for entry in report.get("accountStatuses") or []}
    metrics = {str(entry.get("marketplaceId")): entry for entry in report.get("performanceMetrics") or []}
    return {
        "marketplaces": [
            {"marketplace": marketplace, "status": statuses.get(marketplace), **_metrics(metrics.get(marketplace, {}))}
            for marketplace in sorted(statuses.keys() | metrics.keys())
        ]
    }


def _metrics(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(_named_metrics(entry))
    rating = entry.get("accountHealthRating") or {}
    warnings = entry.get("warningStates") or entry.get("warningState") or []
    return {
        "account_health": rating.get("accountHealthRatingStatus", rating.get("ahrStatus")),
        "metrics": found,
        "bad": sorted(name for name, metric in found.items() if metric["status"] == "BAD"),
        "warnings": sorted(str(warning.get("warningType")) for warning in warnings if warning.get("status") == "BAD"),
    }


def _named_metrics(entry: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, metric in entry.items():
        if not isinstance(metric, Mapping):
            continue
        if "targetValue" in metric:
            yield (
                above + name,
                {
                    "status": metric.get("status"),
                    "value": _text(metric.get("rate", metric.get("defectsCount"))),
                    "target": _text(metric.get("targetValue")),
                    "condition": metric.get("targetCondition"),
                },
            )
        elif not above:
            yield from _named_metrics(metric, f"{name}.")


def performance_v1(document: str) -> dict[str, Any]:
    """The leaves of the XML by path, with the document beside them; marked unverified.

    Source: GET_V1_SELLER_PERFORMANCE_REPORT, of which Amazon publishes no sample: nothing is computed
    from it. Raises UnreadableReport for a document type or entity declaration, and for what is no XML.
    """
    if _DOCTYPE.search(document):
        raise UnreadableReport("GET_V1_SELLER_PERFORMANCE_REPORT", "it declares a document type or entities")
    parser = XMLParser()  # noqa: S314 - without declarations there is nothing to expand
    try:
        # The text is decoded already: what its declaration says of an encoding is no longer true.
        parser.feed(re.sub(r"^\s*<\?xml[^>]*\?>", "", document.lstrip("\ufeff")))
        root = parser.close()
    except ParseError as error:
        raise UnreadableReport("GET_V1_SELLER_PERFORMANCE_REPORT", str(error)) from error
    leaves = [{"path": path, "value": value} for path, value in islice(_leaves(root), _METRICS_LIMIT)]
    return {"verified": False, "metrics": leaves, "raw": document}


def _leaves(root: Element) -> Iterator[tuple[str, str]]:
    """Attributes and texts in the document's order; a stack, because a document can be deeper than Python's."""
    stack = [(root, "")]
    while stack:
        element, above = stack.pop()
        here = f"{above}/{element.tag.rpartition('}')[2]}"
        for name, value in element.attrib.items():
            yield f"{here}@{name}", value
        if len(element) == 0:
            yield here, (element.text or "").strip()
        stack.extend((child, here) for child in reversed(element))


def _text(number: object) -> str | None:
    return None if number is None else str(number)
