"""The books of a whole database, checked by plain sums that share no code with the product.

`suya verify` checks the same and more; that both agree is part of the proof. Ids are unique
whatever the region, so rows are joined wherever they are: a merchant may be on its way.
"""

from app.operate.verify import verify
from tests.support.databases import rows

_CHECKS = {
    "entries of a currency do not sum to zero": """
        SELECT a.currency
          FROM entries AS e
          JOIN accounts AS a ON a.merchant_id = e.merchant_id
           AND a.id = e.account_id
         GROUP BY a.currency
        HAVING sum(CASE e.direction WHEN 'debit' THEN e.posted_minor ELSE -e.posted_minor END) <> 0
            OR sum(CASE e.direction WHEN 'debit' THEN e.pending_minor
                                    ELSE -e.pending_minor END) <> 0
    """,
    "a balance is not the sum of its entries": """
        SELECT a.id
          FROM accounts AS a
          LEFT JOIN entries AS e ON e.merchant_id = a.merchant_id
           AND e.account_id = a.id
         GROUP BY a.merchant_id, a.id, a.version, a.posted_debits_minor,
                  a.posted_credits_minor, a.pending_debits_minor, a.pending_credits_minor
        HAVING count(e.version) <> a.version
            OR count(DISTINCT e.version) <> a.version
            OR COALESCE(max(e.version), 0) <> a.version
            OR COALESCE(sum(e.posted_minor) FILTER (WHERE e.direction = 'debit'), 0)
               <> a.posted_debits_minor
            OR COALESCE(sum(e.posted_minor) FILTER (WHERE e.direction = 'credit'), 0)
               <> a.posted_credits_minor
            OR COALESCE(sum(e.pending_minor) FILTER (WHERE e.direction = 'debit'), 0)
               <> a.pending_debits_minor
            OR COALESCE(sum(e.pending_minor) FILTER (WHERE e.direction = 'credit'), 0)
               <> a.pending_credits_minor
    """,
    "a wallet is overdrawn": """
        SELECT id
          FROM accounts
         WHERE kind = 'customer_wallet'
           AND posted_credits_minor - posted_debits_minor - pending_debits_minor < 0
    """,
    "a payment is not what its transfers are": """
        SELECT p.id
          FROM payments AS p
          LEFT JOIN transfers AS t ON t.merchant_id = p.merchant_id
           AND t.payment_id = p.id AND t.kind <> 'pending'
           AND t.purpose NOT IN (
                   'refund', 'refund_failure', 'dispute', 'dispute_won', 'dispute_lost')
          LEFT JOIN entries AS e ON e.merchant_id = t.merchant_id
           AND e.transfer_id = t.id AND e.account_id = p.account_id
         GROUP BY p.merchant_id, p.id, p.amount_captured_minor
        HAVING COALESCE(sum(e.posted_minor), 0) <> p.amount_captured_minor
    """,
    "a payment is not what its refunds are": """
        SELECT p.id
          FROM payments AS p
          LEFT JOIN refunds AS r ON r.merchant_id = p.merchant_id
           AND r.payment_id = p.id
         GROUP BY p.merchant_id, p.id, p.amount_refunded_minor, p.amount_captured_minor
        HAVING COALESCE(sum(r.amount_minor) FILTER (WHERE r.status <> 'failed'), 0)
               <> p.amount_refunded_minor
            OR p.amount_refunded_minor > p.amount_captured_minor
    """,
    "a hold is open and its payment is not, or ended twice": """
        SELECT h.id
          FROM holds AS h
          JOIN payments AS p ON p.merchant_id = h.merchant_id
           AND p.id = h.payment_id
         WHERE (h.status = 'open') <> (p.status IN (
                   'processing', 'requires_action', 'authorized', 'partially_captured'))
            OR 1 < (SELECT count(*) FROM transfers AS t
                     WHERE t.merchant_id = h.merchant_id
                       AND t.payment_id = p.id AND t.kind IN ('void', 'expire'))
    """,
    "a payment has not as many events as versions": """
        SELECT p.id
          FROM payments AS p
          LEFT JOIN events AS v ON v.merchant_id = p.merchant_id
           AND v.object_id = p.id
         GROUP BY p.merchant_id, p.id, p.version
        HAVING count(v.id) <> p.version
    """,
}


def faults(database_url: str) -> list[str]:
    """What is wrong in the books, by plain sums."""
    return [fault for fault, statement in _CHECKS.items() if rows(database_url, statement)]


async def assert_in_order(database_url: str) -> None:
    """Nothing is wrong in the books: neither by plain sums nor for `suya verify`."""
    bad = faults(database_url)
    assert not bad, bad
    findings = await verify(database_url, lambda *_: None)
    wrong = "\n".join(f"{f.check} {f.object}: {f.detail}" for f in findings)
    assert not wrong, wrong
