"""Ways of editing quotes without Suya's code, and the findings that must follow."""

QUOTE_EDITS: dict[str, tuple[str, str]] = {
    "a quote at another rate": (
        """
        UPDATE fx_quotes
           SET reference_rate = reference_rate * 2
         WHERE id = %(idle_quote)s
        """,
        """
        event_data fx_quote idle_quote
        fx_quote fx_quote idle_quote
        """,
    ),
    "a quote that says it was used by another transfer": (
        """
        UPDATE fx_quotes
           SET transfer_id = %(gift)s
         WHERE id = %(used_quote)s
        """,
        """
        event_data fx_quote used_quote
        fx_quote fx_quote used_quote
        """,
    ),
    "a quote of another amount than was converted": (
        """
        UPDATE fx_quotes
           SET source_minor = 1001, gross_minor = 854, target_minor = 846
         WHERE id = %(used_quote)s
        """,
        """
        event_data fx_quote used_quote
        fx_quote fx_quote used_quote
        """,
    ),
    "a removed quote": (
        """
        DELETE FROM fx_quotes
         WHERE id = %(used_quote)s
        """,
        """
        event_object fx_quote used_quote
        idempotency_answer fx_quote used_quote
        """,
    ),
    "a quote that another payment says it used": (
        """
        UPDATE fx_quotes
           SET payment_id = %(paid_1)s
         WHERE id = %(payment_quote)s
        """,
        """
        event_data fx_quote payment_quote
        fx_quote fx_quote payment_quote
        """,
    ),
    "a payment that says it converted more": (
        """
        UPDATE payments
           SET exchange = replace(exchange, '"target_minor":1689', '"target_minor":1690')
         WHERE id = %(converted)s
        """,
        """
        event_data payment converted
        fx_quote fx_quote payment_quote
        payment_amounts payment converted
        """,
    ),
    "a payment that says another part of its conversion was taken back": (
        """
        UPDATE payments
           SET exchange = replace(exchange, '"spread_minor":5', '"spread_minor":6')
         WHERE id = %(converted)s
        """,
        """
        payment_amounts payment converted
        """,
    ),
    "a fee that was not given back": (
        """
        UPDATE payments
           SET fee_refunded_minor = 0
         WHERE id = %(converted)s
        """,
        """
        event_data payment converted
        payment_amounts payment converted
        """,
    ),
}
