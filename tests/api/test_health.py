"""/healthz, /readyz and /metrics."""

from collections.abc import Callable

from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api, done, refused
from tests.support.databases import execute
from tests.support.processes import ADMIN_KEY, ApiProcess


async def test_up_and_ready(api: Api) -> None:
    """Anybody may ask whether the process is up, and whether it can serve."""
    assert done(await api.get("/healthz")) == {"status": "up"}
    assert done(await api.get("/readyz")) == {"status": "ready"}


async def test_not_ready_on_an_older_schema(
    start_api: Callable[..., ApiProcess], database_url: str
) -> None:
    """A schema that lacks something takes the process out of the balancer, and it says why."""
    process = start_api(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '0000'")
    async with Api(process.url) as api:
        problem = refused(await api.get("/readyz"), 503, "not_ready")

        assert problem["retry"] == "same_key"
        assert "suya migrate" in problem["detail"]
        done(await api.get("/healthz"))


async def test_ready_on_a_newer_schema(
    start_api: Callable[..., ApiProcess], database_url: str
) -> None:
    """A migration that is applied before its code is rolled out takes no process out."""
    process = start_api(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999_expand_more'")
    async with Api(process.url) as api:
        done(await api.get("/readyz"))


async def test_metrics_do_not_grow_with_payments(api: Api, merchant: Merchant) -> None:
    """Labels are templates of routes: no id, key or name of anybody is in them."""
    paid = await merchant.pay(await merchant.wallet(funds=100, customer="adaobi"), 100)
    await merchant.read(paid["id"])
    await api.get(f"/nope/{paid['id']}")

    answer = await api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "/v1/payments/{payment_id" in answer.text
    for secret in (paid["id"], merchant.id, "adaobi", str(merchant.api.secret), "/nope"):
        assert secret not in answer.text


async def test_no_admin_key_no_operator(
    start_api: Callable[..., ApiProcess], database_url: str
) -> None:
    """Another admin key is needed where another one is set."""
    process = start_api(database_url, admin_key="another-key-of-16")
    async with Api(process.url, ADMIN_KEY) as admin:
        refused(await admin.get("/v1/merchants"), 401, "unauthorized")
        merchant = await new_merchant(admin.as_("another-key-of-16"))
        assert await merchant.api.all("/v1/payments") == []
