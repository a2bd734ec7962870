"""The api process, composed in one place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp

from app import __version__
from app.api.http import drain
from app.api.http.edge import Edge
from app.api.http.limits import RateLimiter
from app.api.http.openapi import document
from app.api.http.problems import HANDLERS
from app.api.http.reply import BODY_BYTES_MAX
from app.api.http.services import Services
from app.api.http.vault_client import VaultClient
from app.api.routes import (
    accounts,
    admin,
    bank_accounts,
    bulk,
    customers,
    disputes,
    events,
    fees,
    fx,
    health,
    notifications,
    pages,
    payment_methods,
    payments,
    payouts,
    refunds,
    transfers,
)
from app.base.settings import Settings
from app.base.telemetry import configure_logging, log
from app.domains.fx import open_rates
from app.domains.merchants import Keyring
from app.engine.database import Database, checks, database_url, faults
from app.processes.flows import open_world


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Build the application for an ASGI server.

    Raises:
        SettingsError: the configuration is wrong.
    """
    settings = settings or Settings.load()
    configure_logging(settings)
    faults.arm(settings.faults)
    services = make_services(settings)
    return Edge(build(services), services)


def make_services(settings: Settings) -> Services:
    """Create the parts of a process; none of them is connected yet."""
    database = Database(database_url(settings), settings)
    return Services(
        settings=settings,
        database=database,
        keyring=Keyring(database),
        limiter=RateLimiter(settings.rate_limit_per_s),
        rates=open_rates(settings, database),
        vault=VaultClient(settings),
    )


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; this needs no server and no database."""
    return document(build(make_services(Settings.load())).routes, __version__)


def build(services: Services) -> Litestar:
    """Build the application: its routes, over a process's parts."""
    return Litestar(
        route_handlers=[
            payments.router(bulk.create_payments),
            refunds.router(),
            disputes.router(),
            accounts.router(),
            customers.router(),
            payment_methods.router(),
            *transfers.routers(),
            bank_accounts.router(),
            payouts.router(),
            events.router(),
            fx.router(),
            notifications.router(),
            *admin.routers(),
            fees.router(),
            health.healthz,
            health.readyz,
            health.read_metrics,
            pages.schema,
            pages.docs,
            pages.docs_errors,
        ],
        lifespan=[_lifespan],
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,  # structlog does it, without a thread of its own
        state=State({"services": services}),
    )


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    """Check the database before serving; afterwards finish what is queued."""
    services: Services = app.state.services
    await checks.check(services.database)
    async with open_world(services.database) as services.world:
        drain.begin_on_sigterm(services)
        log.info("started", process="api", region=services.settings.region)
        try:
            yield
        finally:
            services.draining = True
    await services.database.close()
    await services.vault.close()
    log.info("stopped", process="api")
