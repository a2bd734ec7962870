"""Requests as bytes, for what no client library would send."""

import socket
from urllib.parse import urlsplit

PATIENCE_S = 30


def say(url: str, *lines: str, body: bytes = b"") -> bytes:
    """All that a server answers to the lines of a request's head and a body, until it hangs up.

    Where the head expects `100-continue`, the body is sent after that was heard, or never.
    """
    at = urlsplit(url)
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    heard = b""
    with socket.create_connection((at.hostname or "", at.port or 0), PATIENCE_S) as connection:
        connection.settimeout(PATIENCE_S)
        waits = "Expect: 100-continue" in lines
        connection.sendall(head if waits else head + body)
        while part := connection.recv(65_536):
            if waits and heard == b"" and part.startswith(b"HTTP/1.1 100 "):
                connection.sendall(body)
            heard += part
    return heard


def statuses(heard: bytes) -> list[int]:
    """The statuses of the answers, `100 Continue` as well."""
    return [int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:]]
