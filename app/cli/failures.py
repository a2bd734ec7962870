"""The message and the exit code of a failed command."""

from typing import NamedTuple


class CommandFailed(Exception):
    """A command failed; the message is the sentence that the user sees."""


class Failure(NamedTuple):
    """The message and the exit code of a command that failed."""

    sentence: str
    exit_code: int


# Errors are listed by name: importing them all would take longer than most commands run.
_OURS = {
    "app.sandbox.acquirer.serving.AcquirerError",
    "app.cli.failures.CommandFailed",
    "app.devkit.cluster.errors.ClusterError",
    "app.engine.database.embedded.EmbeddedPostgresError",
    "app.devkit.dev.supervisor.DevError",
    "app.base.errors.PlatformError",
    "app.base.process.PortUnusable",
}

# Commands for development and tests import these packages when they run; production's image has
# neither. A module that is missing inside one of them has another name, and is a bug.
_NOT_FOR_PRODUCTION = {"app.devkit", "app.sandbox"}
_ONLY_PRODUCTION = (
    "This installation serves production and has no dev, bench, chaos or acquirer: use a checkout "
    "(scripts/setup), or the image that deploy/Dockerfile builds with --target sandbox."
)


def explain(error: BaseException) -> Failure | None:
    """Explain an error that is known; none for a bug, whose traceback is shown."""
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
