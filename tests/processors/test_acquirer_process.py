"""The adapter and the sandbox's acquirer, with a real vault between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio
from aiohttp import web

from app.processors import DisputeState, TokenizedCard, Verdict
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.shops import SandboxShop
from tests.support.acquirer import AcquirerProcess
from tests.support.processes import free_port
from tests.support.tables import Row, table
from tests.support.vault import VaultProcess

AnotherVault: TypeAlias = Callable[..., VaultProcess]

DISPUTED, CHALLENGED = "4000000000000259", "4000000000003220"
SHORT_MS = 1_000  # enough for an answer that comes, and not long to wait for one that does not


@pytest_asyncio.fixture
async def shop(
    open_processors: OpenProcessors, sandbox: AcquirerProcess, vault: VaultProcess
) -> SandboxShop:
    """A shop whose acquirer answers in time."""
    processors = await open_processors(**sandbox.settings_of_callers, vault_url=vault.url)
    return SandboxShop(processors, sandbox, vault)


@pytest.fixture
def another_vault(vault: VaultProcess, tmp_path: Path) -> Iterator[AnotherVault]:
    """Starts a second process of the vault, with settings of its own."""
    with ExitStack() as stack:

        def start(**settings: str) -> VaultProcess:
            told = vault.settings | settings | {"vault_port": str(free_port())}
            process = stack.enter_context(VaultProcess(vault.database_url, tmp_path, **told))
            process.write_keys(vault.key_file.read_text("ascii"))
            return process.start()

        yield start


async def test_a_card_is_authorized_captured_and_refunded(shop: SandboxShop) -> None:
    """Each step is approved once, and found again by its reference."""
    ask = shop.ask()
    authorized = [await shop.cards.authorize(ask) for _ in range(2)]
    capture = asks.capture(authorization=ask.reference, amount_minor=1000, final=False)
    refund = asks.refund(authorization=ask.reference, amount_minor=400)

    assert (await shop.cards.find_capture(capture)).outcome == "not_found"
    assert (await shop.cards.find_refund(refund)).outcome == "not_found"
    captured = [await shop.cards.capture(capture) for _ in range(2)]
    refunded = [await shop.cards.refund(refund) for _ in range(2)]

    assert authorized[0] == authorized[1]
    assert (authorized[0].outcome, authorized[0].amount_minor) == ("approved", 1234)
    assert captured == [await shop.cards.find_capture(capture)] * 2
    assert (captured[0].outcome, captured[0].amount_minor) == ("approved", 1000)
    assert refunded == [await shop.cards.find_refund(refund)] * 2
    assert (refunded[0].outcome, refunded[0].amount_minor) == ("approved", 400)
    found = await shop.cards.find_authorization(ask)
    assert (found.outcome, found.captured_minor) == ("approved", 1000)
    held = shop.sandbox.authorization(ask.reference)
    assert (held["captured_amount"], held["refunded_amount"]) == (1000, 400)


@table("""
    fault                       outcome          found            repeated
    500_before                  unknown          not_found        approved
    500_after                   unknown          approved         approved
    drop_before                 unknown          not_found        approved
    drop_after                  unknown          approved         approved
    slow:50ms                   approved         approved         approved
    decline:insufficient_funds  declined         declined         declined
    requires_action             requires_action  requires_action  requires_action
""")
async def test_faults(row: Row, shop: SandboxShop) -> None:
    """Whatever breaks, a query finds what happened, and a repetition acts once."""
    ask = shop.ask(sandbox_fault=row.fault)

    verdict = await shop.cards.authorize(ask)
    found = await shop.cards.find_authorization(ask)
    repeated = await shop.cards.authorize(ask)

    assert (verdict.outcome, found.outcome) == (row.outcome, row.found)
    assert repeated.outcome == row.repeated


@table("""
    fault           found      code
    timeout_before  not_found  -
    timeout_after   approved   -
    late_decline:9  unknown    undecided
