"""scripts/setup installs by uv, which does not read pip's configuration and gets it passed."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PIP_CONF = """
[global]
index-url = https://mirror.example/simple
extra-index-url = https://one.example/simple
    file:///two/simple
timeout = 7
cert = /etc/mirror.pem
constraint = /etc/constraints.txt
[install]
find-links = /wheels
    https://three.example/wheels
trusted-host = mirror.example
"""


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("setup_by_uv", ROOT / "scripts/setup_by_uv.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pip.conf that overrides this machine's, and that no variable contradicts."""
    for (
        name
    ) in "INDEX_URL EXTRA_INDEX_URL DEFAULT_TIMEOUT TIMEOUT CERT CONSTRAINT FIND_LINKS".split():
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    file = tmp_path / "pip.conf"
    file.write_text(PIP_CONF, "utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    return file


def test_uv_asks_where_pip_would_ask(
    script: Any, pip_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values of a pip.conf and of pip's variables become uv's variables."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")

    environ = script.environ_like(script.pip_options())

    assert environ["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    assert environ["UV_INDEX"] == "https://one.example/simple file:///two/simple"
    assert environ["UV_FIND_LINKS"] == "/wheels,https://three.example/wheels"
    assert environ["UV_HTTP_TIMEOUT"] == "7"
    assert environ["SSL_CERT_FILE"] == "/etc/mirror.pem"
    assert environ["UV_CONSTRAINT"] == "/etc/constraints.txt"
    assert environ["UV_INSECURE_HOST"] == "mirror.example"


def test_pip_builds_what_it_is_told_to_build(
    script: Any, pip_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pip may take no wheel of a package, uv does not install it."""
    monkeypatch.setenv("PIP_NO_BINARY", "lxml")

    with pytest.raises(SystemExit, match="pip is told"):
        script.environ_like(script.pip_options())
