"""Money: integer minor units of an ISO 4217 currency, and never a float.

Exponents differ: 0 for yen, 2 for dollars, 3 for dinars, 4 for UF. Source: ISO 4217, list one. A
test compares the table with the published list; decision 16 says why there is no library for it.
"""

from datetime import date
from typing import Final

AMOUNT_MINOR_MAX: Final = 2**53 - 1
"""Largest amount of one request, which every JSON implementation reads exactly."""

BALANCE_MINOR_MAX: Final = 2**63 - 1
"""Largest sum a balance column (INT8) holds; a transfer that would pass it is refused."""

_TWO: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
    "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD "
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW "
    "ZWG"
).split()
_ZERO: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND".split()
_FOUR: Final = "CLF UYW".split()

EXPONENTS: Final[dict[str, int]] = (
    dict.fromkeys(_TWO, 2)
    | dict.fromkeys(_ZERO, 0)
    | dict.fromkeys(_THREE, 3)
    | dict.fromkeys(_FOUR, 4)
)
"""Currency code -> digits after the decimal point; those that have ended as well."""

ENDED: Final[dict[str, date]] = {"BGN": date(2026, 1, 1)}
"""Currency code -> the day from which it is money no more. Nothing new begins in it; what there is
can be read, captured, refunded, paid out and converted to another. Source: ISO 4217, list three."""


def has_ended(currency: str, on: date) -> bool:
    """Whether a currency is money no more on a day."""
    return currency in ENDED and ENDED[currency] <= on


def divide_half_even(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded to the nearest integer, halves to the even one."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient % 2):
        quotient += 1
    return quotient


def divide_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded up."""
    return -(-numerator // denominator)


def fee_minor(
    amount_minor: int,
    *,
    bps: int,
    fixed_minor: int,
    min_minor: int = 0,
    max_minor: int | None = None,
) -> int:
    """A fee of `bps` hundredths of a percent plus a fixed part, never above the amount itself.

    It is at least `min_minor` and at most `max_minor`, where there is one. All in minor units of
    the payment's own currency.
    """
    fee = max(min_minor, divide_half_even(amount_minor * bps, 10_000) + fixed_minor)
    return min(amount_minor, fee if max_minor is None else min(fee, max_minor))
