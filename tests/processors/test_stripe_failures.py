"""Failures between Suya and Stripe, and which notifications are accepted."""

import json
import time
from typing import Any

import pytest
import stripe

from app.processors import (
    Cards,
    NotificationForeign,
    NotificationInvalid,
    Processors,
    SignatureInvalid,
    UnknownProcessor,
    Verdict,
)
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.outside import Outside, answer
from tests.support.processes import free_port
from tests.support.tables import Row, table

SECRET = "whsec_of_the_endpoint_at_stripe"  # noqa: S105 - of a test


async def _stripe_cards(open_processors: OpenProcessors, url: str) -> Cards:
    processors = await open_processors(stripe_key="sk_test_of_this_account", stripe_url=url)
    return processors.cards("stripe")


@table("""
    how        code
    closed     connection_lost
    reset      connection_lost
    half-body  connection_lost
    garbage    connection_lost
    no-json    answer_unreadable
    empty      answer_unreadable
    huge       answer_unreadable
    redirect   answer_unreadable
    500        http_500            -- not even an error of Stripe's
    503        http_503
""")
async def test_answers_that_are_none(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """If the answer is not Stripe's, what was done is unknown."""
    cards = await _stripe_cards(open_processors, outside.url)
    outside.how = row.how
    ask = asks.authorization()

    said = [await cards.authorize(ask), await cards.find_authorization(ask)]

    assert said == [Verdict("unknown", code=row.code)] * 2


@table("""
    status  type                   code                      verdict       told
    402     card_error             card_declined             declined      card_declined
    400     invalid_request_error  amount_too_small          not_executed  amount_too_small
    400     idempotency_error      -                         unknown       reference_reused
    401     invalid_request_error  -                         not_executed  invalid_request_error
    403     invalid_request_error  -                         not_executed  invalid_request_error
    429     invalid_request_error  rate_limit                not_executed  rate_limit
    409     invalid_request_error  idempotency_key_in_use    unknown       idempotency_key_in_use
    500     api_error              -                         unknown       http_500
""")
async def test_errors_that_stripe_tells(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """An error says whether anything was done, and 409 and 500 do not."""
    cards = await _stripe_cards(open_processors, outside.url)
    error = {"type": row.type, "message": "no"} | ({"code": row.code} if row.code else {})
    outside.how = answer(row.status, {"error": error})

    verdict = await cards.authorize(asks.authorization())

    assert (verdict.outcome, verdict.code) == (row.verdict, row.told)
    assert len(outside.requests) == 1  # the library repeats nothing by itself


async def test_what_was_never_sent(open_processors: OpenProcessors) -> None:
    """After a refused connection nothing was done."""
    cards = await _stripe_cards(open_processors, f"http://127.0.0.1:{free_port()}")

    assert await cards.authorize(asks.authorization()) == Verdict(
        "not_executed", code="unreachable"
    )


async def test_without_a_key_there_is_no_stripe(open_processors: OpenProcessors) -> None:
    """A process without an account has no such processor, and does not load its library."""
    processors = await open_processors()

    with pytest.raises(UnknownProcessor):
        processors.cards("stripe")


def _event(kind: str, metadata: Any = None, **fields: Any) -> str:
    told = {"object": kind, "id": "du_1", "metadata": metadata}
    event = {"id": "evt_1", "object": "event", "type": f"{kind}.updated", "data": {"object": told}}
    return json.dumps(event | fields)


def _signed(body: str, timestamp: int | None = None, secret: str = SECRET) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)
    return {"Stripe-Signature": header}


async def _with_secret(open_processors: OpenProcessors, secret: str | None = SECRET) -> Processors:
    return await open_processors(stripe_key="sk_test_of_this_account", stripe_webhook_secret=secret)


OURS = {"suya_reference": "pay_1", "suya_merchant": "mer_1"}


@table("""
    object          ours  subject        reference  merchant
    payment_intent  yes   authorization  pay_1      mer_1
    charge          yes   authorization  pay_1      mer_1
    refund          yes   refund         pay_1      mer_1
    dispute         no    dispute        du_1       -         -- its event names no merchant
""")
async def test_events_say_what_to_look_at(row: Row, open_processors: OpenProcessors) -> None:
    """A signed event names its subject by Suya's reference, and a dispute by Stripe's."""
    processors = await _with_secret(open_processors)
    body = _event(row.object, OURS if row.ours == "yes" else {})

    told = processors.read_notification("stripe", _signed(body), body.encode())

    assert (told.id, told.payload) == ("evt_1", body)
    assert (told.subject, told.reference) == (row.subject, row.reference)
    assert told.merchant == (row.merchant or "")


async def test_events_that_are_not_believed(open_processors: OpenProcessors) -> None:
    """A wrong secret, another text, an old or no signature, and a missing secret are refused."""
    processors = await _with_secret(open_processors)
    without = await _with_secret(open_processors, None)
    body = _event("payment_intent", OURS)
    old = int(time.time()) - 400
    cases = [
        (processors, _signed(body, secret=f"{SECRET}_not"), body.encode()),
        (processors, _signed(body), body.replace("pay_1", "pay_2").encode()),
        (processors, _signed(body, old), body.encode()),
        (processors, {"Stripe-Signature": "t=soon,v1=x"}, body.encode()),
        (processors, {}, body.encode()),
        (processors, _signed(body), b"\xff\xfe"),
        (without, _signed(body), body.encode()),
    ]

    for whose, headers, text in cases:
        with pytest.raises(SignatureInvalid):
            whose.read_notification("stripe", headers, text)


async def test_events_of_others(open_processors: OpenProcessors) -> None:
    """Events of the account's other uses differ from malformed ones."""
    processors = await _with_secret(open_processors)

    for foreign in (_event("payment_intent", {}), _event("customer", OURS), _event("refund")):
        with pytest.raises(NotificationForeign):
            processors.read_notification("stripe", _signed(foreign), foreign.encode())
    for nonsense in ("", "[]", '{"id": "evt_1"}'):
        with pytest.raises(NotificationInvalid):
            processors.read_notification("stripe", _signed(nonsense), nonsense.encode())
