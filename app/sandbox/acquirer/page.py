"""The 3-D Secure page, on which a payer's bank asks the payer to confirm."""

import html
from functools import partial
from urllib.parse import parse_qs

from app.base.money import EXPONENTS
from app.sandbox.acquirer import card_commands
from app.sandbox.acquirer.model import AuthorizationRecord
from app.sandbox.acquirer.site import Route, SiteAnswer, SiteRequest
from app.sandbox.acquirer.wire import RequestRefused

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Confirm your payment</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 4rem auto; padding: 1rem }}
button {{ font: inherit; padding: .5rem 1.5rem; margin-right: .5rem }}
</style>
</head>
<body>
<h1>Confirm your payment</h1>
<p>{amount} with the card ending in {last4}.</p>
{rest}
<p><small>This is a sandbox: no bank and no money are behind it.</small></p>
</body>
</html>
"""
_FORM = """<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="refuse">Refuse</button>
</form>"""
_DONE = {
    "approved": "You approved this payment. You may close this page.",
    "declined": "This payment was refused. You may close this page.",
    "voided": "This payment was canceled. You may close this page.",
}
_HTML = "text/html; charset=utf-8"


async def show(call: SiteRequest) -> SiteAnswer:
    """GET /3ds/{id}."""
    (token,) = call.names

    return _page(await call.site.store.run(partial(card_commands.find_challenged, token=token)))


async def decide(call: SiteRequest) -> SiteAnswer:
    """POST /3ds/{id}: a form's `decision=approve` or `decision=refuse`; the first one counts."""
    (token,) = call.names
    decisions = parse_qs(call.body.decode(errors="replace")).get("decision", [])
    if decisions not in (["approve"], ["refuse"]):
        raise RequestRefused(400, "invalid_request", "The decision is 'approve' or 'refuse'.")
    approved = decisions == ["approve"]
    job = partial(card_commands.authenticate, token=token, approved=approved)
    return _page(await call.site.store.run(job))


def _page(held: AuthorizationRecord) -> SiteAnswer:
    exponent = EXPONENTS[held.currency]
    digits = f"{held.amount_minor:0{exponent + 1}d}"
    amount = f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
    done = _DONE.get(held.status)
    text = _PAGE.format(
        amount=html.escape(f"{amount} {held.currency}"),
        last4=html.escape(held.last4),
        rest=_FORM if done is None else f"<p><strong>{done}</strong></p>",
    )
    return SiteAnswer(text.encode(), content_type=_HTML)


# Both are public: the secret part of the address identifies the payer.
ROUTES = (
    Route("GET", "/3ds/{id}", show, public=True),
    Route("POST", "/3ds/{id}", decide, public=True),
)
