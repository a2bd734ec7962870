"""Refusals of the edge itself."""

from app.base.errors import Forbidden, Invalid, NotFound, PlatformError


class InvalidBody(Invalid):
    """The request body is not what this endpoint takes; 'errors' says where."""

    code = "invalid_body"


class InvalidForm(Invalid):
    """The request body is not a form with one file named 'file': {reason}."""

    code = "invalid_form"


class InvalidJson(Invalid):
    """The request body is not valid JSON: {reason}."""

    code = "invalid_json"


class InvalidParameter(Invalid):
    """A parameter of the query is not what this endpoint takes; 'errors' says which."""

    code = "invalid_parameter"


class RepeatedHeader(Invalid):
    """The header {header} stands more than once in this request; send it once."""

    code = "repeated_header"


class InvalidHost(Invalid):
    """A request has one Host header: a name or an address, and maybe a port."""

    code = "invalid_host"


class InvalidRequestId(Invalid):
    """An X-Request-Id has 1 to 128 printable ASCII characters without spaces."""

    code = "invalid_request_id"


class CardNumberNotAllowed(Invalid):
    """Something in this request looks like a card number; those belong into the vault only."""

    code = "card_number_not_allowed"


class TargetTooLong(PlatformError):
    """A path has at most {path} characters here, and a query {query}."""

    code = "target_too_long"
    status = 414


class UnsupportedMediaType(PlatformError):
    """This endpoint takes {expected}; send that Content-Type."""

    code = "unsupported_media_type"
    status = 415


class UnsupportedEncoding(PlatformError):
    """Request bodies are taken as they are; send this one without Content-Encoding."""

    code = "unsupported_encoding"
    status = 415


class BodyTooLarge(PlatformError):
    """The request body is larger than {limit} bytes."""

    code = "body_too_large"
    status = 413


class BulkTooLarge(Invalid):
    """A bulk request takes 1 to {limit} items."""

    code = "bulk_size"


class RouteNotFound(NotFound):
    """There is nothing at this path."""

    code = "route_not_found"


class MethodNotAllowed(PlatformError):
    """This path does not take this method."""

    code = "method_not_allowed"
    status = 405


class ObjectNotFound(NotFound):
    """There is no {kind} {id}."""

    code = "object_not_found"


class SandboxOnly(Forbidden):
    """Money from nowhere exists only in the sandbox and for test merchants."""

    code = "sandbox_only"


class InternalError(PlatformError):
    """Something failed on our side; it was logged under this request id."""

    code = "internal_error"
    status = 500
    retry = "same_key"


class NotReady(PlatformError):
    """This process is not ready: {reason}."""

    code = "not_ready"
    status = 503
    retry = "same_key"
    retry_after_s = 1
