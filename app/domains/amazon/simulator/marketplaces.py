"""The marketplaces a simulated seller can sell in."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One of Amazon's stores."""

    id: str
    country: str
    currency: str
    name: str
    language: str

    @property
    def cent(self) -> Decimal:
        """The smallest amount of its currency."""
        return Decimal(1) if self.currency == "JPY" else Decimal("0.01")


_ROWS = """
ATVPDKIKX0DER US USD Amazon.com en_US
A2EUQ1WTGCTBG2 CA CAD Amazon.ca en_CA
A1AM78C64UM0Y8 MX MXN Amazon.com.mx es_MX
A2Q3Y263D00KWC BR BRL Amazon.com.br pt_BR
A1F83G8C2ARO7P GB GBP Amazon.co.uk en_GB
A1PA6795UKMFR9 DE EUR Amazon.de de_DE
A13V1IB3VIYZZH FR EUR Amazon.fr fr_FR
APJ6JRA9NG5V4 IT EUR Amazon.it it_IT
A1RKKUPIHCS9HS ES EUR Amazon.es es_ES
A1805IZSGTT6HS NL EUR Amazon.nl nl_NL
A2NODRKZP88ZB9 SE SEK Amazon.se sv_SE
A1C3SOZRARQ6R3 PL PLN Amazon.pl pl_PL
AMEN7PMS3EDWL BE EUR Amazon.com.be fr_BE
A28R8C7NBKEWEA IE EUR Amazon.ie en_IE
A33AVAJ2PDY3EV TR TRY Amazon.com.tr tr_TR
A2VIGQ35RCS4UG AE AED Amazon.ae en_AE
A17E79C6D8DWNP SA SAR Amazon.sa ar_SA
ARBP9OOSHTCHU EG EGP Amazon.eg ar_EG
A21TJRUUN4KGV IN INR Amazon.in en_IN
AE08WJ6YKNBMC ZA ZAR Amazon.co.za en_ZA
A1VC38T7YXB528 JP JPY Amazon.co.jp ja_JP
A39IBJ37TRP1C6 AU AUD Amazon.com.au en_AU
A19VAU5U5O7RUS SG SGD Amazon.sg en_SG
"""

MARKETPLACES = tuple(Marketplace(*row.split()) for row in _ROWS.strip().splitlines())
BY_ID = {marketplace.id: marketplace for marketplace in MARKETPLACES}
BY_COUNTRY = {marketplace.country: marketplace for marketplace in MARKETPLACES}
BY_COUNTRY["UK"] = BY_COUNTRY["GB"]
