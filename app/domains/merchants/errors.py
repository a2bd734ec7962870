"""Refusals about merchants and keys."""

from app.base.errors import Invalid, NotFound, Rejected


class MerchantNotFound(NotFound):
    """There is no merchant {merchant}."""

    code = "merchant_not_found"


class ApiKeyNotFound(NotFound):
    """There is no API key {key}."""

    code = "api_key_not_found"


class UnknownRegion(Invalid):
    """'{region}' cannot be a home region: {why}."""

    code = "unknown_region"


class FeePlanNotFound(NotFound):
    """There is no fee plan {fee_plan}."""

    code = "fee_plan_not_found"


class FeePlanExists(Rejected):
    """Merchant {merchant} has a fee plan for this rail and currency already; replace it."""

    code = "fee_plan_exists"


class FeePlanEnded(Rejected):
    """Fee plan {fee_plan} has ended; a plan that is in force can be replaced or ended."""

    code = "fee_plan_ended"
