"""HAProxy as it is shipped, in front of real processes of this test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from app.devkit import stack
from tests.support import processes
from tests.support.processes import ApiProcess, free_port
from tests.support.vault import VaultProcess

FOLDER = stack.HAPROXY_FOLDER
READY_S = stack.READY_S


def program(name: str, package: str) -> str:
    """The path of a program, or a visible skip that says what to install."""
    path = stack.find_program(name)
    if path is None:
        pytest.skip(f"'{name}' is not on the PATH: install the package {package}")
    return path


def environ(**variables: object) -> dict[str, str]:
    """This process's environment with variables of the balancer: `api_1="127.0.0.1:8001"`."""
    return processes.environ(**{name: str(value) for name, value in variables.items()})


class Balancer(stack.Balancer):
    """One HAProxy on the loopback, its variables given as `api_1="127.0.0.1:8001"`."""

    def __init__(self, apis: Sequence[ApiProcess], folder: Path, **variables: object) -> None:
        program("haproxy", "haproxy")
        given = {name: str(value) for name, value in variables.items()}
        super().__init__(apis, folder, given, ports=(free_port(), free_port()))


class Door(Balancer):
    """The HAProxy in front of a vault."""

    configuration = FOLDER / "vault.cfg"
    listens = "listen_vault"

    def __init__(self, vault: VaultProcess, folder: Path, **variables: object) -> None:
        super().__init__([], folder, vault=f"127.0.0.1:{vault.port}", **variables)

    def open(self) -> Self:
        """Start it, and wait until it sees the vault ready."""
        return self.start(1, "vault")
