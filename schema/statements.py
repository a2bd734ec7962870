"""How revisions run their SQL: one statement at a time, because CockroachDB's DDL wants it so."""

from alembic import op


def run(script: str) -> None:
    """Execute the statements of `script`, which end in a semicolon at the end of a line."""
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement)
