"""The load generator's HTTP client against a real server."""

import asyncio

import pytest

from app.devkit.bench import Client, Endpoint, UnsupportedAnswer
from tests.bench.server import Request, answer, serving


async def test_an_answer_is_status_and_body() -> None:
    """A call returns the server's answer, and the server gets the request unchanged."""

    async def respond(_: Request) -> bytes:
        return answer(201, b'{"id":"pay_1"}')

    async with serving(respond) as server:
        client = Client(Endpoint(server.url))
        got = await client.call("POST", "/v1/payments", "sk_1", body=b"{}", key="k1")
        client.close()

    assert got == (201, b'{"id":"pay_1"}')
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/v1/payments", b"{}")
    assert request.headers["authorization"] == "Bearer sk_1"
    assert request.headers["idempotency-key"] == "k1"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("piece", [1, 2, 7, 40, 1000])
async def test_an_answer_may_come_in_pieces(piece: int) -> None:
    """However TCP cuts an answer, in its head or in its body, the answer is the same."""
    body = b"x" * 500

    async def respond(_: Request) -> bytes:
        return answer(200, body)

    async with serving(respond, piece=piece) as server:
        client = Client(Endpoint(server.url))
        first = await client.call("GET", "/", "")
        second = await client.call("GET", "/", "")
        client.close()

    assert first == second == (200, body)


async def test_an_answer_without_a_body_needs_no_length() -> None:
    """204 has no body by definition."""

    async def respond(_: Request) -> bytes:
        return answer(204, content_length=False)

    async with serving(respond) as server:
        client = Client(Endpoint(server.url))
        got = await client.call("GET", "/", "")
        client.close()

    assert got == (204, b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        answer(200, b"one") + answer(200, b"two"),
    ],
    ids=["chunked", "HTTP/1.0", "not HTTP", "two answers"],
)
async def test_an_answer_it_does_not_speak_is_refused(raw: bytes) -> None:
    """The client fails with a reason instead of guessing where an answer ends."""

    async def respond(_: Request) -> bytes:
        return raw

    async with serving(respond) as server:
        client = Client(Endpoint(server.url))
        with pytest.raises(UnsupportedAnswer):
            await client.call("GET", "/", "")
        client.close()


async def test_a_lost_connection_is_an_error_and_the_next_call_connects_anew() -> None:
    """A call whose connection is closed under it fails; the client stays usable."""
    answers = iter([b"", answer(200, b"again")])

    async def respond(_: Request) -> bytes:
        return next(answers)

    async with serving(respond) as server:
        client = Client(Endpoint(server.url))
        with pytest.raises(ConnectionError):
            await client.call("GET", "/", "")
        assert await client.call("GET", "/", "") == (200, b"again")
        client.close()


async def test_calls_share_the_connections_there_are() -> None:
    """More calls than connections wait for each other and all come through."""

    async def respond(request: Request) -> bytes:
        return answer(200, request.path.encode())

    async with serving(respond) as server:
        client = Client(Endpoint(server.url), 2)
        got = await asyncio.gather(*(client.call("GET", f"/{n}", "") for n in range(20)))
        client.close()

    assert got == [(200, f"/{n}".encode()) for n in range(20)]


@pytest.mark.parametrize("url", ["https://host", "host:8000", "ftp://host", "http://"])
def test_only_plain_http_is_spoken(url: str) -> None:
    """Any other address is refused before anything is sent."""
    with pytest.raises(ValueError, match="http://host"):
        Endpoint(url)
