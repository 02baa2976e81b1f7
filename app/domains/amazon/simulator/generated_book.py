"""Books for demo sellers: the same seller has the same days, whenever and however often it is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from app.domains.amazon.simulator.book import ZERO, AdDay, Book, Charge, Item, Order, Posting, Product, Refund
from app.domains.amazon.simulator.marketplaces import Marketplace

DAYS = 60

# sku, title, price in dollars, cost that the seller entered at Amazon (in dollars)
_CATALOGUE = (
    ("CAPE-RED", "Red cape", Decimal("34.90"), Decimal("11.2000")),
    ("BELL-BRASS", "Brass bell", Decimal("12.50"), None),
    ("ROPE-10M", "Rope, 10 m", Decimal("18.75"), None),
    ("BOOT-42", "Boots, size 42", Decimal("79.00"), None),
    ("HAT-STRAW", "Straw hat", Decimal("24.00"), None),
)
DEMO_SKUS = tuple(sku for sku, *_ in _CATALOGUE)

# How many of its units a dollar buys, roughly: prices should look like the country's.
_PER_DOLLAR = {"JPY": 150, "MXN": 18, "INR": 84, "SEK": 10, "TRY": 40, "EGP": 48, "ZAR": 18, "BRL": 6, "PLN": 4}


def generate_book(seller_id: str, marketplace: Marketplace, today: date) -> Book:
    """The seller's last 60 whole days before ``today`` (UTC)."""
    days = [_Day(seller_id, marketplace, today - timedelta(days=back)) for back in range(DAYS, 0, -1)]
    seeded = Random(f"{seller_id} {marketplace.country}")  # noqa: S311 - figures, not secrets
    return Book(
        seller_id=seller_id,
        marketplace=marketplace,
        products=tuple(
            Product(
                sku,
                f"B0{seeded.randrange(10**8):08d}",
                title,
                _local(price, marketplace),
                cost and _local(cost, marketplace),
                on_hand=seeded.randrange(0, 200),
                reserved=seeded.randrange(0, 5),
                inbound=seeded.randrange(0, 30),
            )
            for sku, title, price, cost in _CATALOGUE
        ),
        orders=tuple(order for day in days for order in day.orders),
        refunds=tuple(refund for day in days for refund in day.refunds),
        charges=tuple(charge for day in days for charge in day.charges),
        ads=tuple(ad for day in days for ad in day.ads),
        postings=tuple(posting for day in days for posting in day.postings),
    )


class _Day:
    """What one day adds to the book; nothing in it depends on another day."""

    def __init__(self, seller_id: str, marketplace: Marketplace, on: date) -> None:
        self.marketplace, self.on = marketplace, on
        self.random = Random(f"{seller_id} {marketplace.country} {on}")  # noqa: S311 - demo data, guards nothing
        self.refunds: list[Refund] = []
        self.orders = [self._order(number) for number in range(self.random.randrange(1, 5))]
        self.ads = [self._ad(index) for index in range(2)]
        self.charges = self._charges()
        self.postings = self._postings()

    def _order(self, number: int) -> Order:
        random = self.random
        identity = f"{random.randrange(100, 999)}-{random.randrange(10**7):07d}-{random.randrange(10**7):07d}"
        placed = self._at(random.randrange(12 * 60))
        chosen = random.sample(range(len(_CATALOGUE)), random.choice((1, 1, 1, 2)))
        items = tuple(self._item(index) for index in chosen)
        cancelled = random.random() < 0.04
        if not cancelled and random.random() < 0.08:
            self.refunds.append(self._refund(identity, placed + timedelta(hours=3), items[0], number))
        return Order(identity, placed, items, cancelled)

    def _item(self, index: int) -> Item:
        random, (sku, _, price, _) = self.random, _CATALOGUE[index]
        units = random.choice((1, 1, 1, 2, 3))
        product = _local(price, self.marketplace) * units
        shipping = self._local(Decimal("4.99")) if random.random() < 0.2 else ZERO
        wrap = self._local(Decimal("3.00")) if random.random() < 0.05 else ZERO
        promotion = -self._part(product, "0.10") if random.random() < 0.15 else ZERO
        paid = product + shipping + wrap + promotion
        return Item(
            sku=sku,
            units=units,
            product=product,
            shipping=shipping,
            gift_wrap=wrap,
            promotion=promotion,
            tax=self._part(paid, "0.08"),
            referral_fee=self._part(paid, "0.15"),
            fulfilment_fee=self._local(Decimal("3.54")) * units,
        )

    def _refund(self, order_id: str, at: datetime, item: Item, number: int) -> Refund:
        whole = self.random.random() < 0.7
        product = item.product if whole else self._part(item.product, "0.20")
        back = self._part(product, "0.15")
        return Refund(
            f"refund-{self.on}-{number}",
            order_id,
            at,
            item.sku,
            item.units if whole else 0,
            product=product,
            tax=self._part(product, "0.08"),
            referral_back=back,
            commission=self._part(back, "0.20"),
        )

    def _ad(self, index: int) -> AdDay:
        random, (sku, title, price, _) = self.random, _CATALOGUE[index]
        clicks, purchases = random.randrange(3, 25), random.randrange(0, 3)
        return AdDay(
            self.on,
            9000 + index,
            title,
            sku,
            impressions=clicks * random.randrange(60, 140),
            clicks=clicks,
            cost=self._local(Decimal("0.31")) * clicks,
            sales=_local(price, self.marketplace) * purchases,
            purchases=purchases,
        )

    def _charges(self) -> list[Charge]:
        """Storage in the middle of the month, the subscription on its first day."""
        currency, found = self.marketplace.currency, []
        if self.on.day == 15:
            for sku in DEMO_SKUS:
                fee = self._local(Decimal("1.24"))
                found.append(Charge(f"storage-{self.on}-{sku}", self._at(780), "FBAStorageFee", fee, currency, sku))
        if self.on.day == 1:
            found.append(Charge(f"subscription-{self.on}", self._at(790), "Subscription", Decimal("39.99"), "USD"))
        return found

    def _postings(self) -> list[Posting]:
        """The day's ads as an invoice; now and then a type that nobody knows."""
        spent = sum((ad.cost for ad in self.ads), ZERO)
        found = [Posting(f"ads-invoice-{self.on}", self._at(800), "ProductAdsPayment", -spent)]
        if self.on.day == 20:
            found.append(Posting(f"loyalty-{self.on}", self._at(810), "LoyaltyCredit", self._local(Decimal("2.50"))))
        return found

    def _at(self, minute: int) -> datetime:
        return datetime.combine(self.on, time(0), UTC) + timedelta(minutes=minute)

    def _local(self, dollars: Decimal) -> Decimal:
        return _local(dollars, self.marketplace)

    def _part(self, amount: Decimal, share: str) -> Decimal:
        return (amount * Decimal(share)).quantize(self.marketplace.cent)


def _local(dollars: Decimal, marketplace: Marketplace) -> Decimal:
    return (dollars * _PER_DOLLAR.get(marketplace.currency, 1)).quantize(marketplace.cent)
