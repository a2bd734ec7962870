"""Edits of payments that wait for a processor, and of their flows; see `edits`."""

FLOW_EDITS: dict[str, tuple[str, str]] = {
    "a flow that ended without its payment": (
        """
        UPDATE sagas
           SET status = 'done'
         WHERE id = %(card_capturing_capture_flow)s
        """,
        """
        payment_operation payment card_capturing
        provisional_answer merchant merchant_2
        """,
    ),
    "a flow that is about another payment": (
        """
        UPDATE sagas
           SET object_id = %(card_paid)s
         WHERE id = %(card_capturing_capture_flow)s
        """,
        """
        payment_operation payment card_capturing
        payment_operation saga card_capturing_capture_flow
        provisional_answer merchant merchant_2
        """,
    ),
    "a flow that is about no payment": (
        """
        UPDATE sagas
           SET object_id = %(ada)s
         WHERE id = %(card_unknown_flow)s
        """,
        """
        payment_operation payment card_unknown
        payment_operation saga card_unknown_flow
        provisional_answer merchant merchant_2
        """,
    ),
    "a payment that forgot its flow": (
        """
        UPDATE payments
           SET operation_id = NULL
         WHERE id = %(card_capturing)s
        """,
        """
        payment_operation saga card_capturing_capture_flow
        """,
    ),
    "a payment that names a flow which ended": (
        """
        UPDATE payments
           SET operation_id = %(card_paid_flow)s
         WHERE id = %(card_paid)s
        """,
        """
        payment_operation payment card_paid
        """,
    ),
    "a payment that names another one's flow": (
        """
        UPDATE payments
           SET operation_id = %(card_unknown_flow)s
         WHERE id = %(paid_1)s
        """,
        """
        payment_operation payment paid_1
        """,
    ),
    "held funds that nobody decides about": (
        """
        UPDATE payments
           SET operation_id = NULL
         WHERE id = %(card_challenged)s;
        UPDATE sagas
           SET status = 'done'
         WHERE id = %(card_challenged_flow)s
        """,
        """
        held_has_flow payment card_challenged
        """,
    ),
    "held funds whose flow decides something else": (
        """
        UPDATE sagas
           SET name = 'capture'
         WHERE id = %(card_unknown_flow)s
        """,
        """
        held_has_flow payment card_unknown
        """,
    ),
    "unknown funds that would be given back": (
        """
        UPDATE holds
           SET expires_at = expires_at - interval '1 year'
         WHERE id = %(card_unknown_transfer)s
        """,
        """
        held_has_flow payment card_unknown
        """,
    ),
    "an authorization that holds for ever": (
        """
        UPDATE holds
           SET expires_at = '9999-12-31 00:00:00+00'
         WHERE id = %(held_transfer)s
        """,
        """
        held_has_flow payment held
        """,
    ),
    "a decline that gave nothing back": (
        """
        UPDATE holds
           SET status = 'open'
         WHERE id = %(card_declined_transfer)s
        """,
        """
        held_has_flow payment card_declined
        held_is_pending account processor_receivable
        held_is_pending account merchant_pending
        hold_amounts transfer card_declined_transfer
        hold_ends_once transfer card_declined_transfer
        payment_status payment card_declined
        """,
    ),
    "a decline of what was taken": (
        """
        UPDATE payments
           SET status = 'declined'
         WHERE id = %(card_paid)s
        """,
        """
        event_data payment card_paid
        payment_status payment card_paid
        """,
    ),
    "a refund that nobody makes": (
        """
        UPDATE refunds
           SET status = 'pending'
         WHERE id = %(card_given_back)s
        """,
        """
        event_data refund card_given_back
        pending_has_flow refund card_given_back
        """,
    ),
    "a refund whose flow makes another one": (
        """
        UPDATE sagas
           SET data = replace(data, CAST(%(card_giving)s AS TEXT), CAST(%(ada)s AS TEXT))
         WHERE id = %(card_giving_flow)s
        """,
        """
        pending_has_flow refund card_giving
        """,
    ),
    "a refund that did not come back": (
        """
        UPDATE refunds
           SET status = 'succeeded'
         WHERE id = %(card_came_back)s
        """,
        """
        event_data refund card_came_back
        payment_refunds payment card_refunded
        """,
    ),
    "two refunds that changed places": (
        """
        UPDATE refunds
           SET amount_minor = 99
         WHERE id = %(card_not_given)s
        """,
        """
        event_data refund card_not_given
        payment_refunds payment card_refunded
        """,
    ),
    "a payout that nobody asks for": (
        """
        DELETE FROM sagas
         WHERE id = %(sent)s
        """,
        """
        pending_has_flow payout sent
        """,
    ),
    "a provisional answer of a flow that answers another key": (
        """
        UPDATE sagas
           SET key_id = %(ada)s
         WHERE id = %(card_unknown_flow)s
        """,
        """
        provisional_answer merchant merchant_2
        """,
    ),
    "an answer that is provisional again": (
        """
        UPDATE idempotency_keys
           SET status = 202
         WHERE status = 200
           AND body LIKE '%%"object":"payout"%%'
        """,
        """
        provisional_answer merchant merchant_2
        """,
    ),
    "a flow that was given up": (
        """
        UPDATE sagas
           SET status = 'parked'
         WHERE id = %(card_unknown_flow)s
        """,
        "",
    ),
}
