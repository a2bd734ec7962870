"""Ways of editing the books without Suya's code, and the findings that must follow."""

from tests.verify.edits_of_disputes import DISPUTE_EDITS
from tests.verify.edits_of_flows import FLOW_EDITS
from tests.verify.edits_of_payouts import PAYOUT_EDITS
from tests.verify.edits_of_quotes import QUOTE_EDITS

# What was done to the books: the statements, and everything that is found, as check, kind, name.
EDITS: dict[str, tuple[str, str]] = {
    "a changed balance": (
        """
        UPDATE accounts
          SET posted_credits_minor = posted_credits_minor + 1
          WHERE id = %(ada)s
        """,
        """
        account_sums account ada
        money_conserved USD
        """,
    ),
    "a balance moved to another account": (
        """
        UPDATE accounts
           SET posted_debits_minor = posted_debits_minor + 9
         WHERE id = %(ada)s;
        UPDATE accounts
           SET posted_debits_minor = posted_debits_minor - 9
         WHERE id = %(bob)s
        """,
        """
        account_sums account ada
        account_sums account bob
        """,
    ),
    "a changed version of an account": (
        """
        UPDATE accounts
           SET version = version + 1
         WHERE id = %(ada)s
        """,
        """
        account_versions account ada
        """,
    ),
    "a missing entry": (
        """
        DELETE FROM entries
         WHERE account_id = %(ada)s
           AND transfer_id = %(paid_2_transfer)s
        """,
        """
        account_sums account ada
        account_versions account ada
        transfer_entries transfer paid_2_transfer
        """,
    ),
    "a missing last entry": (
        """
        DELETE FROM entries
         WHERE account_id = %(eve)s
           AND transfer_id = %(euros_transfer)s
        """,
        """
        account_sums account eve
        account_versions account eve
        transfer_entries transfer euros_transfer
        """,
    ),
    "a doubled entry": (
        """
        INSERT INTO entries
        SELECT region, merchant_id, account_id, booked_at + interval '1 microsecond', version,
               transfer_id, direction, posted_minor, pending_minor, posted_debits_minor,
               posted_credits_minor, pending_debits_minor, pending_credits_minor
          FROM entries
         WHERE account_id = %(ada)s
           AND transfer_id = %(gift)s
        """,
        """
        account_sums account ada
        account_versions account ada
        transfer_entries transfer gift
        """,
    ),
    "an entry that no transfer names": (
        """
        INSERT INTO entries
        SELECT region, merchant_id, id, now(), version + 1, %(gift)s, 'credit', 5, 0,
               posted_debits_minor, posted_credits_minor + 5, pending_debits_minor,
               pending_credits_minor
          FROM accounts
         WHERE id = %(bob)s;
        UPDATE accounts
           SET version = version + 1, posted_credits_minor = posted_credits_minor + 5
         WHERE id = %(bob)s
        """,
        """
        money_conserved USD
        transfer_entries transfer gift
        """,
    ),
    "a broken version chain": (
        """
        UPDATE entries
           SET version = version + 100
         WHERE account_id = %(ada)s
           AND transfer_id = %(gift)s
        """,
        """
        account_versions account ada
        transfer_entries transfer gift
        """,
    ),
    "an entry that says another amount": (
        """
        UPDATE entries
           SET posted_minor = posted_minor + 1
         WHERE account_id = %(ada)s
           AND transfer_id = %(gift)s
        """,
        """
        account_sums account ada
        transfer_entries transfer gift
        """,
    ),
    "a removed account": (
        """
        DELETE FROM accounts
         WHERE id = %(old)s
        """,
        """
        event_object account old
        idempotency_answer account old
        """,
    ),
    "a floor that is not kept": (
        """
        ALTER TABLE accounts DROP CONSTRAINT accounts_floor_kept;
        UPDATE accounts
           SET floor_minor = 19500
         WHERE id = %(eve)s
        """,
        """
        account_floor account eve
        """,
    ),
    "an account of another currency": (
        """
        UPDATE accounts
           SET currency = 'EUR'
         WHERE id = %(old)s
        """,
        """
        event_data account old
        """,
    ),
    "an account with entries, of another currency": (
        """
        UPDATE accounts
           SET currency = 'USD'
         WHERE id = %(eve)s
        """,
        """
        event_data account eve
        money_conserved EUR
        money_conserved USD
        transfer_balance transfer euros_transfer
        transfer_balance transfer exchange
        transfer_balance transfer eve_deposit
        """,
    ),
    "a payment without event": (
        """
        DELETE FROM events
         WHERE object_id = %(paid_1)s
        """,
        """
        event_sequence payment paid_1
        """,
    ),
    "a gap in the events of a payment": (
        """
        DELETE FROM events
         WHERE object_id = %(refunded)s
           AND sequence = 2
        """,
        """
        event_sequence payment refunded
        """,
    ),
    "a missing last event": (
        """
        DELETE FROM events
         WHERE object_id = %(refunded)s
           AND sequence = 3
        """,
        """
        event_sequence payment refunded
        """,
    ),
    "an event that says something else": (
        """
        UPDATE events
           SET data = replace(data, '"amount":1001', '"amount":1002')
         WHERE object_id = %(paid_1)s
        """,
        """
        event_data payment paid_1
        """,
    ),
    "edited metadata of a payment": (
        """
        UPDATE payments
           SET metadata = '{"x": "z"}'
         WHERE id = %(paid_1)s
        """,
        """
        event_data payment paid_1
        """,
    ),
    "a refund above capture": (
        """
        ALTER TABLE payments DROP CONSTRAINT payments_refunded_within_captured;
        UPDATE payments
           SET amount_refunded_minor = 2001
         WHERE id = %(refunded)s
        """,
        """
        event_data payment refunded
        payment_amounts payment refunded
        payment_refunds payment refunded
        """,
    ),
    "a refund of another amount": (
        """
        UPDATE refunds
           SET amount_minor = 61
         WHERE id = %(refunded_refund)s
        """,
        """
        event_data refund refunded_refund
        payment_refunds payment refunded
        """,
    ),
    "a removed refund": (
        """
        DELETE FROM refunds
         WHERE id = %(refunded_refund)s
        """,
        """
        event_object refund refunded_refund
        idempotency_answer refund refunded_refund
        payment_refunds payment refunded
        """,
    ),
    "a capture that the transfers did not make": (
        """
        UPDATE payments
           SET amount_captured_minor = 201
         WHERE id = %(part)s
        """,
        """
        event_data payment part
        payment_amounts payment part
        """,
    ),
    "a fee that nobody got": (
        """
        UPDATE payments
           SET fee_minor = fee_minor - 1
         WHERE id = %(paid_0)s
        """,
        """
        event_data payment paid_0
        payment_amounts payment paid_0
        """,
    ),
    "a changed status": (
        """
        UPDATE payments
           SET status = 'canceled'
         WHERE id = %(held)s
        """,
        """
        event_data payment held
        payment_status payment held
        """,
    ),
    "a reopened hold": (
        """
        UPDATE holds
           SET status = 'open'
         WHERE id = %(canceled_transfer)s
        """,
        """
        held_is_pending account bob
        held_is_pending account available
        hold_amounts transfer canceled_transfer
        hold_ends_once transfer canceled_transfer
        payment_status payment canceled
        """,
    ),
    "a hold that says more was posted": (
        """
        UPDATE holds
           SET posted_minor = 201
         WHERE id = %(part_transfer)s
        """,
        """
        held_is_pending account bob
        held_is_pending account available
        hold_amounts transfer part_transfer
        """,
    ),
    "a hold that was captured after its time": (
        """
        UPDATE holds
           SET expires_at = '2020-01-01T00:00:00Z'
         WHERE id = %(part_transfer)s
        """,
        """
        hold_in_time transfer part_capture
        """,
    ),
    "a hold on another account": (
        """
        UPDATE holds
           SET debit_account_id = %(ada)s
         WHERE id = %(held_transfer)s
        """,
        """
        held_is_pending account ada
        held_is_pending account bob
        hold_amounts transfer held_transfer
        """,
    ),
    "a removed hold": (
        """
        DELETE FROM holds
         WHERE id = %(expired_transfer)s
        """,
        """
        hold_amounts transfer expired_transfer
        payment_status payment expired
        """,
    ),
    "a hold that ended twice": (
        """
        INSERT INTO transfers
        SELECT region, merchant_id, %(old)s, 'expire', 'expiry', payment_id, hold_id, entries,
               description, metadata, block_writer, block_sequence, correlation_id, booked_at
          FROM transfers
         WHERE id = %(canceled_release)s
        """,
        """
        hold_amounts transfer canceled_transfer
        hold_ends_once transfer canceled_transfer
        journal_transfers transfer old
        transfer_entries transfer old
        """,
    ),
    "a removed payment": (
        """
        DELETE FROM payments
         WHERE id = %(paid_3)s
        """,
        """
        event_object payment paid_3
        idempotency_answer payment paid_3
        payment_transfers transfer paid_3_transfer
        """,
    ),
    **QUOTE_EDITS,
    **PAYOUT_EDITS,
    **FLOW_EDITS,
    **DISPUTE_EDITS,
}
