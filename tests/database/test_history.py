"""What is read of the histories from the names of files is what the tool that applies them says."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.engine.database import history
from app.engine.database.history import MAIN, VAULT, MigrationHistory


@pytest.mark.parametrize("of", [MAIN, VAULT], ids=["main", "vault"])
def test_revisions_are_named_by_their_files(of: MigrationHistory) -> None:
    """Each file has its revision's name, in the order of revisions, and the last is the head."""
    config = Config()
    config.set_main_option("script_location", str(of.home.parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(of.home))
    script = ScriptDirectory.from_config(config)

    named = [revision.revision for revision in script.walk_revisions()][::-1]

    assert named == sorted(path.stem for path in of.home.glob("*.py"))
    assert history.head(of) == script.get_current_head()
