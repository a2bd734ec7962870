"""Edits of payouts and bank accounts; see `edits`."""

PAYOUT_EDITS: dict[str, tuple[str, str]] = {
    "a payout that was not paid": (
        """
        UPDATE payouts
           SET status = 'paid', paid_transfer_id = transfer_id
         WHERE id = %(sent)s
        """,
        """
        event_data payout sent
        payout_transfers payout sent
        payouts_in_transit account in_transit
        """,
    ),
    "a payout of another amount": (
        """
        UPDATE payouts
           SET amount_minor = amount_minor + 1
         WHERE id = %(stopped)s
        """,
        """
        event_data payout stopped
        payout_transfers payout stopped
        """,
    ),
    "a payout that comes back twice": (
        """
        UPDATE payouts
           SET returned_transfer_id = transfer_id
         WHERE id = %(stopped)s
        """,
        """
        payout_transfers payout stopped
        """,
    ),
    "a payout that ended here, and that its bank has paid": (
        """
        UPDATE sagas
           SET object_id = %(stopped)s, status = 'parked'
         WHERE object_id = %(sent)s
        """,
        """
        payout_ended payout stopped
        pending_has_flow payout sent
        """,
    ),
    "a removed payout": (
        """
        DELETE FROM payouts
         WHERE id = %(sent)s
        """,
        """
        event_object payout sent
        idempotency_answer payout sent
        payouts_in_transit account in_transit
        """,
    ),
    "a removed bank account": (
        """
        DELETE FROM bank_accounts
         WHERE id = %(bank)s
        """,
        """
        event_object bank_account bank
        idempotency_answer bank_account bank
        """,
    ),
}
