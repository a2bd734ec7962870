"""An account at Stripe, as its public specification describes it.

Objects have the shapes of Stripe's OpenAPI fixtures, cut to the fields that are read. Cards are
decided by their number, as in Stripe's test mode; the search knows an object only after `index()`.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import web

DECLINED, CHALLENGED = "4000000000009995", "4000000000003220"
MISTYPED = "4000000000000127"  # its security code is wrong
_ACTION = {
    "type": "redirect_to_url",
    "redirect_to_url": {"return_url": "https://shop.test/back", "url": "https://hooks.test/3ds"},
}
Answer: TypeAlias = tuple[int, Any]
_ENDS_EARLY = {"requires_payment_method", "requires_action", "requires_capture"}


class Account:
    """The account's objects and its faults."""

    def __init__(self) -> None:
        self.url = ""
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.refund_status = "succeeded"
        self.has_multicapture = True
        self.lost: dict[str, str] = {}
        """End of a path -> whether its answer (`after`) or itself (`before`) gets lost once."""
        self._indexed: set[str] = set()
        self._keys: dict[str, tuple[Any, int, str]] = {}

    @classmethod
    @asynccontextmanager
    async def start(cls, port: int) -> AsyncIterator["Account"]:
        account = cls()
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", account._serve)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        account.url = f"http://127.0.0.1:{port}"
        try:
            yield account
        finally:
            await runner.cleanup()

    def index(self) -> None:
        """Let the search find all objects, as after a minute."""
        self._indexed = set(self.intents)

    def forget_keys(self) -> None:
        """Forget the idempotency keys, as after a day."""
        self._keys.clear()

    @property
    def taken(self) -> int:
        """All money that was captured and not given back."""
        received: int = sum(intent["amount_received"] for intent in self.intents.values())
        given: int = sum(refund["amount"] for refund in self.refunds.values())
        return received - given

    async def _serve(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        fields = form | dict(request.query)
        self.requests.append((request.method, request.path))
        how = next(
            (self.lost.pop(end) for end in list(self.lost) if request.path.endswith(end)), ""
        )
        answer = web.Response()
        if how != "before":
            answer = self._answer(request, fields)
        if how:
            assert request.transport is not None
            request.transport.close()
        return answer

    def _answer(self, request: web.Request, fields: dict[str, str]) -> web.Response:
        """The stored answer of a key, or a new one, which is stored as it is now."""
        assert request.headers["Authorization"] == "Bearer sk_test_of_this_account"
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        asked = (request.path, fields)
        if key in self._keys:
            known, status, text = self._keys[key]
            if known != asked:
                status, body = fault(400, type="idempotency_error")
                return web.json_response(body, status=status)
            replayed = {"Idempotent-Replayed": "true"}
            return web.Response(text=text, status=status, headers=replayed)
        status, body = self._route(f"{request.method} {request.match_info['path']}", fields)
        text = json.dumps(body)
        if key:
            self._keys[key] = (asked, status, text)
        return web.Response(text=text, status=status, headers={"Request-Id": "req_1"})

    def _route(self, line: str, fields: dict[str, str]) -> Answer:
        for pattern, handler in self._routes.items():
            found = re.fullmatch(pattern, line)
            if found:
                return handler(*found.groups(), fields)
        raise AssertionError(line)

    @property
    def _routes(self) -> dict[str, Callable[..., Answer]]:
        return {
            r"POST payment_intents": self._create_intent,
            r"GET payment_intents/search": self._search,
            r"GET payment_intents/(\w+)": self._get_intent,
            r"POST payment_intents/(\w+)/(\w+)": self._change_intent,
            r"POST payment_methods": self._create_method,
            r"POST refunds": self._create_refund,
            r"GET refunds": self._list_refunds,
            r"GET disputes/(\w+)": self._get_dispute,
            r"POST disputes/(\w+)": self._update_dispute,
            r"POST disputes/(\w+)/close": self._close_dispute,
        }

    def _create_intent(self, fields: dict[str, str]) -> Answer:
        if int(fields["amount"]) < 50:
            return fault(400, code="amount_too_small", param="amount")
        intent: dict[str, Any] = {
            "id": f"pi_{len(self.intents)}",
            "object": "payment_intent",
            "amount": int(fields["amount"]),
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": fields.get("capture_method", "automatic_async"),
            "currency": fields["currency"],
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": _metadata(fields),
            "next_action": None,
            "status": "requires_payment_method",
        }
        self.intents[intent["id"]] = intent
        return 200, intent

    def _get_intent(self, name: str, _: dict[str, str]) -> Answer:
        intent = self.intents.get(name)
        return (200, intent) if intent else fault(404, code="resource_missing")

    def _search(self, fields: dict[str, str]) -> Answer:
        found = re.fullmatch(r"metadata\['(\w+)'\]:'(\w+)'", fields["query"])
        assert found is not None
        data = [
            intent
            for name, intent in self.intents.items()
            if name in self._indexed and intent["metadata"].get(found[1]) == found[2]
        ]
        return 200, {"object": "search_result", "data": data, "has_more": False, "url": "/v1/x"}

    def _change_intent(self, name: str, what: str, fields: dict[str, str]) -> Answer:
        changes: dict[str, Callable[..., Answer]] = {
            "confirm": self._confirm,
            "capture": self._capture,
            "cancel": self._cancel,
        }
        return changes[what](self.intents[name], fields)

    def _confirm(self, intent: dict[str, Any], fields: dict[str, str]) -> Answer:
        if intent["status"] not in {"requires_payment_method", "requires_action"}:
            return _unexpected(intent)
        number = self.methods[fields["payment_method"]]
        if number == DECLINED:
            error = {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "insufficient_funds",
            }
            intent["last_payment_error"] = error
            return 402, {"error": error | {"payment_intent": intent}}
        if number == CHALLENGED:
            action = _ACTION if "return_url" in fields else {"type": "use_stripe_sdk"}
            intent |= {"status": "requires_action", "next_action": action}
            return 200, intent
        self.approve(intent)
        return 200, intent

    def approve(self, intent: dict[str, Any]) -> None:
        """Let the card's bank approve."""
        if intent["capture_method"] == "manual":
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        else:
            intent |= {"status": "succeeded", "amount_received": intent["amount"]}

    def _capture(self, intent: dict[str, Any], fields: dict[str, str]) -> Answer:
        amount = int(fields.get("amount_to_capture", intent["amount_capturable"]))
        is_final = fields.get("final_capture", "true") == "true"
        if intent["status"] != "requires_capture":
            return _unexpected(intent)
        if amount > intent["amount_capturable"]:
            return fault(400, code="amount_too_large", param="amount_to_capture")
        if not is_final and not self.has_multicapture:
            return fault(400, type="invalid_request_error", param="final_capture")
        intent["amount_received"] += amount
        intent["amount_capturable"] = 0 if is_final else intent["amount_capturable"] - amount
        intent["metadata"] |= _metadata(fields)
        if is_final:
            intent["status"] = "succeeded"
        return 200, intent

    def _cancel(self, intent: dict[str, Any], _: dict[str, str]) -> Answer:
        if intent["status"] not in _ENDS_EARLY:
            return _unexpected(intent)
        intent |= {"status": "canceled", "amount_capturable": 0}
        return 200, intent

    def _create_method(self, fields: dict[str, str]) -> Answer:
        if fields.get("card[cvc]") == "":
            return fault(400, code="parameter_invalid_empty", param="card[cvc]")
        if fields["card[number]"] == MISTYPED:
            return fault(402, type="card_error", code="incorrect_cvc")
        name = f"pm_{len(self.methods)}"
        self.methods[name] = fields["card[number]"]
        return 200, {"id": name, "object": "payment_method", "type": "card"}

    def _create_refund(self, fields: dict[str, str]) -> Answer:
        intent = self.intents[fields["payment_intent"]]
        given = sum(
            refund["amount"]
            for refund in self.refunds.values()
            if refund["payment_intent"] == intent["id"]
        )
        left = intent["amount_received"] - given
        amount = int(fields.get("amount", left))
        if not left:
            return fault(400, code="charge_already_refunded")
        if amount > left:
            return fault(400, type="invalid_request_error", param="amount")
        refund = {
            "id": f"re_{len(self.refunds)}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "metadata": _metadata(fields),
            "payment_intent": intent["id"],
            "status": self.refund_status,
        }
        self.refunds[str(refund["id"])] = refund
        return 200, refund

    def _list_refunds(self, fields: dict[str, str]) -> Answer:
        names = [
            name
            for name in reversed(self.refunds)
            if self.refunds[name]["payment_intent"] == fields["payment_intent"]
        ]
        start = names.index(fields["starting_after"]) + 1 if "starting_after" in fields else 0
        end = start + int(fields["limit"])
        data = [self.refunds[name] for name in names[start:end]]
        return 200, {"object": "list", "data": data, "has_more": end < len(names), "url": "/v1/x"}

    def _get_dispute(self, name: str, fields: dict[str, str]) -> Answer:
        dispute = self.disputes.get(name)
        if dispute is None:
            return fault(404, code="resource_missing")
        assert fields["expand[0]"] == "payment_intent"
        return 200, dispute | {"payment_intent": self.intents.get(dispute["payment_intent"])}

    def _update_dispute(self, name: str, fields: dict[str, str]) -> Answer:
        dispute = self.disputes[name]
        if dispute["evidence_details"]["submission_count"]:
            return fault(400, type="invalid_request_error", param="evidence")
        assert fields["submit"] == "true"
        dispute["evidence"] = {"uncategorized_text": fields["evidence[uncategorized_text]"]}
        dispute["evidence_details"]["submission_count"] = 1
        warning = "warning_" if dispute["status"].startswith("warning_") else ""
        dispute["status"] = f"{warning}under_review"
        return 200, dispute

    def _close_dispute(self, name: str, _: dict[str, str]) -> Answer:
        dispute = self.disputes[name]
        if dispute["status"] in {"won", "lost"}:
            return fault(400, type="invalid_request_error", param="dispute")
        dispute["status"] = "lost"
        return 200, dispute

    def open_dispute(self, intent_id: str, **fields: Any) -> dict[str, Any]:
        """Let the payer's bank open a dispute of an intent; nothing is withdrawn yet."""
        intent = self.intents[intent_id]
        dispute = {
            "id": f"du_{len(self.disputes)}",
            "object": "dispute",
            "amount": intent["amount"],
            "balance_transactions": [],
            "created": int(time.time()),
            "currency": intent["currency"],
            "evidence_details": {"due_by": 1893456000, "submission_count": 0},
            "metadata": {},
            "payment_intent": intent_id,
            "reason": "fraudulent",
            "status": "needs_response",
        }
        self.disputes[str(dispute["id"])] = dispute | fields
        return self.disputes[str(dispute["id"])]

    def ask_about(self, intent_id: str, **fields: Any) -> dict[str, Any]:
        """Let the payer's bank inquire about it, before it wants anything back."""
        return self.open_dispute(intent_id, **({"status": "warning_needs_response"} | fields))

    def escalate(self, name: str, due_by: int) -> None:
        """Turn an inquiry into a dispute, for which evidence may be given once more."""
        details = {"due_by": due_by, "submission_count": 0}
        self.disputes[name] |= {"status": "needs_response", "evidence_details": details}

    def withdraw(self, name: str, fee: int = 1500, currency: str | None = None) -> None:
        """Send `charge.dispute.funds_withdrawn`: a transaction with the fee."""
        self._move(name, -self.disputes[name]["amount"], fee, currency)

    def reinstate(self, name: str, fee: int = 0) -> None:
        """Send `charge.dispute.funds_reinstated`: another transaction, with the returned fee."""
        self._move(name, self.disputes[name]["amount"], -fee)

    def _move(self, name: str, amount: int, fee: int, currency: str | None = None) -> None:
        dispute = self.disputes[name]
        told = {"amount": amount, "fee": fee, "currency": currency or dispute["currency"]}
        known = dispute["balance_transactions"]
        dispute["balance_transactions"] = [*known, {"id": f"txn_{len(known)}", **told}]


def fault(status: int, **error: Any) -> Answer:
    """An error as Stripe writes it."""
    return status, {"error": {"type": "invalid_request_error", "message": "no"} | error}


def _unexpected(intent: dict[str, Any]) -> Answer:
    return fault(400, code="payment_intent_unexpected_state", payment_intent=intent)


def _metadata(fields: dict[str, str]) -> dict[str, str]:
    found = {name: re.fullmatch(r"metadata\[(\w+)\]", name) for name in fields}
    return {match[1]: fields[name] for name, match in found.items() if match}
