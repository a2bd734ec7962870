"""The compose file as tests read it: its services, who reaches whom, and what each is told."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
Service = dict[str, Any]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def load_compose() -> dict[str, Any]:
    """The file, its anchors followed."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return loaded


COMPOSE = load_compose()
SERVICES: dict[str, Service] = COMPOSE["services"]


def words(service: Service) -> list[str]:
    """The words of a service's command."""
    command = service.get("command", [])
    return shlex.split(command) if isinstance(command, str) else list(command)


def networks(name: str) -> set[str]:
    """The networks on which a service is."""
    return set(SERVICES[name].get("networks", ["default"]))


def reached_as(name: str) -> set[str]:
    """The names that lead to a service."""
    attached = SERVICES[name].get("networks", [])
    options = attached.values() if isinstance(attached, dict) else []
    return {name}.union(*(one.get("aliases", []) for one in options if one))


def find_reachable(caller: str, host: str) -> list[str]:
    """The services that a name leads to, of those on a network with the caller."""
    return [
        name for name in SERVICES if host in reached_as(name) and networks(name) & networks(caller)
    ]


def make_secrets(file: Path) -> dict[str, str]:
    """What `deploy/secrets` writes to a file."""
    subprocess.run([ROOT / "deploy/secrets", file], check=True, timeout=30, capture_output=True)
    lines = file.read_text("ascii").splitlines()
    return dict(line.split("=", 1) for line in lines)


def told(name: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service, filled in as Compose does.

    Raises:
        KeyError: a variable that has to be there is not; the message is what Compose would say.
    """

    def value(found: re.Match[str]) -> str:
        variable, how, text = found.groups()
        if how == "-":
            return secrets.get(variable) or str(text)
        if not secrets.get(variable):
            raise KeyError(f"{variable}: {text}")
        return secrets[variable]

    environment = SERVICES[name].get("environment", {})
    return {key: _VARIABLE.sub(value, str(text)) for key, text in environment.items()}
