"""What most commands need: the settings, a running database, an event loop."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from app.base.settings import Settings
    from app.engine.database import Database
    from app.processors import World

T = TypeVar("T")


def load_settings(**flags: Any) -> "Settings":
    """Load the settings; flags of this command override environment variables.

    Raises:
        SettingsError: listing every fault.
    """
    from app.base.settings import Settings

    return Settings.load(**flags)


def require_database(settings: "Settings") -> str:
    """Return the URL of the database; the embedded one must be running.

    Raises:
        CommandFailed: no database is configured, and the embedded one does not run.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    from app.engine.database.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(settings.home)
    if not embedded.is_running():
        raise CommandFailed(
            f"No database runs under {settings.home}: start it with 'suya dev', "
            "or name another one by SUYA_DATABASE_URL."
        )
    return embedded.url


def run(work: Awaitable[T]) -> T:
    """Return the result of `work`, run on a new event loop."""
    import uvloop

    async def main() -> T:
        return await work

    return uvloop.run(main())


def with_database(work: Callable[["Database"], Awaitable[T]]) -> T:
    """Return the result of `work` on the database of this command's settings."""
    settings = load_settings()
    require_database(settings)
    from app.engine.database import Database

    async def main() -> T:
        async with Database.open(settings) as database:
            return await work(database)

    return run(main())


def with_world(work: Callable[["World"], Awaitable[T]]) -> T:
    """Return the result of `work` with connected processors.

    Flows that it began are finished first; workers resume those that take too long.
    """

    async def main(database: "Database") -> T:
        from app.processes.flows import open_world

        async with open_world(database) as world:
            return await work(world)

    return with_database(main)
