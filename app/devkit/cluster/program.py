"""The program `cockroach`: its path, and whether its version will do."""

import os
import re
import shutil
import subprocess

from app.devkit.cluster.errors import ClusterError

VARIABLE = "SUYA_COCKROACH_BIN"
OLDEST = (22, 1)
_VERSION_S = 30  # it takes half a second, and longer to load 200 MB from a cold disk
_TAG = re.compile(r"\bv(\d+)\.(\d+)\.\d+")


def find_program(program: str | None = None) -> str:
    """Find a `cockroach` that is new enough.

    Args:
        program: its path; else `SUYA_COCKROACH_BIN`, else the one on the PATH.

    Raises:
        ClusterError: there is none, or it is too old.
    """
    wanted = program or os.environ.get(VARIABLE) or "cockroach"
    path = shutil.which(wanted)
    if path is None:
        raise ClusterError(
            f"There is no program '{wanted}': download CockroachDB from "
            "https://www.cockroachlabs.com/docs/releases/ and put 'cockroach' on the PATH, "
            f"or name it by {VARIABLE}."
        )
    said = _version_of(path)
    found = _TAG.search(said)
    # A build without a tag is a developer's own, who knows its state.
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise ClusterError(
            f"{path} is CockroachDB {found[0]}, and Suya needs v{OLDEST[0]}.{OLDEST[1]} or newer."
        )
    return path


def _version_of(path: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the program the user named
            [path, "version"], capture_output=True, text=True, check=True, timeout=_VERSION_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ClusterError(f"{path} cannot be run as CockroachDB: {error}") from error
    return done.stdout
