"""Ways of editing disputes without Suya's code, and the findings that must follow."""

DISPUTE_EDITS: dict[str, tuple[str, str]] = {
    "a dispute of another amount": (
        """
        UPDATE disputes
           SET amount_minor = amount_minor + 1
         WHERE id = %(needs_response_dispute)s
        """,
        """
        dispute_transfers dispute needs_response_dispute
        disputes_held account disputes_held
        event_data dispute needs_response_dispute
        """,
    ),
    "a dispute about more than was captured": (
        """
        UPDATE disputes
           SET amount_minor = amount_minor + 401
         WHERE id = %(lost_dispute)s
        """,
        """
        dispute_transfers dispute lost_dispute
        event_data dispute lost_dispute
        payment_disputed payment lost_payment
        """,
    ),
    "a fee that comes back": (
        """
        UPDATE disputes
           SET fee_returned_minor = 1
         WHERE id = %(won_dispute)s
        """,
        """
        dispute_transfers dispute won_dispute
        event_data dispute won_dispute
        """,
    ),
    "a fee that was raised and is not": (
        """
        UPDATE disputes
           SET fee_minor = 700
         WHERE id = %(dearer_dispute)s
        """,
        """
        dispute_transfers dispute dearer_dispute
        event_data dispute dearer_dispute
        """,
    ),
    "a raised fee that nobody booked": (
        """
        UPDATE disputes
           SET exchanged = replace(exchanged, '"fee_minor":', '"fee_minor":1')
         WHERE id = %(dearer_converted_dispute)s
        """,
        """
        dispute_transfers dispute dearer_converted_dispute
        event_data dispute dearer_converted_dispute
        """,
    ),
    "a dispute that was lost and is not": (
        """
        UPDATE disputes
           SET status = 'under_review', closing_transfer_id = NULL
         WHERE id = %(lost_dispute)s
        """,
        """
        dispute_transfers transfer lost_closing
        disputes_held account disputes_held
        event_data dispute lost_dispute
        pending_has_flow dispute lost_dispute
        """,
    ),
    "a dispute that was lost and is won": (
        """
        UPDATE disputes
           SET status = 'won'
         WHERE id = %(lost_dispute)s
        """,
        """
        dispute_transfers dispute lost_dispute
        event_data dispute lost_dispute
        payment_disputed payment lost_payment
        """,
    ),
    "a removed dispute": (
        """
        DELETE FROM disputes
         WHERE id = %(under_review_dispute)s
        """,
        """
        dispute_evidence dispute_evidence under_review_evidence
        dispute_transfers transfer under_review_opening
        disputes_held account disputes_held
        event_object dispute under_review_dispute
        payment_disputed payment under_review_payment
        """,
    ),
    "a payment that forgot its dispute": (
        """
        UPDATE payments
           SET disputed = FALSE
         WHERE id = %(needs_response_payment)s
        """,
        """
        event_data payment needs_response_payment
        payment_disputed payment needs_response_payment
        """,
    ),
    "a payment that remembers a dispute that was won": (
        """
        UPDATE payments
           SET disputed = TRUE
         WHERE id = %(won_payment)s
        """,
        """
        event_data payment won_payment
        payment_disputed payment won_payment
        """,
    ),
    "a dispute that nobody looks at": (
        """
        UPDATE sagas
           SET status = 'done'
         WHERE object_id = %(under_review_dispute)s
        """,
        """
        pending_has_flow dispute under_review_dispute
        """,
    ),
    "an inquiry that is a dispute, and its payment does not know": (
        """
        UPDATE disputes
           SET inquiry = FALSE
         WHERE payment_id = %(inquired_payment)s
        """,
        """
        payment_disputed payment inquired_payment
        """,
    ),
    "a dispute that was given up before it was booked": (
        """
        UPDATE sagas
           SET status = 'parked'
         WHERE id = %(unbooked_watch)s
        """,
        """
        dispute_booked saga unbooked_watch
        """,
    ),
    "an answer that nobody gives": (
        """
        UPDATE disputes
           SET operation_id = %(gift)s
         WHERE id = %(lost_dispute)s
        """,
        """
        pending_has_flow dispute lost_dispute
        """,
    ),
    "an answer whose flow has ended": (
        """
        UPDATE sagas
           SET status = 'done'
         WHERE object_id = %(needs_response_dispute)s
           AND name = 'evidence'
        """,
        """
        pending_has_flow dispute needs_response_dispute
        provisional_answer merchant merchant_2
        """,
    ),
    "a removed piece of evidence": (
        """
        DELETE FROM dispute_evidence
         WHERE id = %(won_evidence)s
        """,
        """
        dispute_evidence dispute won_dispute
        idempotency_answer dispute_evidence won_evidence
        """,
    ),
    "a piece of evidence for another dispute": (
        """
        UPDATE dispute_evidence
           SET dispute_id = %(lost_dispute)s
         WHERE id = %(won_evidence)s
        """,
        """
        dispute_evidence dispute lost_dispute
        dispute_evidence dispute won_dispute
        """,
    ),
    "a dispute that took another amount of another currency": (
        """
        UPDATE disputes
           SET exchanged = replace(exchanged, '"target_minor":', '"target_minor":1')
         WHERE id = %(converted_dispute)s
        """,
        """
        dispute_transfers dispute converted_dispute
        event_data dispute converted_dispute
        """,
    ),
    "a dispute with another fee in another currency": (
        """
        UPDATE disputes
           SET exchanged = replace(exchanged, '"fee_minor":', '"fee_minor":1')
         WHERE id = %(converted_dispute)s
        """,
        """
        dispute_transfers dispute converted_dispute
        event_data dispute converted_dispute
        """,
    ),
}