""")
async def test_silence(row: Row, shop: SandboxShop, open_processors: OpenProcessors) -> None:
    """A request without an answer in time is unknown, and queried later."""
    impatient = await open_processors(
        **shop.sandbox.settings_of_callers,
        vault_url=shop.vault.url,
        processor_timeout_ms=SHORT_MS,
    )
    ask = shop.ask(sandbox_fault=row.fault)

    verdict = await impatient.cards("acquirer").authorize(ask)
    found = await shop.cards.find_authorization(ask)

    assert verdict == Verdict("unknown", code="timeout")
    assert (found.outcome, found.code) == (row.found, row.code)


async def test_what_never_arrived_is_reversed(shop: SandboxShop) -> None:
    """A reversal that comes first keeps its authorization from taking money."""
    ask = shop.ask(capture=True)
    reversal = asks.reversal(authorization=ask.reference, refund_captured=True)

    reversed_twice = [await shop.cards.reverse(reversal) for _ in range(2)]
    late = await shop.cards.authorize(ask)

    assert {verdict.outcome for verdict in reversed_twice} == {"approved"}
    assert (late.outcome, late.code, late.captured_minor) == ("declined", "voided", 0)


async def test_an_undone_payment_gives_all_back(shop: SandboxShop) -> None:
    """A reversal of what was captured at once returns it."""
    ask = shop.ask(capture=True)
    await shop.cards.authorize(ask)

    await shop.cards.reverse(asks.reversal(authorization=ask.reference, refund_captured=True))

    found = await shop.cards.find_authorization(ask)
    assert (found.outcome, found.code) == ("declined", "voided")
    assert shop.sandbox.authorization(ask.reference)["refunded_amount"] == 1234


async def test_a_payer_approves(shop: SandboxShop) -> None:
    """3-D Secure gives a page, and the payer's answer there is found."""
    ask = shop.ask(CHALLENGED)
    verdict = await shop.cards.authorize(ask)
    assert verdict.outcome == "requires_action"
    assert verdict.action_url is not None

    shop.sandbox.answer_challenge(verdict.action_url)

    assert (await shop.cards.find_authorization(ask)).outcome == "approved"


async def test_another_request_under_a_reference(shop: SandboxShop) -> None:
    """If the acquirer has another request under a reference, only a query finds out which."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    other = shop.ask(reference=ask.reference, amount_minor=99)

    assert await shop.cards.authorize(other) == Verdict("unknown", code="reference_reused")
    assert (await shop.cards.find_authorization(other)).amount_minor == 1234


async def test_a_bank_transfer_arrives(shop: SandboxShop) -> None:
    """A bank transfer is pending until money arrives, and then has the amount that arrived."""
    ask = asks.bank_transfer()
    assert (await shop.banks.find_transfer(ask)).outcome == "not_found"
    expected = await shop.banks.expect_transfer(ask)

    shop.sandbox.arrive(ask.reference, 1000)

    found = await shop.banks.find_transfer(ask)
    assert (expected.outcome, expected.amount_minor) == ("pending", 1234)
    assert (found.outcome, found.amount_minor) == ("approved", 1000)


async def test_payouts(shop: SandboxShop) -> None:
    """A payout is paid, and may come back; it can be canceled as long as it is under way."""
    paid, canceled = asks.payout(), asks.payout()
    sent = [await shop.banks.pay_out(ask) for ask in (paid, canceled)]
    assert [verdict.outcome for verdict in sent] == ["pending", "pending"]

    shop.sandbox.settle_payout(paid.reference)
    assert (await shop.banks.find_payout(paid)).outcome == "approved"
    assert (await shop.banks.cancel_payout(paid)).outcome == "declined"
    assert (await shop.banks.cancel_payout(canceled)).outcome == "approved"
    assert (await shop.banks.cancel_payout(canceled)).outcome == "approved"
    found = await shop.banks.find_payout(canceled)
    assert (found.outcome, found.code) == ("declined", "canceled")

    shop.sandbox.settle_payout(paid.reference, "return")
    assert (await shop.banks.find_payout(paid)).outcome == "declined"


async def test_disputes(shop: SandboxShop) -> None:
    """A dispute names Suya's payment and merchant, takes evidence in time, and can be accepted."""
    ask = shop.ask(DISPUTED, capture=True)
    await shop.cards.authorize(ask)
    dispute_id = shop.sandbox.authorization(ask.reference)["dispute"]

    dispute = await shop.disputes.find_dispute(dispute_id)
    sent = await shop.disputes.submit_evidence(dispute_id, "It was sent.", "req_1")
    accepted = await shop.disputes.accept_dispute(dispute_id, "req_2")
    late = await shop.disputes.submit_evidence(dispute_id, "Really.", "req_3")

    assert isinstance(dispute, DisputeState)
    assert (dispute.authorization, dispute.merchant) == (ask.reference, asks.MERCHANT)
    assert (dispute.status, dispute.amount_minor) == ("needs_response", 1234)
    assert [verdict.outcome for verdict in (sent, accepted, late)] == [
        "approved",
        "approved",
        "declined",
    ]
    assert await shop.disputes.find_dispute("dp_0") == Verdict("not_found")


