"""International bank account numbers: their form, their check digits, and who is in SEPA.

Only the form that the registry gives each country and the check digits decide, because lists of
banks age. Sources: ISO 13616-1 and the IBAN registry of SWIFT; ISO 7064 for mod 97-10, which gives
check digits from 02 to 98; EPC409-09 of 2026 for the countries of SEPA.
"""

import re
from typing import Final

from stdnum import iban
from stdnum.exceptions import ValidationError

SEPA: Final = frozenset(
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT "
    "NL NO PL PT RO RS SE SI SK SM VA".split()
)
"""Countries, by the first two letters of an IBAN, that a SEPA credit transfer reaches.

The islands of the Crown have British numbers, and those of France French ones.
"""

_FORM: Final = re.compile(r"[A-Z]{2}(?!00|01|99)[0-9]{2}[A-Z0-9]{11,30}")


def parse(text: str) -> str:
    """Return the number without spaces and in capitals.

    Raises:
        ValueError: it is no IBAN.
    """
    try:
        number: str = iban.compact(text)
        if _FORM.fullmatch(number) is None:
            raise ValueError("is no IBAN")
        iban.validate(number, check_country=False)
    except ValidationError:
        raise ValueError("is no IBAN") from None
    return number


def is_in_sepa(number: str) -> bool:
    """Whether a SEPA credit transfer reaches an account."""
    return number[:2] in SEPA
