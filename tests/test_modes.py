"""Whose money is real."""

from app.base.modes import mode_of_stripe_key
from tests.support.tables import Row, table


@table("""
    key            mode
    sk_live_51abc  live
    rk_live_51abc  live
    sk_test_51abc  test
    rk_test_51abc  test
    sk_51_live_abc test
""")
def test_the_mode_of_a_stripe_account_is_that_of_its_key(row: Row) -> None:
    """Only a key that says so moves real money."""
    assert mode_of_stripe_key(row.key) == row.mode
