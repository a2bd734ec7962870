"""Why a merchant is not moved, or not yet."""

from app.base.errors import Rejected, Unavailable


class MovesElsewhere(Rejected):
    """Merchant {merchant} moves between {regions}: finish that move first, to either of them."""

    code = "merchant_moves_elsewhere"


class MoveDisturbed(Unavailable):
    """The move of merchant {merchant} was given up: {why}. The same command goes on with it."""

    code = "move_disturbed"
