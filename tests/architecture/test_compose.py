"""The compose file names only what exists."""

from pathlib import Path
from typing import Any

import yaml

_ROOT = Path(__file__).parents[2]
_COMMANDS = {"serve", "worker", "migrate"}


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((_ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_services_are_built_from_what_is_here() -> None:
    """Every Dockerfile that is named exists, and copies only what exists."""
    services = _compose()["services"].values()
    dockerfiles = {_ROOT / s["build"]["dockerfile"] for s in services if "build" in s}

    assert dockerfiles
    for dockerfile in dockerfiles:
        for line in dockerfile.read_text(encoding="utf-8").splitlines():
            if line.startswith("COPY "):
                assert all((_ROOT / source).exists() for source in line.split()[1:-1])


def test_commands_and_dependencies_exist() -> None:
    """Every command is one of `suya`'s, and nobody waits for a service that is not there."""
    services = _compose()["services"]

    for service in services.values():
        command = service["command"]
        if isinstance(command, list):
            assert command[0] == "suya"
            assert command[1] in _COMMANDS
        assert set(service.get("depends_on", {})) <= set(services)


def test_secrets_come_from_the_environment() -> None:
    """The file itself opens nothing."""
    text = (_ROOT / "compose.yaml").read_text(encoding="utf-8")

    assert "${SUYA_ADMIN_KEY:?" in text
