"""POST /v1/payments."""

from tests.support.builders import Merchant


async def test_a_payment_is_taken(merchant: Merchant) -> None:
    """The amount leaves the wallet and the answer shows the captured payment."""
    wallet = await merchant.wallet(funds=5_000, customer="ada")

    paid = await merchant.pay(wallet, 1_234)

    assert paid["status"] == "captured"
    assert await merchant.available(wallet) == 5_000 - 1_234
