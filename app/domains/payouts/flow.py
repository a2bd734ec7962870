"""The flow of payouts.

Each payout has one flow, with the payout's own id: it brings the order to the bank and waits for
the bank's word. A cancellation takes the flow over, so that the bank is never asked for both at
once.
"""

from app.domains.payouts.asks import recall_payout, send_payout
from app.domains.payouts.bookings import book_payouts
from app.domains.payouts.steps import open_payouts
from app.engine.saga import Saga

PAYOUT = Saga(open_payouts, send_payout, book_payouts, undo=recall_payout)
