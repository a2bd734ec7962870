"""The vault's refusals, and the reasons why it does not start."""

from typing import Any

from app.base.errors import Invalid, NotFound, PlatformError, TooManyRequests


class MasterKeyMissing(PlatformError):
    """The vault has no master key: make one with 'suya vault new-key vault.key', and name it.

    SUYA_VAULT_MASTER_KEY_FILE is for that, or SUYA_VAULT_MASTER_KEY.
    """

    code = "master_key_missing"


class MasterKeyUnsafe(PlatformError):
    """The master key in {place} cannot be used: {why}."""

    code = "master_key_unsafe"


class MasterKeyWrong(PlatformError):
    """The master key is {given}, and {count} of the vault's keys are wrapped by {wanted}."""

    code = "master_key_wrong"


class VaultUnfit(PlatformError):
    """The vault cannot serve: {fault}."""

    code = "vault_unfit"


class InvalidCardRequest(Invalid):
    """The body of the request is not valid: {reason}."""

    code = "invalid_card_request"


class InvalidCardNumber(Invalid):
    """The card number is not valid: {why}."""

    code = "invalid_card_number"


class CardExpired(Invalid):
    """The card has expired."""

    code = "card_expired"


class InvalidExpiry(Invalid):
    """{field} must be {expected}."""

    code = "invalid_expiry"


class InvalidSecurityCode(Invalid):
    """The security code of this brand has {digits} digits."""

    code = "invalid_cvc"


class TokenNotFound(NotFound):
    """There is no token {token}."""

    code = "token_not_found"


class TooManyCards(TooManyRequests):
    """Too many cards of this {limit} within an hour; go on in {retry_after_s} seconds."""

    code = "too_many_cards"

    def __init__(self, *, retry_after_s: int, **facts: Any) -> None:
        super().__init__(retry_after_s=retry_after_s, **facts)
        self.retry_after_s = retry_after_s


class OperationUnknown(Invalid):
    """The vault sends no cards for this operation of this processor."""

    code = "operation_unknown"


class WrongMode(Invalid):
    """The card was left for a {card} merchant, and the processor is for {processor} ones."""

    code = "wrong_mode"


class ProcessorNotConfigured(Invalid):
    """The vault has no address or no key of this processor (SUYA_VAULT_<PROCESSOR>_URL, _KEY)."""

    code = "processor_not_configured"


class VaultUnauthorized(PlatformError):
    """The vault does not know this key."""

    code = "vault_unauthorized"
    status = 401


class NotExecuted(PlatformError):
    """The destination certainly received nothing: {why}."""

    code = "not_executed"
    status = 502
    retry = "same_key"


class OutcomeUnknown(PlatformError):
    """Whether the destination acted is not known: {why}."""

    code = "unknown"
    status = 504


class VaultRouteNotFound(NotFound):
    """The vault has nothing at this path."""

    code = "vault_route_not_found"


class VaultFailed(PlatformError):
    """Something failed in the vault; it was logged under this request id."""

    code = "vault_failed"
