"""What a failed command says, and its exit code."""

from typing import NamedTuple


class CommandFailed(Exception):
    """A command could not do what it was asked; the message is the sentence to say."""


class Failure(NamedTuple):
    """The last words of a command."""

    sentence: str
    exit_code: int


def explain(error: Exception) -> Failure | None:
    """The sentence for an error we know; none for a bug, which deserves its traceback."""
    # Imported only now: a command that works never needs them.
    import psycopg
    from sqlalchemy.exc import DBAPIError

    from app.database.embedded import EmbeddedPostgresError
    from app.dev import DevError
    from app.errors import PlatformError
    from app.process import PortUnusable
    from app.settings import SettingsError

    match error:
        case SettingsError():
            return Failure(f"The configuration is wrong:\n{error}", 2)
        case CommandFailed() | DevError() | PortUnusable():
            return Failure(str(error), 1)
        case EmbeddedPostgresError() | PlatformError():
            return Failure(str(error), 1)
        case DBAPIError(orig=psycopg.OperationalError() as cause) | (
            psycopg.OperationalError() as cause
        ):
            return Failure(f"The database cannot be reached: {_first_line(cause)}", 1)
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
