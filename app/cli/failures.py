"""What a failed command says, and its exit code."""

from typing import NamedTuple


class CommandFailed(Exception):
    """A command could not do what it was asked; the message is the sentence to say."""


class Failure(NamedTuple):
    """The last words of a command."""

    sentence: str
    exit_code: int


# By name, because importing them all would take longer than most commands run.
_OURS = {
    "app.sandbox.acquirer.serving.AcquirerError",
    "app.cli.failures.CommandFailed",
    "app.devkit.cluster.errors.ClusterError",
    "app.engine.database.embedded.EmbeddedPostgresError",
    "app.devkit.dev.supervisor.DevError",
    "app.base.errors.PlatformError",
    "app.base.process.PortUnusable",
}

# Commands that only development and tests need import them when they run, and production's image
# has neither. A module that is missing inside one of them is a bug and has another name.
_NOT_FOR_PRODUCTION = {"app.devkit", "app.sandbox"}
_ONLY_PRODUCTION = (
    "This installation serves production and has no dev, bench, chaos or acquirer: use a checkout "
    "(scripts/setup), or the image that deploy/Dockerfile builds with --target sandbox."
)


def explain(error: BaseException) -> Failure | None:
    """The sentence for an error we know; none for a bug, which deserves its traceback."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if "app.base.settings.SettingsError" in names:
        return Failure(f"The configuration is wrong:\n{error}", 2)
    if isinstance(error, ModuleNotFoundError) and error.name in _NOT_FOR_PRODUCTION:
        return Failure(_ONLY_PRODUCTION, 2)
    if names & _OURS:
        return Failure(str(error), 1)
    if "psycopg.OperationalError" in names:
        reason = (str(error).strip() or "no reason was given").splitlines()[0]
        return Failure(f"The database cannot be reached: {reason}", 1)
    if "sqlalchemy.exc.DBAPIError" in names and error.__cause__ is not None:
        return explain(error.__cause__)
    return None
