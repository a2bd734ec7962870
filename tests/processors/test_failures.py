"""Every way in which a request to a processor may fail, and the verdict on it."""

import socket

import pytest

from app.processors import Cards, Verdict
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.outside import Outside, answer
from tests.support.tables import Row, table


async def _ask_both(acquirer: Cards) -> tuple[Verdict, Verdict]:
    ask = asks.capture()
    return await acquirer.capture(ask), await acquirer.find_capture(ask)


@table("""
    how               capture       query      code
    closed            unknown       unknown    connection_lost
    reset             unknown       unknown    connection_lost
    reset-mid-answer  unknown       unknown    connection_lost
    half-body         unknown       unknown    connection_lost
    garbage           unknown       unknown    connection_lost
    no-json           unknown       unknown    answer_unreadable
    not-utf8          unknown       unknown    answer_unreadable
    empty             unknown       unknown    answer_unreadable
    huge              unknown       unknown    answer_unreadable
    redirect          unknown       unknown    http_302
    500               unknown       unknown    said_500
    502               unknown       unknown    said_502
    503               unknown       unknown    said_503
    408               unknown       unknown    said_408
    409               unknown       unknown    said_409       -- the reference names something else
    400               not_executed  unknown    said_400
    401               not_executed  unknown    said_401
    422               not_executed  unknown    said_422
    429               not_executed  unknown    said_429
""")
async def test_an_answer_that_is_none(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """A lost answer is unknown, a refused request did nothing, and a query is never that."""
    outside.how = row.how
    acquirer = (await open_processors(acquirer_url=outside.url)).cards("acquirer")

    captured, found = await _ask_both(acquirer)

    assert (captured.outcome, found.outcome) == (row.capture, row.query)
    assert captured.code == found.code == row.code


@table("""
    status  permanent
    400     yes
    401     no     -- who asks, and not what is asked for
    403     no
    404     no
    405     no
    413     yes
    415     yes
    422     yes
    429     no
    409     no     -- it may have been done
    500     no
""")
async def test_what_will_never_be_done(
    row: Row, outside: Outside, open_processors: OpenProcessors
) -> None:
    """A refusal is permanent if it is about the request's content; a query's never is."""
    outside.how = row.status
    acquirer = (await open_processors(acquirer_url=outside.url)).cards("acquirer")

    captured, found = await _ask_both(acquirer)

    assert (captured.is_permanent, found.is_permanent) == (row.permanent == "yes", False)


async def test_only_a_query_finds_nothing(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """404 is `not_found` for a query, while a command that gets it did nothing."""
    outside.how = 404
    acquirer = (await open_processors(acquirer_url=outside.url)).cards("acquirer")

    captured, found = await _ask_both(acquirer)

    assert found == Verdict("not_found")
    assert captured == Verdict("not_executed", code="said_404")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
async def test_what_was_never_sent(url: str, open_processors: OpenProcessors) -> None:
    """After a refused connection, or without an address, nothing was done."""
    acquirer = (await open_processors(acquirer_url=url)).cards("acquirer")

    captured, found = await _ask_both(acquirer)

    assert captured == Verdict("not_executed", code="unreachable")
    assert found == Verdict("unknown", code="unreachable")


async def test_a_connection_that_does_not_open(open_processors: OpenProcessors) -> None:
    """A connection that does not open in time has sent nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # The kernel answers as many as may wait to be accepted, and lets the next one knock.
        with socket.create_connection(("127.0.0.1", port)):
            processors = await open_processors(
                acquirer_url=f"http://127.0.0.1:{port}", processor_connect_timeout_ms=100
            )

            captured, _ = await _ask_both(processors.cards("acquirer"))

    assert captured == Verdict("not_executed", code="unreachable")


async def test_silence_is_unknown(outside: Outside, open_processors: OpenProcessors) -> None:
    """A request without an answer ends at the deadline as unknown."""
    outside.how = "black-hole"
    processors = await open_processors(acquirer_url=outside.url, processor_timeout_ms=200)

    captured, found = await _ask_both(processors.cards("acquirer"))

    assert captured == found == Verdict("unknown", code="timeout")


async def test_an_answer_after_the_deadline_is_unknown(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """A late answer is not read, and its connection is not used again."""
    outside.how = "black-hole"
    processors = await open_processors(acquirer_url=outside.url, processor_timeout_ms=2_000)
    acquirer = processors.cards("acquirer")
    ask = asks.capture()
    assert (await acquirer.capture(ask)).outcome == "unknown"

    told = {"id": "c1", "reference": ask.reference, "status": "approved", "amount": 1234}
    outside.how = answer(200, told)
    outside.released.set()

    assert (await acquirer.find_capture(ask)).outcome == "approved"


async def test_without_an_address_nothing_is_executed(open_processors: OpenProcessors) -> None:
    """A process without an acquirer starts, and each command ends as not executed."""
    acquirer = (await open_processors()).cards("acquirer")

    captured, found = await _ask_both(acquirer)

    assert captured == Verdict("not_executed", code="not_configured")
    assert found == Verdict("unknown", code="not_configured")
    assert await acquirer.authorize(asks.authorization()) == captured
