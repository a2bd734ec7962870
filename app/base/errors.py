"""Errors, grouped by what the caller should do.

    PlatformError
    ├── Invalid           400  never      the request is malformed
    ├── Unauthorized      401  never      no merchant behind this key
    ├── Forbidden         403  never      the key lacks the scope
    ├── NotFound          404  never      no such thing of this merchant
    ├── Rejected          409  never      our rule refuses
    ├── Declined          402  new_key    someone decided no
    ├── TooManyRequests   429  same_key   slow down
    └── Unavailable       503  same_key   no decision was made
    InvariantViolated (AssertionError)    a bug; never caught below the edge

A leaf is a name, a code and a docstring; the docstring is the message, a template over the facts.
Refusals travel as values through batches: raising is only for the edge and for bugs.
"""

from typing import Any, ClassVar, Literal

import msgspec

Retry = Literal["never", "same_key", "new_key"]


class FieldError(msgspec.Struct, frozen=True):
    """One fault of a request: a JSON pointer into the body, or a parameter, and a sentence."""

    pointer: str
    message: str


class PlatformError(Exception):
    """An error for the caller; its docstring is the message."""

    code: ClassVar[str] = "error"
    """Stable name on the wire, by which clients distinguish errors."""
    status: ClassVar[int] = 500
    """HTTP status."""
    retry: ClassVar[Retry] = "never"
    """What the client may do: nothing, the same request with the same key, or with a new key."""
    retry_after_s: int | None = None
    """Seconds until a retry is useful; becomes the Retry-After header."""

    def __init__(self, *, errors: tuple[FieldError, ...] = (), **facts: Any) -> None:
        super().__init__(facts)
        self.facts = facts
        self.errors = errors

    @property
    def message(self) -> str:
        """The docstring's first paragraph, with the facts filled in."""
        template = (type(self).__doc__ or "").split("\n\n")[0].strip()
        return " ".join(template.format(**self.facts).split())

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.errors, self.facts))


def _rebuild(
    cls: type[PlatformError], errors: tuple[FieldError, ...], facts: dict[str, Any]
) -> PlatformError:
    return cls(errors=errors, **facts)


class Invalid(PlatformError):
    """The request is malformed."""

    code = "invalid_request"
    status = 400


class Unauthorized(PlatformError):
    """No valid API key was given; send it as 'Authorization: Bearer sk_...'."""

    code = "unauthorized"
    status = 401


class Forbidden(PlatformError):
    """This API key lacks the scope '{scope}'."""

    code = "forbidden"
    status = 403


class NotFound(PlatformError):
    """There is no such object."""

    code = "not_found"
    status = 404


class Rejected(PlatformError):
    """A rule refuses this request."""

    code = "rejected"
    status = 409


class Declined(PlatformError):
    """The payment was declined."""

    code = "declined"
    status = 402
    retry = "new_key"


class TooManyRequests(PlatformError):
    """Too many requests for this API key; slow down."""

    code = "too_many_requests"
    status = 429
    retry = "same_key"
    retry_after_s = 1


class Unavailable(PlatformError):
    """The request was not decided; send it again with the same Idempotency-Key."""

    code = "unavailable"
    status = 503
    retry = "same_key"
    retry_after_s = 1


class InvariantViolated(AssertionError):
    """A bug: something happened that cannot happen. Never caught below the edge."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error on the wire: RFC 9457 problem details with Suya's extensions."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retry: Retry
    request_id: str
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
    facts: dict[str, Any] = {}


def problem(error: PlatformError, request_id: str, instance: str | None = None) -> Problem:
    """The problem details of `error`, which never contain the text of its cause, nor SQL."""
    return Problem(
        type=f"/docs/errors#{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        detail=error.message,
        code=error.code,
        retry=error.retry,
        request_id=request_id,
        instance=instance,
        errors=error.errors,
        facts={name: _plain(value) for name, value in error.facts.items()},
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)
