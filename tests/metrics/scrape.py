"""What Prometheus would keep of a scrape: a number for each name and its labels."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Read by the library's own parser; a series that came twice fails."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float | None:
    """Of exactly these labels; None without such a series."""
    return found.get((name, frozenset(labels.items())))


def labels_of(found: Samples, name: str, label: str) -> set[str]:
    """Every value that a label has."""
    return {dict(labels)[label] for of, labels in found if of == name}
