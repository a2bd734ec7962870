"""The schema of `suya dev`'s databases; the check is quick where nothing has changed."""

from app.engine.database.history import MAIN, MigrationHistory, head


def migrate(url: str, history: MigrationHistory = MAIN) -> list[str]:
    """Migrate a database to this version; returns what was applied."""
    if _is_at_head(url, history):
        return []
    from app.engine.database import migrations  # noqa: PLC0415 - half a second, once

    return migrations.upgrade(url, history)


def _is_at_head(url: str, history: MigrationHistory) -> bool:
    """Whether nothing is left to apply; false also where that is not known."""
    import psycopg  # noqa: PLC0415 - `--help` does not need it

    question = f"SELECT version_num FROM {history.version_table}"  # noqa: S608 - a constant
    try:
        with psycopg.connect(url.replace("+psycopg://", "://", 1)) as connection:
            return connection.execute(question.encode()).fetchall() == [(head(history),)]
    except psycopg.Error:
        return False
