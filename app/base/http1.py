"""What HTTP/1.1 asks of a server that is built on aiohttp, and aiohttp leaves to it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web


async def ask_for_body(request: "web.BaseRequest") -> None:
    """Send `100 Continue` to a client that waits for it before it sends its body.

    To be called once the caller is known. Source: RFC 9110, section 10.1.1.
    """
    waits = request.headers.get("expect", "").lower() == "100-continue"
    if waits and request.version >= (1, 1) and not request.content.is_eof():
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written would count for the answer.
        request.writer.output_size = 0
