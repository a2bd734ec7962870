"""The verdicts on the acquirer's answers."""

import json
from typing import Any

import pytest

from app.processors import DisputeState, Processors, Verdict
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.outside import Outside, answer
from tests.support.tables import Row, table
from tests.support.vault import PROCESSOR_KEY


async def _open(outside: Outside, open_processors: OpenProcessors) -> Processors:
    return await open_processors(acquirer_url=outside.url)


def _told(reference: str, **fields: Any) -> bytes:
    common = {"id": "au_1", "reference": reference, "currency": "EUR", "amount": 1234}
    return answer(200, common | fields)


@table("""
    status           captured  refunded  outcome          code
    approved                0         0  approved         -
    approved             1234         0  approved         -
    declined                0         0  declined         insufficient_funds
    requires_action         0         0  requires_action  -
    voided                  0         0  declined         voided
    voided               1234      1234  declined         voided    -- undone: all went back
    voided                500         0  approved         voided    -- what was left went back
    undecided               0         0  unknown          answer_unreadable
""")
async def test_states_of_an_authorization(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """An authorization that holds or took money is approved, and any other is not."""
    cards = (await _open(outside, open_processors)).cards("acquirer")
    ask = asks.authorization()
    outside.how = _told(
        ask.reference,
        status=row.status,
        captured_amount=row.captured,
        refunded_amount=row.refunded,
        decline_code=row.code if row.status == "declined" else None,
    )

    verdict = await cards.find_authorization(ask)

    assert (verdict.outcome, verdict.code) == (row.outcome, row.code)
    if verdict.outcome != "unknown":
        assert verdict.captured_minor == row.captured


@table("""
    call           status    outcome   code
    find_refund    approved  approved  -
    find_refund    failed    declined  failed      -- days after it had succeeded
    find_transfer  pending   pending   -
    find_transfer  expired   declined  expired
    find_payout    pending   pending   -
    find_payout    approved  approved  -
    find_payout    returned  declined  returned    -- days after it had been paid
    find_payout    canceled  declined  canceled
    cancel_payout  canceled  approved  -
    cancel_payout  pending   declined  too_late
    cancel_payout  approved  declined  too_late
    cancel_payout  declined  declined  declined
""")
async def test_ends_of_other_things(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """An end without money is declined, and the code keeps the acquirer's status."""
    processors = await _open(outside, open_processors)
    ask: Any = {
        "find_refund": asks.refund,
        "find_transfer": asks.bank_transfer,
        "find_payout": asks.payout,
        "cancel_payout": asks.payout,
    }[row.call]()
    code = "declined" if row.code == "declined" else None
    outside.how = _told(ask.reference, status=row.status, decline_code=code)
    is_refund = row.call == "find_refund"
    port = processors.cards("acquirer") if is_refund else processors.banks("acquirer")

    verdict = await getattr(port, row.call)(ask)

    assert (verdict.outcome, verdict.code) == (row.outcome, row.code)


@table("""
    field            value  amount_minor  code
    amount            1200          1200  -
    currency           USD             0  currency_differs
    received_amount   1000          1000  -
""")
async def test_what_differs_is_seen(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """The amount of the verdict is what was done in the requested currency."""
    banks = (await _open(outside, open_processors)).banks("acquirer")
    ask = asks.bank_transfer()
    outside.how = _told(ask.reference, status="approved", **{row.field: row.value})

    verdict = await banks.find_transfer(ask)

    assert verdict.outcome == "approved"
    assert (verdict.amount_minor, verdict.code) == (row.amount_minor, row.code)


@pytest.mark.parametrize("missing", ["reference", "status", "id", "amount"])
async def test_an_answer_without_its_essentials(
    missing: str, outside: Outside, open_processors: OpenProcessors
) -> None:
    """An approval without its object or amount is unknown."""
    cards = (await _open(outside, open_processors)).cards("acquirer")
    ask = asks.capture()
    told = {"id": "c", "reference": ask.reference, "status": "approved", "amount": 1}
    outside.how = answer(200, {name: value for name, value in told.items() if name != missing})

    assert await cards.capture(ask) == Verdict("unknown", code="answer_unreadable")


async def test_an_answer_about_something_else(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """An answer with another reference is unknown."""
    cards = (await _open(outside, open_processors)).cards("acquirer")
    outside.how = _told("cap_of_somebody_else", status="approved")

    assert (await cards.capture(asks.capture())).outcome == "unknown"


_DISPUTE = {
    "id": "dp_1",
    "authorization": "pay_1",
    "merchant": asks.MERCHANT,
    "status": "needs_response",
    "reason": "fraudulent",
    "amount": 1234,
    "fee": 1500,
    "currency": "EUR",
    "due_at": "2026-12-01T00:00:00Z",
}


async def test_a_dispute_is_read(outside: Outside, open_processors: OpenProcessors) -> None:
    """A dispute comes with its money, its reason and its deadline, and evidence may be too late."""
    disputes = (await _open(outside, open_processors)).disputes("acquirer")
    outside.how = answer(200, _DISPUTE)

    dispute = await disputes.find_dispute("dp_1/../x")

    assert isinstance(dispute, DisputeState)
    assert (dispute.amount_minor, dispute.fee_minor, dispute.due_at.day) == (1234, 1500, 1)
    assert outside.requests[0].startswith(b"GET /v1/disputes/dp_1%2F..%2Fx ")
    assert (await disputes.submit_evidence("dp_1", "sent", "req_1")).outcome == "approved"
    outside.how = answer(409, {"code": "evidence_too_late"})
    late = await disputes.submit_evidence("dp_1", "sent", "req_1")
    assert late == Verdict("declined", code="evidence_too_late")


async def test_a_dispute_is_accepted(outside: Outside, open_processors: OpenProcessors) -> None:
    """Accepting is approved, or declined where the dispute is won; a lost answer is unknown."""
    disputes = (await _open(outside, open_processors)).disputes("acquirer")
    outside.how = answer(200, _DISPUTE | {"status": "lost"})

    assert (await disputes.accept_dispute("dp_1", "req_1")).outcome == "approved"
    assert outside.requests[-1].startswith(b"POST /v1/disputes/dp_1/accept ")

    outside.how = answer(409, {"code": "dispute_closed"})
    won = await disputes.accept_dispute("dp_1", "req_1")
    assert won == Verdict("declined", code="dispute_closed")

    outside.how = answer(500, {})
    assert (await disputes.accept_dispute("dp_1", "req_1")).outcome == "unknown"


def _sent(request: bytes) -> tuple[str, Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode(), json.loads(body)


async def test_a_card_goes_through_the_vault(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """The vault gets the values of fields and nothing else, and its answer has the acquirer's."""
    acquirer = (
        await open_processors(acquirer_url="http://acquirer.test", vault_url=outside.url)
    ).cards("acquirer")
    ask = asks.authorization(sandbox_fault="timeout_after", capture=True)
    told = {"id": "au_1", "reference": ask.reference, "status": "approved", "amount": 1234}
    said = {"status": 200, "headers": {}, "body": json.dumps(told)}
    outside.how = answer(200, said)

    verdict = await acquirer.authorize(ask)

    assert verdict == Verdict("approved", processor_reference="au_1", amount_minor=1234)
    head, forward = _sent(outside.requests[0])
    assert head.startswith("POST /forward ")
    assert f"Bearer {PROCESSOR_KEY}" in head
    assert "journey-1" in head
    assert forward == {
        "token": "pm_1",
        "merchant": asks.MERCHANT,
        "processor": "acquirer",
        "operation": "authorize",
        "fields": {
            "reference": ask.reference,
            "amount": 1234,
            "currency": "EUR",
            "capture": True,
            "sandbox_fault": "timeout_after",
        },
        "timeout_ms": 18_000,
    }
    assert b"key-of-the-acquirer" not in outside.requests[0]


@table("""
    vault  code          outcome       told
    502    not_executed  not_executed  unreachable
    502    other         unknown       vault_502
    504    unknown       unknown       timeout
    500    -             unknown       vault_500
    503    unavailable   not_executed  vault_unavailable
    503    -             unknown       vault_503               -- somebody in between said so
    404    not_found     not_executed  vault_not_found
    401    -             not_executed  vault_401
    closed -             unknown       vault_connection_lost
    no-json -            unknown       vault_answer_unreadable
""")
async def test_what_the_vault_says(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """The vault says whether the acquirer got anything; its own refusals sent nothing."""
    acquirer = (
        await open_processors(acquirer_url="http://acquirer.test", vault_url=outside.url)
    ).cards("acquirer")
    fault = {"code": row.code} if row.code else {}
    outside.how = answer(row.vault, fault) if isinstance(row.vault, int) else row.vault

    verdict = await acquirer.authorize(asks.authorization())

    assert verdict == Verdict(row.outcome, code=row.told)
