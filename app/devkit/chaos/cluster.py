"""A CockroachDB of three nodes on this machine as a target."""

import time
from pathlib import Path
from typing import ClassVar

from app.devkit.chaos.targets import LocalTarget, Options, TargetKind
from app.devkit.cluster import LocalCluster

NODES = 3  # one may fail
_SETTLE_S = 5.0  # a node that answers again still catches up with what its ranges have missed


class LocalNodes:
    """The nodes of a local cluster, by name."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster

    def regions(self) -> dict[str, str]:
        """Node -> region."""
        return {f"node {node.number}": node.region for node in self._cluster.status()}

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._cluster.kill(_number(name))

    def stop(self, name: str) -> None:
        """Drain it and end it."""
        self._cluster.stop(_number(name))

    def start(self, name: str) -> None:
        """Restart it with its data."""
        self._cluster.restart(_number(name))

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self._cluster.pause(_number(name))

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self._cluster.resume(_number(name))

    def leaseholder(self) -> str:
        """The node with the lease of the accounts."""
        return f"node {self._cluster.leaseholder('accounts', 'suya')}"

    def wait_until_whole(self) -> None:
        """Wait until every range has all its replicas, and these had time to catch up."""
        self._cluster.wait_until_replicated()
        time.sleep(_SETTLE_S)


def _number(name: str) -> int:
    return int(name.rpartition(" ")[2])


class ClusterTarget(LocalTarget):
    """Three nodes in three regions, with their data in the run's folder."""

    kind: ClassVar = TargetKind.CLUSTER
    heal_s: ClassVar = 240.0  # a node that was away is whole again in seconds, sometimes minutes
    request_s: ClassVar = 90.0  # a lease move took 13 s when measured, and a try may meet two

    def __init__(self, folder: Path, options: Options) -> None:
        super().__init__(folder, options)
        self._cluster = LocalCluster(folder / "cluster", None)
        self.nodes = LocalNodes(self._cluster)

    @property
    def database_url(self) -> str:
        """All nodes, the first one first."""
        return self._cluster.url()

    def _start_database(self) -> None:
        self._cluster.start(nodes=NODES, in_memory=self.options.is_in_memory)

    def _stop_database(self) -> None:
        self._cluster.destroy()
