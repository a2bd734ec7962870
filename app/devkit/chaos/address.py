"""The addresses of a database's servers, parsed from its URL."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL, make_url

_PORT = 5432  # for a URL that names none


class Upstream(NamedTuple):
    """The address of a server: a host, or the folder of its socket, and a port."""

    host: str
    port: int


def upstreams(url: URL) -> list[Upstream]:
    """The servers of a URL, in order; several are named as `?host=a:1&host=b:2` or by commas."""
    port = str(url.query.get("port") or url.port or _PORT)
    named = url.query.get("host") or url.host or "127.0.0.1"
    hosts: Sequence[str] = named.split(",") if isinstance(named, str) else named
    ports = port.split(",")
    found = []
    for at, host in enumerate(hosts):
        name, colon, own = host.rpartition(":")
        ours = ports[at] if len(ports) == len(hosts) else ports[0]
        found.append(Upstream(name, int(own)) if colon else Upstream(host, int(ours)))
    return found


def conninfo(database_url: str, database: str | None = None) -> str:
    """The URL in the driver's own form, for another database of the server if one is named."""
    url = make_url(database_url)
    servers = upstreams(url)
    options: dict[str, Any] = {
        name: value for name, value in url.query.items() if name not in {"host", "port"}
    }
    if url.password is not None:
        options["password"] = str(url.password)
    return make_conninfo(
        "",
        host=",".join(server.host for server in servers),
        port=",".join(str(server.port) for server in servers),
        user=url.username,
        dbname=database or url.database,
        **options,
    )