async def test_without_a_listener_nothing_is_executed(
    card_port: int, open_processors: OpenProcessors, shop: SandboxShop, another_vault: AnotherVault
) -> None:
    """If the vault or the acquirer does not run, certainly nothing was done."""
    nowhere = f"http://127.0.0.1:{card_port}"
    other = another_vault(vault_acquirer_url=nowhere)
    behind = await open_processors(acquirer_url=nowhere, vault_url=other.url)
    in_front = await open_processors(acquirer_url=nowhere, vault_url=nowhere)
    ask = shop.ask()

    assert await behind.cards("acquirer").authorize(ask) == Verdict(
        "not_executed", code="unreachable"
    )
    assert await in_front.cards("acquirer").authorize(ask) == Verdict(
        "not_executed", code="vault_unreachable"
    )


async def test_keys_and_tokens_that_are_wrong(
    shop: SandboxShop, open_processors: OpenProcessors, another_vault: AnotherVault
) -> None:
    """With a wrong key, or another merchant's token, nothing is done."""
    known = shop.sandbox.settings_of_callers | {"vault_url": shop.vault.url}
    other = another_vault(vault_acquirer_key="a-wrong-key-of-something")
    no_acquirer = await open_processors(**(known | {"vault_url": other.url}))
    wrong_key = "a-wrong-key-of-something-of-32-characters"
    no_vault = await open_processors(**(known | {"vault_processor_key": wrong_key}))
    ask = shop.ask()
    nobodys = shop.ask(card=TokenizedCard("pm_01h455vb4pex5vsknk084sn02q", "visa"))

    said = [
        await no_acquirer.cards("acquirer").authorize(ask),
        await no_vault.cards("acquirer").authorize(ask),
        await shop.cards.authorize(nobodys),
    ]

    assert said == [
        Verdict("not_executed", code="unauthorized"),
        Verdict("not_executed", code="vault_vault_unauthorized"),
        Verdict("not_executed", code="vault_token_not_found"),
    ]


@pytest_asyncio.fixture
async def mailbox() -> AsyncIterator[tuple[str, "asyncio.Queue[tuple[dict[str, str], bytes]]"]]:
    """An address, and the notifications that it received."""
    arrived: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(request: web.BaseRequest) -> web.Response:
        await arrived.put((dict(request.headers), await request.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1/notifications/acquirer", arrived
    await runner.cleanup()


async def test_notifications_of_the_real_one_are_believed(
    mailbox: tuple[str, "asyncio.Queue[tuple[dict[str, str], bytes]]"],
    tmp_path: Path,
    open_processors: OpenProcessors,
) -> None:
    """The acquirer's signature is accepted, and the subject is named by Suya's reference."""
    url, arrived = mailbox
    with AcquirerProcess(tmp_path, notify_url=url) as sandbox:
        sandbox.start()
        processors = await open_processors(**sandbox.settings_of_callers)
        ask = asks.bank_transfer()
        await processors.banks("acquirer").expect_transfer(ask)
        await asyncio.to_thread(sandbox.arrive, ask.reference)
        headers, body = await arrived.get()

        told = processors.read_notification("acquirer", headers, body)

        assert (told.merchant, told.subject) == (asks.MERCHANT, "bank_transfer")
        assert told.reference == ask.reference
        sandbox.stop()
