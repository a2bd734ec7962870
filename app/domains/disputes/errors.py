"""Refusals about disputes."""

from app.base.errors import Invalid, NotFound, PlatformError, Rejected


class DisputeNotFound(NotFound):
    """There is no dispute {dispute}."""

    code = "dispute_not_found"


class DisputeClosed(Rejected):
    """Dispute {dispute} is {status}; only one that needs a response can be answered."""

    code = "dispute_closed"


class DisputeBusy(Rejected):
    """An answer to dispute {dispute} waits for the processor; try again a little later."""

    code = "dispute_busy"
    retry = "same_key"
    retry_after_s = 5


class EvidenceOverdue(Rejected):
    """Evidence for dispute {dispute} was due at {due_at}."""

    code = "evidence_overdue"


class EvidenceMissing(Rejected):
    """There is no evidence for dispute {dispute} yet; add some before it is submitted."""

    code = "evidence_missing"


class EvidenceLimit(Rejected):
    """Dispute {dispute} takes {pieces} pieces of evidence and {characters} characters of text."""

    code = "evidence_limit"


class ResponseRefused(Rejected):
    """The processor does not take this answer to dispute {dispute}: {reason}."""

    code = "dispute_response_refused"


class EvidenceTypeNotAllowed(PlatformError):
    """Evidence is {allowed}; this is {media_type}."""

    code = "evidence_type_not_allowed"
    status = 415


class EvidenceUnreadable(Invalid):
    """The file is not what it says: it cannot be read as {media_type}."""

    code = "evidence_unreadable"


class EvidenceOpaque(Invalid):
    """The file cannot be looked at for card numbers: {why}; send pictures of its pages."""

    code = "evidence_opaque"


class EvidenceTooLarge(PlatformError):
    """A piece of evidence has 1 to {limit} bytes."""

    code = "evidence_too_large"
    status = 413


class DisputeNotBookable(Rejected):
    """Dispute {dispute} of processor {processor} cannot be booked: {why}."""

    code = "dispute_not_bookable"
