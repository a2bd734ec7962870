"""Processors: who moves money outside, behind one interface.

Guarantees: every request carries a reference under which the processor acts at most once; what
happens outside comes back as a verdict and never as an exception. A processor's trouble stays its
own: its calls are bounded in time and number, and it is left alone while it is ill.

Owns no table: what a processor said is written by whoever asked.

Never decides for a processor: an answer that did not come is `unknown`.
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
    Processor,
    TokenizedCard,
    Verdict,
)
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
    "DisputeState",
    "FileState",
    "Notification",
    "NotificationForeign",
    "NotificationInvalid",
    "Processor",
    "ProcessorUnclear",
    "Processors",
    "SignatureInvalid",
    "TokenizedCard",
    "UnknownProcessor",
    "Verdict",
    "World",
]
