"""What a conversion moves on the platform's own accounts: pure.

    debit                         credit
    the payer (source)            fx_position (source)
    fx_position (target): gross   the payee (target), fx_spread (target), rounding (target)

The platform's part is made here; who pays and who is paid, and how the payee's side is divided
between a merchant and its fee, is the caller's. Back again, everything is the other way round.
"""

from app.base import ids
from app.domains.fx.model import Conversion
from app.domains.ledger import Change, chart
from app.domains.ledger.chart import ChartAccount


def chart_accounts(
    region: str, source_currency: str, target_currency: str, *, stripe: int
) -> list[ChartAccount]:
    """The platform's accounts that a conversion between two currencies may touch."""
    return [
        chart.platform_account(region, source_currency, "fx_position", stripe),
        *[
            chart.platform_account(region, target_currency, kind, stripe)
            for kind in ("fx_position", "fx_spread", "rounding")
        ],
    ]


def legs(region: str, conversion: Conversion, *, stripe: int, back: bool = False) -> list[Change]:
    """The platform's changes of a conversion, or of taking one back.

    With them goes a debit of the payer by `source_minor` and credits of the payee that sum to
    `target_minor`; `back`, a credit of the payer and debits of the payee.
    """
    source, position, spread, rounding = chart_accounts(
        region, conversion.source_currency, conversion.target_currency, stripe=stripe
    )
    moved = (
        (source, -conversion.source_minor),
        (position, conversion.gross_minor),
        (spread, -conversion.spread_minor),
        (rounding, -conversion.rounding_minor),
    )
    # Debits are counted as positive. A part may leave one of the sums as it is; then there is no
    # entry, because an entry moves something.
    sign = -1 if back else 1
    return [_change(account, sign * minor) for account, minor in moved if minor]


def _change(account: ChartAccount, debit_minor: int) -> Change:
    direction = "debit" if debit_minor > 0 else "credit"
    return Change(ids.NIL, account.id, direction, abs(debit_minor))  # type: ignore[arg-type]
