"""Refusals about merchants and keys."""

from app.errors import Invalid, NotFound


class MerchantNotFound(NotFound):
    """There is no merchant {merchant}."""

    code = "merchant_not_found"


class ApiKeyNotFound(NotFound):
    """There is no API key {key}."""

    code = "api_key_not_found"


class UnknownRegion(Invalid):
    """'{region}' cannot be a home region: {why}."""

    code = "unknown_region"
