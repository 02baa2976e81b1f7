"""The books worked by hand: docs/amazon-frozen-book.md adds them up, and the tests expect those figures.

Never change an amount here without working the page again by hand.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as D  # noqa: N817 - a page of figures

from app.domains.amazon.simulator.book import AdDay, Book, Charge, Item, Order, Posting, Product, Refund
from app.domains.amazon.simulator.marketplaces import BY_COUNTRY

SELLER_ID = "FROZEN"


def _march(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


UNITED_STATES = Book(
    seller_id=SELLER_ID,
    marketplace=BY_COUNTRY["US"],
    products=(
        Product("MUG-BLUE", "B0FROZEN01", "Blue mug", D("20.00"), on_hand=12, reserved=2),
        Product("TEA-GREEN", "B0FROZEN02", "Green tea, 100 g", D("12.50"), cost_at_amazon=D("4.1250"), on_hand=40),
        Product("LAMP-OAK", "B0FROZEN03", "Oak lamp", D("49.99")),
    ),
    orders=(
        Order(
            "111-0000001-0000001",
            _march(2),
            (
                Item(
                    "MUG-BLUE",
                    2,
                    product=D("40.00"),
                    shipping=D("4.99"),
                    gift_wrap=D("3.00"),
                    promotion=D("-5.00"),
                    tax=D("3.35"),
                    referral_fee=D("6.45"),
                    fulfilment_fee=D("7.08"),
                ),
            ),
        ),
        Order(
            "111-0000002-0000002",
            _march(2, 15),
            (
                Item("TEA-GREEN", 3, D("37.50"), tax=D("2.81"), referral_fee=D("5.63"), fulfilment_fee=D("9.66")),
                Item("LAMP-OAK", 1, D("49.99"), tax=D("4.00"), referral_fee=D("7.50"), fulfilment_fee=D("5.42")),
            ),
        ),
        Order(
            "111-0000003-0000003",
            _march(3),
            (Item("MUG-BLUE", 1, D("20.00"), tax=D("1.60"), referral_fee=D("3.00"), fulfilment_fee=D("3.54")),),
        ),
        Order("111-0000004-0000004", _march(3, 12), (Item("LAMP-OAK", 1, D("49.99")),), cancelled=True),
    ),
    refunds=(
        Refund(
            "refund-1",
            "111-0000003-0000003",
            _march(4),
            "MUG-BLUE",
            1,
            product=D("20.00"),
            tax=D("1.60"),
            referral_back=D("3.00"),
            commission=D("0.60"),
        ),
        Refund(
            "refund-2",
            "111-0000002-0000002",
            _march(5),
            "LAMP-OAK",
            0,
            product=D("10.00"),
            tax=D("0.80"),
            referral_back=D("1.50"),
            commission=D("0.30"),
        ),
    ),
    charges=(
        Charge("storage-1", _march(5, 8), "FBAStorageFee", D("1.2375"), "USD", sku="MUG-BLUE"),
        Charge("subscription-1", _march(5, 9), "Subscription", D("39.99"), "USD"),
    ),
    ads=(
        AdDay(date(2026, 3, 2), 7001, "Mugs", "MUG-BLUE", 2_100, 21, D("4.20"), D("40.00"), 1),
        AdDay(date(2026, 3, 3), 7002, "Tea", "TEA-GREEN", 900, 10, D("2.35"), D("37.50"), 1),
        AdDay(date(2026, 3, 3), 7001, "Mugs", "MUG-BLUE", 500, 5, D("1.15"), D("0.00"), 0),
    ),
    postings=(
        Posting("ads-invoice-1", _march(6), "ProductAdsPayment", D("-6.55")),
        Posting("loyalty-1", _march(6, 11), "LoyaltyCredit", D("2.50")),
    ),
)

JAPAN = Book(
    seller_id=SELLER_ID,
    marketplace=BY_COUNTRY["JP"],
    products=(Product("KAME-01", "B0FROZEN11", "亀の置物", D(1980), on_hand=5),),
    orders=(
        Order(
            "250-0000001-0000001",
            _march(2),
            (Item("KAME-01", 2, D(3960), tax=D(396), referral_fee=D(594), fulfilment_fee=D(868)),),
        ),
    ),
    refunds=(
        Refund(
            "refund-1",
            "250-0000001-0000001",
            _march(4),
            "KAME-01",
            0,
            product=D(500),
            tax=D(50),
            referral_back=D(75),
            commission=D(15),
        ),
    ),
    charges=(Charge("subscription-1", _march(5), "Subscription", D("39.99"), "USD"),),
    ads=(AdDay(date(2026, 3, 2), 7101, "Kame", "KAME-01", 800, 6, D(120), D(3960), 1),),
)

FROZEN_BOOKS = {(SELLER_ID, "US"): UNITED_STATES, (SELLER_ID, "JP"): JAPAN}
