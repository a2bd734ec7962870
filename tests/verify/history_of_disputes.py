"""Card payments that were disputed, one dispute in each state, for the history."""

from typing import Any, Final
from uuid import UUID

from app.base import ids
from app.domains.disputes import steps as disputes
from app.domains.ledger.model import merchant_account
from app.engine.database import Database
from tests.disputes.support import FEE, Stall

STATES: Final[tuple[Any, ...]] = ("needs_response", "under_review", "won", "lost")
AMOUNT: Final = 600
"""Disputed of payments of 1,000."""


async def make_disputes(database: Database, merchant_id: UUID, names: dict[str, UUID]) -> None:
    """Dispute a payment for each state, with evidence for all of them.

    Names are `<state>_payment`, `_dispute`, `_opening`, `_closing` (transfers) and `_evidence`; of
    one whose payment converts, and that was won, `converted_dispute`; of those whose fee was told
    later, `dearer_dispute` and, of a payment that converts, `dearer_converted_dispute`; of an
    inquiry whose payment was refunded, `inquired_payment`; of a dispute that cannot be booked yet,
    `unbooked_watch`. One was lost, and told of only after its payment was refunded.
    """
    stall = Stall(database, merchant_id)
    for state in STATES:
        payment = names[f"{state}_payment"] = await stall.pay(1_000)
        opening = stall.told(stall.state(payment, amount=AMOUNT))
        names[f"{state}_dispute"] = opening.dispute_id
        names[f"{state}_opening"] = opening.opening_transfer_id
        await stall.run(disputes.apply_dispute_states, opening)
        piece = stall.piece(opening.dispute_id, "It was eaten.")
        names[f"{state}_evidence"] = piece.evidence_id
        await stall.run(disputes.add_evidence, piece)
        closing = stall.told(stall.state(payment, state, amount=AMOUNT))
        names[f"{state}_closing"] = closing.closing_transfer_id
        await stall.run(disputes.apply_dispute_states, closing)
    answer = stall.answer(names["needs_response_dispute"])
    (begun,) = await stall.run(disputes.submit_evidence, answer)
    assert begun.flow is not None
    converted = await stall.pay(1_000, quote_id=await stall.quote(1_000))
    names["converted_dispute"] = await stall.dispute(converted, amount=AMOUNT)
    await stall.tell(stall.state(converted, "won", amount=AMOUNT))
    quotes = (None, await stall.quote(1_000))
    for name, quote_id in zip(("dearer", "dearer_converted"), quotes, strict=True):
        payment = await stall.pay(1_000, quote_id=quote_id)
        names[f"{name}_dispute"] = await stall.dispute(payment, amount=AMOUNT, fee=0)
        for fee in (700, FEE):
            await stall.tell(stall.state(payment, amount=AMOUNT, fee=fee))
    refunded = await stall.pay(1_000)
    await stall.refund(refunded, 1_000)
    await stall.tell(stall.state(refunded, "lost", amount=AMOUNT))
    inquired = names["inquired_payment"] = await stall.pay(1_000)
    await stall.dispute(inquired, amount=AMOUNT, fee=0, inquiry=True)
    await stall.refund(inquired, 1_000)
    unbooked = stall.told(stall.state(await stall.pay(1_000), amount=1_001))
    names["unbooked_watch"] = unbooked.watch_id
    await stall.run(disputes.apply_dispute_states, unbooked)
    held = merchant_account(merchant_id, "USD", "disputes_held")
    names["disputes_held"] = held.id
    assert ids.NIL not in names.values()
