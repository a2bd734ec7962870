"""A CockroachDB cluster of processes on this machine: to try things out, to test, to break.

Guarantees: a command that returned has happened. Only processes of this cluster are ever ended;
they are known by their pid and command line. Everything listens on the loopback only.

Owns no table, but a folder: `cluster.json`, and a log and a store per node.

Never for production: there, an orchestrator runs one node per machine.
"""

from app.devkit.cluster.cluster import LocalCluster
from app.devkit.cluster.errors import ClusterError
from app.devkit.cluster.nodes import REGIONS, NodeState, NodeStatus

__all__ = ["REGIONS", "ClusterError", "LocalCluster", "NodeState", "NodeStatus"]
