"""The API against its own description: generated requests, good and bad, never a 5xx.

The seed is fixed, so that a run tells something about a change; SUYA_TEST_SEED gives another, and
SUYA_TEST_EXAMPLES more: a hundred of them are for a night.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.builders import Merchant
from tests.support.client import Api, done
from tests.support.payouts import LIMIT, bank_account, earn, pay_out
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.rails import Rails

SEED = int(os.environ.get("SUYA_TEST_SEED", "1"))
EXAMPLES = int(os.environ.get("SUYA_TEST_EXAMPLES", "10"))  # per operation and mode
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.mark.slow
@pytest.mark.timeout(600)  # half a minute alone; a busy machine takes its time for so much work
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_answers_conform(
    subtests: pytest.Subtests,
    api_process: ApiProcess,
    api: Api,
    merchant: Merchant,
    rails: Rails,
    mode: GenerationMode,
) -> None:
    """Whatever is sent, the answer is one of those described: status, type, headers and shape."""
    schema = schemathesis.openapi.from_dict(done(await api.get("/schema")))
    names = await _names(merchant, rails)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not _takes_anything(operation):
            continue  # nothing can be wrong with a request for /healthz
        is_admin = {"admin": []} in operation.definition.raw["security"]
        secret = ADMIN_KEY if is_admin else merchant.api.secret
        headers = {"Authorization": f"Bearer {secret}"}
        # With real ids in its path and body a good request gets further than to a 404.
        known = names if mode is GenerationMode.POSITIVE else {}
        in_path = {p.name: known[p.name] for p in operation.path_parameters if p.name in known}

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=in_path or None))
        def check(case: Case[Any], known: dict[str, str], headers: dict[str, str]) -> None:
            case.body = _with_names(case.body, known)
            response = case.call(api_process.url, headers=headers, timeout=20)
            case.validate_response(response, checks=CHECKS, headers=headers)

        with subtests.test(operation=operation.label):
            check(known=known, headers=headers)


def _takes_anything(operation: schemathesis.APIOperation[Any, Any, Any, Any]) -> bool:
    return bool(operation.definition.raw["parameters"] or "requestBody" in operation.definition.raw)


async def _names(merchant: Merchant, rails: Rails) -> dict[str, str]:
    """Parameters and fields -> ids of things that are there."""
    wallet = await merchant.wallet(funds=2**50, customer="ada")
    held = await merchant.authorize(wallet, 1_000)
    refund = await merchant.refund((await merchant.pay(wallet, 1_000))["id"], amount=1)
    (event, *_) = await merchant.api.all("/v1/events")
    (transfer, *_) = await merchant.api.all("/v1/transfers")
    await earn(merchant, 2 * LIMIT)
    to = await bank_account(merchant)
    quote = await merchant.quote("USD", "EUR", source_amount=1_000)
    names = {
        "bank_account": to,
        "account": wallet,
        "fx_quote": quote["id"],
        "payment": held["id"],
        "merchant": merchant.id,
    }
    return names | {
        "account_id": wallet,
        "payment_id": held["id"],
        "merchant_id": merchant.id,
        "refund_id": refund["id"],
        "event_id": event["id"],
        "transfer_id": transfer["id"],
        "quote_id": quote["id"],
        "bank_account_id": to,
        "payout_id": (await pay_out(merchant, LIMIT + 1, to))["id"],
        "customer_id": await merchant.customer(name="Ada"),
        "token": rails.card(merchant),
    }


def _with_names(body: Any, names: dict[str, str]) -> Any:
    """A body with real ids where it has any."""
    if isinstance(body, dict):
        return {
            name: names[name]
            if name in names and isinstance(value, str)
            else _with_names(value, names)
            for name, value in body.items()
        }
    if isinstance(body, list):
        return [_with_names(item, names) for item in body]
    return body
