"""The fault proxy's weather: delay, silence, cuts and resets, on a real server's connections."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus
from sqlalchemy.engine import make_url

from app.base import clock
from app.devkit.chaos.address import Upstream, conninfo, upstreams
from app.devkit.chaos.proxy import ConnectionFault, FaultProxy

SLOW_S = 0.1


@pytest.fixture
def proxy(shared_database_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(shared_database_url) as running:
        yield running


def connect(proxy: FaultProxy) -> psycopg.Connection:
    """A connection by way of the proxy."""
    url = f"postgresql://{proxy.url.partition('://')[2]}"
    return psycopg.connect(url, autocommit=True, connect_timeout=2)


def ask(connection: psycopg.Connection, length: int = 1) -> str:
    """A text of that length from the server."""
    row = connection.execute("SELECT repeat('x', %s)", [length]).fetchone()
    assert row is not None
    return str(row[0])


def test_in_good_weather_nothing_is_noticed(proxy: FaultProxy) -> None:
    """Without a fault, statements and large answers pass."""
    with connect(proxy) as connection:
        assert len(ask(connection, 1_000_000)) == 1_000_000


@pytest.mark.parametrize("direction", ["to_server_s", "to_client_s"])
def test_either_direction_may_be_slow(proxy: FaultProxy, direction: str) -> None:
    """An answer takes at least the delay, once per statement and not once per message."""
    with connect(proxy) as connection:
        ask(connection)
        proxy.slow(**({"to_server_s": 0.0, "to_client_s": 0.0} | {direction: SLOW_S}))
        began = clock.monotonic()
        assert ask(connection) == "x"
        took_s = clock.monotonic() - began
        proxy.clear()
        assert ask(connection) == "x"

    assert took_s >= SLOW_S


def test_slow_bytes_keep_their_order(proxy: FaultProxy) -> None:
    """Bytes that are on their way when a delay ends are not overtaken."""
    with connect(proxy) as connection, connection.pipeline():
        proxy.slow(to_server_s=SLOW_S, to_client_s=SLOW_S)
        first = connection.execute("SELECT 1")
        proxy.clear()
        second = connection.execute("SELECT 2")
        assert (first.fetchone(), second.fetchone()) == ((1,), (2,))


def test_a_black_hole_swallows_all_and_ends_in_a_reset(proxy: FaultProxy) -> None:
    """Old connections wait, new ones get no greeting, and the end of the fault resets the old."""
    with closing(connect(proxy)) as connection:
        ask(connection)
        proxy.swallow()
        with pytest.raises(psycopg.OperationalError):
            connect(proxy)
        connection.pgconn.send_query(b"SELECT 1")
        proxy.clear()
        connection.pgconn.get_result()  # waits for whatever comes
        assert connection.pgconn.status == ConnStatus.BAD
    with connect(proxy) as connection:
        assert ask(connection) == "x"


def test_all_connections_are_cut_at_once(proxy: FaultProxy) -> None:
    """A cut breaks the present connections, and no later one."""
    with closing(connect(proxy)) as one, closing(connect(proxy)) as two:
        proxy.cut()
        for connection in (one, two):
            with pytest.raises(psycopg.OperationalError):
                ask(connection)
    with connect(proxy) as connection:
        assert ask(connection) == "x"


def test_an_answer_is_torn_in_the_middle(proxy: FaultProxy) -> None:
    """A reset after some bytes gives the client the beginning of an answer and no end."""
    with closing(connect(proxy)) as connection:
        proxy.reset_after(100)
        with pytest.raises(psycopg.OperationalError):
            ask(connection, 1_000_000)
    assert proxy.struck == 1


def test_what_was_armed_can_be_forgotten(proxy: FaultProxy) -> None:
    """After disarming no statement meets a fault."""
    proxy.arm(ConnectionFault.LOST_REPLY, "SELECT")
    proxy.reset_after(1)
    proxy.disarm()
    with connect(proxy) as connection:
        assert ask(connection) == "x"
    assert proxy.left == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@/d?host=/run/pg&port=5432", [Upstream("/run/pg", 5432)]),
        ("postgresql://u@h:99/d", [Upstream("h", 99)]),
        ("postgresql://u@h/d", [Upstream("h", 5432)]),
        ("cockroachdb://u@/d?host=a:1&host=b:2", [Upstream("a", 1), Upstream("b", 2)]),
        ("cockroachdb://u@/d?host=a,b&port=1,2", [Upstream("a", 1), Upstream("b", 2)]),
    ],
)
def test_the_servers_of_a_url(url: str, expected: list[Upstream]) -> None:
    """Each way of naming one or several servers is understood."""
    assert upstreams(make_url(url)) == expected


def test_each_of_several_servers_has_its_own_way(shared_database_url: str) -> None:
    """A URL of three hosts becomes one of three listeners, and may begin with any of them."""
    folder = make_url(shared_database_url).query["host"]
    assert isinstance(folder, str)
    url = f"{shared_database_url.partition('?')[0]}?host={folder},{folder},{folder}&port=5432"
    with FaultProxy(url) as proxy:
        first, second = make_url(proxy.url), make_url(proxy.url_from(1))
        assert [server.port for server in upstreams(first)] == proxy.ports
        assert [server.port for server in upstreams(second)] == proxy.ports[1:] + proxy.ports[:1]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+psycopg://u@/d?host=/run/pg&port=5432",
            "host=/run/pg port=5432 user=u dbname=d",
        ),
        ("cockroachdb://u:p@/d?host=a:1&host=b:2", "host=a,b port=1,2 user=u dbname=d password=p"),
        ("cockroachdb://u@h:9/d?sslmode=disable", "host=h port=9 user=u dbname=d sslmode=disable"),
    ],
)
def test_a_url_as_the_driver_takes_it(url: str, expected: str) -> None:
    """Servers, user, database and options arrive, also where several servers are named."""
    assert conninfo_to_dict(conninfo(url)) == conninfo_to_dict(expected)
    assert conninfo_to_dict(conninfo(url, "other"))["dbname"] == "other"
