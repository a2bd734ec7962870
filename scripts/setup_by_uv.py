"""Install the locked packages by uv, which takes seconds, from the index that pip is set up for.

scripts/setup runs it in the new environment. uv comes from the index, too, by the hashes of the
lock. Whatever goes wrong here ends it with a failure; then pip does all by itself.
"""

import ensurepip
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

LOCK = Path("requirements.lock")
UV = Path(sys.executable).with_name("uv")


def bundled_pip() -> Path:
    """The pip that every Python has inside: it runs from its wheel, unpacked by nobody."""
    name = f"pip-{ensurepip.version()}-py3-none-any.whl"
    places = (
        sysconfig.get_config_var("WHEEL_PKG_DIR"),  # where distributions keep it
        Path(ensurepip.__file__).parent / "_bundled",
    )
    return next(wheel for place in places if place and (wheel := Path(place, name)).exists())


def install_uv() -> None:
    """The version of uv that the lock names is in this environment."""
    from pip._internal.commands import create_command  # noqa: PLC0415 - main puts it on the path

    pinned = re.search(r"^uv==(\S+)(.*\\\n)+.*\n", LOCK.read_text("utf-8"), re.MULTILINE)
    assert pinned, "scripts/lock puts uv into the lock"
    if UV.exists() and f" {pinned[1]} " in subprocess.check_output([UV, "--version"], text=True):
        return
    only_uv = Path(sys.prefix, "uv.lock")
    only_uv.write_text(pinned[0], "utf-8")
    # Few retries: where no index answers, pip will ask it again for everything, patiently.
    options = (
        "--retries=1 --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes"
    )
    status = create_command("install").main([*options.split(), f"--requirement={only_uv}"])
    if status:
        sys.exit(status)


def pip_options() -> Any:
    """What pip's files and variables make of a plain `pip install`."""
    from pip._internal.commands import create_command  # noqa: PLC0415 - main puts it on the path

    return create_command("install").parse_args([])[0]


def environ_like(options: Any) -> dict[str, str]:
    """What makes uv ask where pip would ask; `options` are pip's."""
    if options.format_control.no_binary or options.format_control.only_binary:
        sys.exit("pip is told which packages to build; uv is not")
    cert = options.cert and ("SSL_CERT_DIR" if Path(options.cert).is_dir() else "SSL_CERT_FILE")
    said = {
        "UV_DEFAULT_INDEX": options.index_url,
        "UV_INDEX": " ".join(options.extra_index_urls),
        "UV_NO_INDEX": options.no_index and "1",
        "UV_FIND_LINKS": ",".join(options.find_links),
        "UV_CONSTRAINT": " ".join(options.constraints),
        "UV_INSECURE_HOST": " ".join(options.trusted_hosts),
        "UV_HTTP_TIMEOUT": options.timeout and str(int(options.timeout)),
        "HTTP_PROXY": options.proxy,
        "HTTPS_PROXY": options.proxy,
        "SSL_CLIENT_CERT": options.client_cert,
        cert: options.cert,
    }
    return {
        **os.environ,
        **{name: value for name, value in said.items() if name and value},
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # all indexes count alike; the hashes decide
        "UV_NO_CONFIG": "1",  # pip's is the one that counts
    }


def main() -> None:
    """The environment has what the lock names, and pip besides."""
    os.chdir(Path(__file__).parents[1])
    wheel = bundled_pip()
    has_pip = importlib.util.find_spec("pip")
    if not has_pip:
        sys.path.insert(0, str(wheel))
    install_uv()
    options = pip_options()
    install = [str(UV), "pip", "install", "--python", sys.executable, "--no-deps"]
    if not has_pip:  # people expect one in .venv
        subprocess.run([*install, "--offline", str(wheel)], check=True)
    # Python compiles what it imports, and keeps it; where it may not, every start would take
    # seconds, so all is compiled now.
    later = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    # Requiring hashes, uv would ask for them in a constraint as well; it checks them all the same.
    hashes = "--verify-hashes" if options.constraints else "--require-hashes"
    locked = [*install, *later, hashes, "--requirement", str(LOCK)]
    sys.exit(subprocess.run(locked, env=environ_like(options), check=False).returncode)


if __name__ == "__main__":
    main()
