"""${message}."""

from schema.statements import run

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

UP = """
"""


def upgrade() -> None:
    run(UP)
