"""Two machines on a network of their own, as network namespaces of this one; needs root.

They have the addresses that compose.yaml gives to its balancers, and run what its image runs, from
the place where the image has it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil
import pytest

from app.base.process import exclusive_lock
from tests.support.balancer import FOLDER, program
from tests.support.processes import get

HOST = "172.30.57.1"
"""This machine's address on the network."""
SHARED = "172.30.57.10"
"""The address that the two share."""
_OWN = {"one": "172.30.57.11", "two": "172.30.57.12"}
_BRIDGE = "suya-lab"
_LOCK = Path("/run/suya-lab.lock")  # one at a time: names and addresses are the machine's
# In a namespace of mounts that ends with the process: the image's folder, and pid files apart.
_AS_IN_THE_IMAGE = (
    "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /opt && cp -r {folder} /opt/balancer && "
    "exec /opt/balancer/run {name}"
)


def _ip(*words: str) -> None:
    subprocess.run([program("ip", "iproute2"), *words], check=True, timeout=30, capture_output=True)


class Lab:
    """The network and its two machines."""

    def __init__(self, folder: Path) -> None:
        for name, package in (("haproxy", "haproxy"), ("keepalived", "keepalived")):
            program(name, package)
        if os.geteuid() != 0:
            pytest.skip("network namespaces need root")
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = exclusive_lock(_LOCK)

    def __enter__(self) -> Self:
        if self._lock is None:
            pytest.skip(f"another run of the tests has the lab ({_LOCK})")
        self._remove()  # what a run that was killed has left
        try:
            _ip("link", "add", _BRIDGE, "type", "bridge")
            _ip("address", "add", f"{HOST}/24", "dev", _BRIDGE)
            _ip("link", "set", _BRIDGE, "up")
            for name, address in _OWN.items():
                _ip("netns", "add", f"suya-{name}")
                inside = ("-n", f"suya-{name}")
                pair = ("type", "veth", "peer", "name", "eth0", "netns", f"suya-{name}")
                _ip("link", "add", f"suya-{name}", *pair)
                _ip("link", "set", f"suya-{name}", "master", _BRIDGE, "up")
                _ip(*inside, "address", "add", f"{address}/24", "dev", "eth0")
                _ip(*inside, "link", "set", "lo", "up")
                _ip(*inside, "link", "set", "eth0", "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"this machine makes no network namespaces: {error.stderr.decode()}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.kill(name)
        self._remove()
        if self._lock is not None:
            self._lock.close()

    def _remove(self) -> None:
        for name in _OWN:
            self._quietly("netns", "delete", f"suya-{name}")
            self._quietly("link", "delete", f"suya-{name}")
        self._quietly("link", "delete", _BRIDGE)

    @staticmethod
    def _quietly(*words: str) -> None:
        subprocess.run(
            [program("ip", "iproute2"), *words], check=False, timeout=30, capture_output=True
        )

    def start(self, name: str, environ: Mapping[str, str]) -> None:
        """Run a balancer on the machine `one` or `two`."""
        script = _AS_IN_THE_IMAGE.format(folder=FOLDER, name=name)
        shell = shutil.which("bash") or "/bin/bash"
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [program("ip", "iproute2"), "netns", "exec", f"suya-{name}", shell, "-c", script],
                env={**environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        """What the machine's balancer said."""
        return (self._folder / f"{name}.log").read_text("utf-8", errors="replace")

    def owners(self) -> list[str]:
        """Who has the shared address."""
        shown = {
            name: subprocess.run(
                [program("ip", "iproute2"), "-n", f"suya-{name}", "-brief", "address"],
                check=True,
                capture_output=True,
                text=True,
                timeout=30,
            ).stdout
            for name in _OWN
        }
        return [name for name, text in shown.items() if f"{SHARED}/" in text]

    def ready(self, name: str) -> int:
        """How many apis the machine's balancer sees."""
        metrics = get(f"http://{_OWN[name]}:8404/metrics").text
        [line] = [
            line
            for line in metrics.splitlines()
            if line.startswith('haproxy_backend_active_servers{proxy="api"} ')
        ]
        return int(line.rpartition(" ")[2])

    def haproxy(self, name: str) -> psutil.Process:
        """The HAProxy of the machine."""
        tree = psutil.Process(self._running[name].pid).children(recursive=True)
        [found] = [process for process in tree if process.name() == "haproxy"]
        return found

    def stop(self, name: str) -> int:
        """SIGTERM to the machine's balancer; returns its exit code."""
        self._running[name].send_signal(signal.SIGTERM)
        return self._running[name].wait(30)

    def kill(self, name: str) -> None:
        """The machine is gone at once, with everything on it."""
        running = self._running.pop(name)
        if running.poll() is None:
            tree = psutil.Process(running.pid).children(recursive=True)
            running.kill()  # first, so that nobody of those below is missed
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        running.wait()
