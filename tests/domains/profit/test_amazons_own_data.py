"""The analysis over Amazon's own examples, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domains.profit import orders, transactions
from app.domains.profit.analysis import analyse_daily, analyse_weekly
from app.domains.profit.lines import Category
from tests.domains.profit.conftest import Load

US = "ATVPDKIKX0DER"
FINANCES = "sp-api/models/finances-api-model/finances_2024-06-19.json"
ORDERS = "sp-api/models/orders-api-model/orders_2026-01-01.json"


def kiosk_rows(load: Load, number: int) -> list[Any]:
    """The rows of one of the three mock answers."""
    sample = load(f"data-kiosk-samples/mock_uc_{number}_dk_response.json")
    rows: list[Any] = sample["documentUrl"]["data"]["analytics_economics_2024_03_15"]["economics"]
    return rows


def sandbox(load: Load, model: str, path: str) -> list[Any]:
    """The answers of an operation's static cases."""
    cases = load(model)["paths"][path]["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"]
    return [case["response"] for case in cases]


def test_the_first_kiosk_sample_is_of_three_marketplaces(amazon_example: Load) -> None:
    """Only Canada's thousand dollars are Canada's; the others are counted as elsewhere."""
    found = analyse_daily({"economics": kiosk_rows(amazon_example, 1)}, "account", "A2EUQ1WTGCTBG2", {})["economics"]

    assert [(row["currency"], row["net_sales"], row["units_net"]) for row in found["totals"]] == [
        ("CAD", "1000.00", 50)
    ]
    assert found["elsewhere"] == {US: 1, "A1AM78C64UM0Y8": 1}
    assert found["net_proceeds"] == {"agree": 0, "not_comparable": 3, "differ": []}


def test_the_second_kiosk_sample_spells_its_sku_otherwise(amazon_example: Load) -> None:
    """``sku`` instead of ``msku``, items instead of units, no dates."""
    found = analyse_daily({"economics": kiosk_rows(amazon_example, 2)}, "account", US, {})["economics"]

    assert [(row["sku"], row["net_sales"]) for row in found["by_sku"]] == [
        ("TSHIRT", "5000.00"),
        ("VOLLEYBALL", "0.00"),
    ]
    assert found["period"] == {"from": None, "to": None}


def test_the_third_kiosk_sample_has_refunds(amazon_example: Load) -> None:
    """2,000 + 1,200 + 1,600 ordered, 1,000 + 600 + 100 refunded; 240 units, 85 back."""
    [found] = analyse_daily({"economics": kiosk_rows(amazon_example, 3)}, "account", US, {})["economics"]["totals"]

    assert (found["gross_sales"], found["refunds"], found["net_sales"]) == ("4800.00", "-1700.00", "3100.00")
    assert (found["units_ordered"], found["units_refunded"], found["units_net"]) == (240, 85, 155)


def test_the_sales_and_traffic_example_sums_to_its_known_totals(amazon_example: Load) -> None:
    """Four days: 1083.14 USD, 97 units, 1 refunded; the fourth misspells a key, which is a gap and not a zero."""
    report = amazon_example("sp-api/schemas/reports/sellerSalesAndTrafficReport.json")["examples"][0]

    found = analyse_weekly({"sales_traffic": report}, "account", US, {})["sales_traffic"]

    assert found["sales"] == [{"amount": "1083.14", "currency": "USD"}]
    assert (found["units_ordered"], found["units_refunded"]) == (97, 1)
    assert (found["views"]["pageViews"], found["views"]["browserPageViews"]) == (6358, None)
    assert found["missing"] == ["browserPageViews"]


def test_the_account_health_example_names_what_is_bad(amazon_example: Load) -> None:
    """Three marketplaces; the first has its metrics, with names that the schema spells differently."""
    report = amazon_example("sp-api/schemas/reports/accountHealthReport-2020-11-18.json")["examples"][0]

    found = {
        row["marketplace"]: row
        for row in analyse_weekly({"performance_v2": report}, "a", US, {})["performance_v2"]["marketplaces"]
    }

    assert {name: row["status"] for name, row in found.items()} == {
        US: "AT_RISK",
        "A2EUQ1WTGCTBG2": "NORMAL",
        "A1AM78C64UM0Y8": "SUSPENDED",
    }
    assert found[US]["account_health"] == "WARNED"
    assert found[US]["metrics"]["orderDefectRate.mfn"]["value"] == "0.009"
    assert found[US]["metrics"]["prefulfillmentCancelRate"]["target"] == "0.01"
    assert found[US]["warnings"] == ["spammingSellerMessaging"]
    assert found[US]["bad"] == [
        "foodAndProductSafetyIssues",
        "listingPolicyViolations",
        "otherPolicyViolations",
        "productAuthenticityCustomerComplaints",
        "productConditionCustomerComplaints",
        "productSafetyCustomerComplaints",
        "receivedIntellectualPropertyComplaints",
    ]


def test_the_static_transaction_has_a_total_and_nothing_else(amazon_example: Load) -> None:
    """A shipment of 10 USD without breakdowns is visible, unexplained money."""
    [answer] = sandbox(amazon_example, FINANCES, "/finances/2024-06-19/transactions")

    [line] = transactions.lines(answer["payload"]["transactions"], "account", US)

    assert (line.category, line.amount, line.currency, line.label) == (Category.OTHER, Decimal(10), "USD", "Shipment")


def test_the_models_transaction_counts_its_ten_dollars_once(amazon_example: Load) -> None:
    """Its breakdowns stand at the item and, as an object, at the transaction."""
    example = amazon_example(FINANCES)["definitions"]["Transaction"]["example"]

    [line] = transactions.lines([example], "account", US)

    assert (line.category, line.amount, line.units, line.sku) == (Category.SALE, Decimal(10), 1, "sku-12")


def test_the_sandbox_orders_add_up_to_their_grand_totals(amazon_example: Load) -> None:
    """Lines with tax, of every order in the static cases; Japan's is 19,940 yen for 3 units."""
    answers = sandbox(amazon_example, ORDERS, "/orders/2026-01-01/orders")

    placed = [order for answer in answers for order in answer["orders"] if order.get("proceeds")]
    totals = {order["orderId"]: orders.lines([order], "account", US) for order in placed}

    for order in placed:
        given = Decimal(order["proceeds"]["grandTotal"]["amount"])
        assert sum(line.amount for line in totals[order["orderId"]]) == given
    assert sum(line.units for line in totals["250-1234567-8901234"]) == 3
    assert sum(line.amount for line in totals["250-1234567-8901234"]) == 19940
