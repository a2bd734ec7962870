"""Files that clients send as forms (multipart/form-data, RFC 7578): one file a request."""

import msgspec
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from app.api.http.call import ApiRequest, content_type
from app.api.http.errors import InvalidForm

FORM = "multipart/form-data"

FORM_BYTES = 4_096
"""Room for what a form needs beside the file: two boundaries and four headers."""


class UploadedFile(msgspec.Struct, frozen=True):
    """A file as it was sent."""

    name: str | None
    """None: a text that came without a file."""
    media_type: str
    content: bytes


def read_file(request: ApiRequest, body: bytes) -> UploadedFile:
    """The only part of a form, which is a file named `file`.

    Raises:
        InvalidForm
    """
    _, options = parse_options_header(content_type(request))
    try:
        segment, content = _read(options.get("boundary", ""), body)
    except MultipartError as error:
        raise InvalidForm(reason=str(error) or "it cannot be read") from None
    if segment.name != "file" or not segment.filename:
        raise InvalidForm(reason="its part is not a file named 'file'")
    media_type = (segment.content_type or "").split(";")[0].strip().lower()
    return UploadedFile(segment.filename, media_type, content)


def _read(boundary: str, body: bytes) -> tuple[MultipartSegment, bytes]:
    segments: list[MultipartSegment] = []
    content = bytearray()
    with PushMultipartParser(
        boundary, content_length=len(body), max_segment_count=1, strict=True
    ) as parser:
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segments.append(event)
            elif event:
                content += event
    if not segments:
        raise InvalidForm(reason="it has no part")
    return segments[0], bytes(content)
