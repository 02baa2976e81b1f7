"""The V1 report is read leniently and trusted with nothing."""

from __future__ import annotations

import pytest

from app.domains.profit.analysis import analyse_weekly
from app.domains.profit.performance import UnreadableReport, performance_v1

BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'


def test_leaves_and_attributes_are_taken_by_path_and_the_document_is_kept() -> None:
    """No sample of the report is public, so nothing is computed from it."""
    document = '<?xml version="1.0" encoding="Cp1252"?><r xmlns="urn:x"><m id="US"><rate> 0.5 % </rate></m></r>'

    found = performance_v1(document)

    assert found["metrics"] == [{"path": "/r/m@id", "value": "US"}, {"path": "/r/m/rate", "value": "0.5 %"}]
    assert (found["verified"], found["raw"]) == (False, document)


@pytest.mark.parametrize("document", [BOMB, '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "<!doctype x><x/>"])
def test_a_document_type_or_entity_is_refused(document: str) -> None:
    """Nothing is expanded, nothing is fetched."""
    with pytest.raises(UnreadableReport, match="document type or entities"):
        performance_v1(document)


def test_an_unreadable_report_does_not_take_the_week_with_it() -> None:
    """It is kept, with the reason beside it."""
    week = analyse_weekly({"performance_v1": "<r>", "sales_totals": []}, "account", "ATVPDKIKX0DER", {})

    assert "cannot be read" in week["performance_v1"]["unreadable"]
    assert week["performance_v1"]["raw"] == "<r>"
    assert week["sales_totals"]["orders"] == 0


def test_a_document_deeper_than_pythons_stack_is_read() -> None:
    """Ten thousand elements within one another."""
    found = performance_v1("<a>" * 10_000 + "deep" + "</a>" * 10_000)

    assert [leaf["value"] for leaf in found["metrics"]] == ["deep"]
