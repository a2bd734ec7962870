"""The acquirer, as a processor: cards, banks and disputes.

Guarantees: every request carries Suya's reference, under which the acquirer acts at most once; each
response becomes a verdict. Objects are named by Suya's references; the acquirer's own ids are kept
for people only.

Owns no table, and never waits or repeats: the guard limits, and the flows repeat.
"""

from app.base.modes import Mode
from app.processors.acquirer.banks import AcquirerBanks
from app.processors.acquirer.cards import AcquirerCards
from app.processors.acquirer.client import NAME, AcquirerClient
from app.processors.acquirer.disputes import AcquirerDisputes
from app.processors.acquirer.notifications import NotificationReader
from app.processors.ports import Processor
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport


def make_acquirer(
    transport: HttpTransport,
    vault: VaultTransport,
    *,
    url: str | None,
    key: str | None,
    notification_key: bytes | None,
    mode: Mode = "test",
) -> Processor:
    """Create the processor `acquirer`; without a `url` each command ends as not executed."""
    client = AcquirerClient(transport, vault, url=url, key=key)
    return Processor(
        NAME,
        NotificationReader(notification_key).read,
        mode,
        cards=AcquirerCards(client),
        banks=AcquirerBanks(client),
        disputes=AcquirerDisputes(client),
    )


__all__ = ["NAME", "make_acquirer"]
