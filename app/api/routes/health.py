"""/healthz, /readyz and /metrics: for supervisors, load balancers and Prometheus."""

from litestar import get
from litestar.response.base import ASGIResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.http.call import ApiRequest, send, services_of
from app.api.http.docs import Doc, Health
from app.api.http.errors import NotReady
from app.base.errors import PlatformError
from app.base.telemetry import metrics
from app.engine.database.checks import check_clock, check_schema


@get("/healthz", opt=Doc("Is the process up", answer=Health, public=True).opt())
async def healthz(request: ApiRequest) -> ASGIResponse:
    """200 as long as the process answers at all."""
    services_of(request)
    return send(Health("up"))


@get(
    "/readyz",
    opt=Doc("Can the process serve", answer=Health, public=True, errors=(NotReady,)).opt(),
)
async def readyz(request: ApiRequest) -> ASGIResponse:
    """200 if the process can serve.

    The database is reachable, its schema suffices, this machine's clock agrees with the database's
    to a second, and the process is not shutting down.
    """
    services = services_of(request)
    if services.draining:
        raise NotReady(reason="it is shutting down")
    try:
        await check_schema(services.database)
        await check_clock(services.database)
    except PlatformError as error:
        raise NotReady(reason=error.message) from error
    return send(Health("ready"))


@get("/metrics", opt=Doc("Metrics", public=True, text=True).opt())
async def read_metrics(request: ApiRequest) -> ASGIResponse:
    """Metrics in Prometheus' text format."""
    services_of(request)
    return ASGIResponse(
        body=generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )
