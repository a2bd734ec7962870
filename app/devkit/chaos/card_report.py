"""How a run's payments by card ended, here and at the acquirer."""

import msgspec

from app.devkit.chaos.history import History
from app.devkit.chaos.model import CARD, Outcome


class CardReport(msgspec.Struct, frozen=True, kw_only=True):
    """A run's payments by card, and the acquirer's books. Amounts in minor units."""

    sent: int
    acknowledged: int
    refused: int
    provisional: int
    """Those that were answered with 202 first, because the outcome was not known yet."""
    authorizations: int
    """The acquirer's authorizations, including attempts that ended without a charge."""
    captured_minor: int
    refunded_minor: int
    settled_s: float | None
    """From the end of the load until no flow was under way any more."""


def card_report(history: History, settled_s: float | None) -> CardReport | None:
    """The figures of a history; none where no acquirer was in it."""
    if history.acquirer is None:
        return None
    keys = [
        request.key
        for request in history.requests.values()
        if CARD in (request.body or {}).get("metadata", {})
    ]
    outcomes = [history.outcome(key) for key in keys]
    there = history.acquirer.authorizations
    return CardReport(
        sent=len(keys),
        acknowledged=outcomes.count(Outcome.ACKNOWLEDGED),
        refused=outcomes.count(Outcome.REFUSED),
        provisional=sum(
            any(answer.status == 202 for answer in history.answers.get(key, ())) for key in keys
        ),
        authorizations=len(there),
        captured_minor=sum(one.captured for one in there),
        refunded_minor=sum(one.refunded for one in there),
        settled_s=None if settled_s is None else round(settled_s, 1),
    )


def told(cards: CardReport) -> str:
    """The figures in a sentence."""
    return (
        f"By card: {cards.sent:,} payments, {cards.acknowledged:,} acknowledged, "
        f"{cards.refused:,} declined, {cards.provisional:,} processing at first; the acquirer has "
        f"{cards.authorizations:,} authorizations, {cards.captured_minor:,} captured and "
        f"{cards.refunded_minor:,} refunded (minor units)."
    )
