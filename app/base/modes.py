"""Test and live: whose money is real. The two never meet.

A merchant is of one mode for ever, and with it all its keys, cards and payments. They are booked on
charts of their own, and each processor gets those of one mode.
"""

import re
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["test", "live"]

_LIVE_KEY = re.compile(r"(?:sk|rk)_live_")


def mode_of_stripe_key(key: str) -> Mode:
    """The mode of a Stripe account's key. Source: Stripe, "API keys"."""
    return "live" if _LIVE_KEY.match(key) else "test"
