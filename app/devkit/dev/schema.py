"""The schema of `suya dev`'s databases, looked at quickly where nothing has changed."""

from app.engine.database.history import MAIN, MigrationHistory, head


def migrate(url: str, history: MigrationHistory = MAIN) -> list[str]:
    """Bring a database to this version; tells what was applied."""
    if _is_at_head(url, history):
        return []
    from app.engine.database import migrations  # noqa: PLC0415 - half a second, once

    return migrations.upgrade(url, history)


def _is_at_head(url: str, history: MigrationHistory) -> bool:
    """Whether there is surely nothing to apply; where it cannot be told, migrations tell."""
    import psycopg  # noqa: PLC0415 - the command that explains itself does not need it

    question = f"SELECT version_num FROM {history.version_table}"  # noqa: S608 - a word of ours
    try:
        with psycopg.connect(url.replace("+psycopg://", "://", 1)) as connection:
            return connection.execute(question.encode()).fetchall() == [(head(history),)]
    except psycopg.Error:
        return False
