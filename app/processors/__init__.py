"""Processors: the companies that move money outside, behind three ports: cards, banks, disputes.

Guarantees: every request carries a reference under which the processor acts at most once. Whatever
happens outside is returned as a verdict and never raised. Trouble of one processor does not affect
the others: its calls are bounded in time and number, and none is made while its circuit breaker is
open.

Owns no table: the step that made a request writes its verdict.

Never decides for a processor: a missing answer is `unknown`.
"""

from app.processors.errors import (
    NotificationForeign,
    NotificationInvalid,
    ProcessorUnclear,
    SignatureInvalid,
    UnknownProcessor,
)
from app.processors.model import (
    Ask,
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskPayout,
    AskRefund,
    AskReversal,
    DisputeState,
    FileState,
    Notification,
    TokenizedCard,
    Verdict,
)
from app.processors.ports import Banks, Cards, Disputes
from app.processors.registry import Processors
from app.processors.world import World

__all__ = [
    "Ask",
    "AskAuthorization",
    "AskBankTransfer",
    "AskCapture",
    "AskPayout",
    "AskRefund",
    "AskReversal",
    "Banks",
    "Cards",
    "DisputeState",
    "Disputes",
    "FileState",
    "Notification",
    "NotificationForeign",
    "NotificationInvalid",
    "ProcessorUnclear",
    "Processors",
    "SignatureInvalid",
    "TokenizedCard",
    "UnknownProcessor",
    "Verdict",
    "World",
]
