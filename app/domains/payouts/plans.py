"""Plans: how a merchant is paid out in a currency. Said by operators, seldom, one at a time.

A merchant's own keys cannot say it: whoever could raise the limit with one key would need no second
one.
"""

from app.base import clock, ids
from app.domains.merchants.admin import get_merchant
from app.domains.payouts import reads, store
from app.domains.payouts.errors import BankAccountNotFound
from app.domains.payouts.model import PayoutPlan
from app.engine.database import Database, Tx, transact


async def keep_plan(database: Database, plan: PayoutPlan) -> None:
    """Say how a merchant is paid out in a currency; what was said before is replaced.

    Raises: (the first that applies)
        MerchantNotFound
        BankAccountNotFound: the merchant has none of that id.
    """
    merchant = await get_merchant(database, plan.merchant_id)
    if plan.bank_account_id is not None:
        account = None
        for region in filter(None, (merchant.former_region, merchant.home_region)):
            account = account or await reads.find_bank_account(
                database, region, merchant.id, plan.bank_account_id
            )
        if account is None:
            name = ids.encode("bank_account", plan.bank_account_id)
            raise BankAccountNotFound(bank_account=name)

    async def work(tx: Tx) -> None:
        tx.write(
            store.queries.upsert_plan,
            lambda: {
                "merchant_id": plan.merchant_id,
                "currency": plan.currency,
                "schedule": plan.schedule,
                "bank_account_id": plan.bank_account_id,
                "approval_minor": plan.approval_minor,
                "now": clock.now(),
            },
        )

    await transact(database, work)
