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
    """The settings, with the flags of this command above the variables.

    Raises:
        SettingsError: listing every fault.
    """
    from app.base.settings import Settings

    return Settings.load(**flags)


def require_database(settings: "Settings") -> str:
    """The URL of the database, which is checked to run if it is the embedded one.

    Raises:
        CommandFailed: nothing is configured, and the embedded database does not run.
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
    """The result of `work` on a loop of its own."""
    import uvloop

    async def main() -> T:
        return await work

    return uvloop.run(main())


def with_database(work: Callable[["Database"], Awaitable[T]]) -> T:
    """The result of `work` on the database of this command's settings."""
    settings = load_settings()
    require_database(settings)
    from app.engine.database import Database

    async def main() -> T:
        async with Database.open(settings) as database:
            return await work(database)

    return run(main())


def with_world(work: Callable[["World"], Awaitable[T]]) -> T:
    """The result of `work` on the outside; what it began is finished before, or left to workers."""

    async def main(database: "Database") -> T:
        from app.processes.flows import open_world

        async with open_world(database) as world:
            return await work(world)

    return with_database(main)
