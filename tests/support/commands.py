"""Running `suya` as its users do: as a process, with an environment of its own."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support import launch
from tests.support.databases import in_memory_folder

COMMAND = (sys.executable, "-m", "app.cli")
COMMAND_S = 60  # the longest command of the tests migrates an empty database


def environ_of(home: Path) -> dict[str, str]:
    """The environment without any SUYA_ variable but a home."""
    scrubbed = {name: value for name, value in os.environ.items() if not name.startswith("SUYA_")}
    return {**scrubbed, "SUYA_HOME": str(home)}


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A home that does not exist yet, in a folder that goes away.

    Not pytest's own: its rights are tightened when another run begins, and the account that
    PostgreSQL runs under could not reach its data any more. In memory, where the machine can: what
    is killed here are processes, and no test of these looks at what a disk keeps.
    """
    with tempfile.TemporaryDirectory(prefix="suya-test-", dir=in_memory_folder()) as folder:
        yield Path(folder) / "home"


def run_suya(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command, run to its end."""
    return launch.run(words, environ, COMMAND_S)
