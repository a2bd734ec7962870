"""The cluster: all its nodes; a file keeps them between commands."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from app.base import clock
from app.base.process import exclusive_lock, tail
from app.devkit.cluster.errors import ClusterError
from app.devkit.cluster.nodes import REGIONS, Node, NodeState, NodeStatus, choose_ports
from app.devkit.cluster.program import find_program

SIZES = (1, 3, 5, 9)

_REMEDIES = {
    NodeState.STOPPED: "; 'restart' brings it back",
    NodeState.PAUSED: "; 'resume' lets it go on",
}

_READY_S = 120.0  # a node that recovers a store on a busy machine
_REPLICATED_S = 300.0  # a fresh cluster needs half a minute, a full one more
_LOCK_S = 150.0  # the longest command: a drain, and a start after it
_POLL_S = 0.2
_CONNECT_S = 5
_LOG_LINES_SHOWN = 8

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - files in a folder that only we may enter
_ENOUGH = 2 * 2**30  # containers often have 64 MB there, which the first log file fills

# Where the version has these settings: small clusters on one machine replicate as fast as the disk
# allows, and a batch of 512 payments keeps exact spans, which older versions' 256 kB made coarse.
_SETTINGS = (
    "SET CLUSTER SETTING kv.snapshot_rebalance.max_rate = '256MiB'",
    "SET CLUSTER SETTING kv.snapshot_recovery.max_rate = '256MiB'",
    "SET CLUSTER SETTING kv.transaction.max_refresh_spans_bytes = 4194304",
)


class LocalCluster:
    """A CockroachDB cluster of processes on the loopback, in one folder."""

    def __init__(self, folder: Path, program: str | None = None) -> None:
        """Name the cluster; nothing is started, and `program` is not looked for yet."""
        self.folder = folder.expanduser().resolve()
        self._program = program

    def start(
        self,
        nodes: int | None = None,
        regions: Sequence[str] | None = None,
        *,
        in_memory: bool = False,
    ) -> None:
        """Create the cluster, or restart what was stopped.

        Returns when every range is fully replicated.

        Args:
            nodes: 1, 3, 5 or 9, spread over the regions in turn; as many as there are, else 3.
            regions: those there are, else `REGIONS`.
            in_memory: a new cluster keeps its data in the machine's memory where it can. There it
                outlives the end of a node, but not the machine's.

        Raises:
            ClusterError: no program, another size than the existing one, or it does not come up.
        """
        self.check(nodes, regions)
        program = find_program(self._program)
        with self._changing():
            self.check(nodes, regions)
            if self._file.exists():
                members = self._load()
            else:
                members = self._make(nodes or 3, regions or REGIONS, in_memory=in_memory)
            # All at once, because without a majority none of them answers.
            for node in members:
                self._spawn(node, members, program)
            self._found(members, program)
            for node in members:
                self._wait_until_ready(node)
            self._set_up()
        self.wait_until_replicated()

    def check(self, nodes: int | None, regions: Sequence[str] | None) -> None:
        """Check that `start` could do that; nothing is changed.

        Raises:
            ClusterError: no program, no cluster has that size, or there is one of another layout.
        """
        find_program(self._program)
        if nodes is not None and nodes not in SIZES:
            sizes = ", ".join(map(str, SIZES[:-1]))
            raise ClusterError(
                f"A cluster has {sizes} or {SIZES[-1]} nodes and not {nodes}: an odd number votes."
            )
        if regions is not None and not regions:
            raise ClusterError("A cluster needs at least one region.")
        if self._file.exists():
            self._refuse_other_layout(self._load(), nodes, regions)

    def status(self) -> list[NodeStatus]:
        """The state of each node.

        Raises:
            ClusterError: there is no cluster.
        """
        return [node.status() for node in self._load()]

    def kill(self, number: int) -> None:
        """End a node at once, as a power cut does (SIGKILL)."""
        self._change(
            number, lambda node: node.end(signal.SIGKILL), NodeState.RUNNING, NodeState.PAUSED
        )

    def stop(self, number: int) -> None:
        """Let a node hand over what it has and end (SIGTERM)."""
        self._change(
            number, lambda node: node.end(signal.SIGTERM), NodeState.RUNNING, NodeState.PAUSED
        )

    def pause(self, number: int) -> None:
        """Let a node live without answering (SIGSTOP)."""
        self._change(number, Node.pause, NodeState.RUNNING)

    def resume(self, number: int) -> None:
        """Let a paused node go on (SIGCONT)."""
        self._change(number, Node.resume, NodeState.PAUSED)

    def restart(self, number: int) -> None:
        """Restart a node, however it ended; one that runs is drained first.

        Returns when it answers.
        """
        program = find_program(self._program)

        def again(node: Node) -> None:
            members = self._load()
            node.end(signal.SIGTERM)
            self._spawn(node, members, program)
            self._wait_until_ready(node)

        self._change(number, again, *NodeState)

    def destroy(self) -> None:
        """End every node and delete the folder with all its data; may be run again."""
        if not self._file.exists():
            return
        with self._changing():
            members = self._load()
            for node in members:
                node.end(signal.SIGKILL)
            self._file.unlink()
            for folder in {*(Path(node.store).parent for node in members), self.folder}:
                shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str = "suya") -> str:
        """The database's URL over all nodes; each connection tries them in a different order."""
        members = self._load()
        hosts = ",".join("127.0.0.1" for _ in members)
        ports = ",".join(str(node.sql_port) for node in members)
        options = f"host={hosts}&port={ports}&sslmode=disable&load_balance_hosts=random"
        return f"cockroachdb+psycopg://root@/{database}?{options}"

    def leaseholder(self, table: str = "accounts", database: str = "suya") -> int:
        """The number of the node that has the leases of most ranges of a table.

        Raises:
            ClusterError: no node answers, or there is no such table.
        """
        with self._connected() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            place = f"{database}.public.{table}"
            try:
                _show_ranges(cursor, place)
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidCatalogName):
                raise ClusterError(f"There is no table {place}.") from None
            holders = Counter(row["lease_holder"] for row in cursor.fetchall())
            rows = connection.execute("SELECT node_id, address FROM crdb_internal.gossip_nodes")
            address_of = dict(rows.fetchall())
        node_id, _ = holders.most_common(1)[0]
        [number] = [n.number for n in self._load() if n.address == address_of[node_id]]
        return number

    def wait_until_replicated(self) -> None:
        """Return when every range has as many replicas as it should.

        Raises:
            ClusterError: it does not happen in time.
        """
        wanted = min(3, len(self._load()))
        deadline = clock.monotonic() + _REPLICATED_S
        while True:
            with contextlib.suppress(psycopg.Error), self._connected() as connection:
                [(missing,)] = connection.execute(
                    "SELECT count(*) FROM crdb_internal.ranges_no_leases"
                    " WHERE COALESCE(array_length(replicas, 1), 0) < %s",
                    [wanted],
                ).fetchall()
                if missing == 0:
                    return
            if clock.monotonic() > deadline:
                raise ClusterError(
                    f"The ranges are not fully replicated after {_REPLICATED_S:.0f} s; "
                    "see 'status' for nodes that do not run."
                )
            time.sleep(_POLL_S)

    @property
    def _file(self) -> Path:
        return self.folder / "cluster.json"

    def _load(self) -> list[Node]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Node])
        except FileNotFoundError:
            raise ClusterError(f"There is no cluster under {self.folder}: 'start' one.") from None
        except msgspec.DecodeError:
            raise ClusterError(f"{self._file} cannot be read; delete the folder.") from None

    def _save(self, members: Sequence[Node]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(members))
        fresh.replace(self._file)

    def _refuse_other_layout(
        self, members: Sequence[Node], nodes: int | None, regions: Sequence[str] | None
    ) -> None:
        wanted = [
            regions[n % len(regions)] if regions else node.region for n, node in enumerate(members)
        ]
        same = wanted == [node.region for node in members]
        if not same or len(members) != (nodes or len(members)):
            raise ClusterError(
                f"There is a cluster of {len(members)} nodes in "
                f"{', '.join(dict.fromkeys(node.region for node in members))} under "
                f"{self.folder}; start it as it is, or 'destroy' it first."
            )

    def _make(self, count: int, regions: Sequence[str], *, in_memory: bool) -> list[Node]:
        stores = self.folder
        if in_memory and _MEMORY_DISK.is_dir() and shutil.disk_usage(_MEMORY_DISK).free > _ENOUGH:
            stores = Path(tempfile.mkdtemp(prefix="suya-cluster-", dir=_MEMORY_DISK))
        members = [
            Node(
                number=n + 1,
                region=regions[n % len(regions)],
                zone="abcdefghi"[n // len(regions)],
                sql_port=sql_port,
                http_port=http_port,
                store=str(stores / f"node{n + 1}"),
            )
            for n, (sql_port, http_port) in enumerate(choose_ports(count))
        ]
        self._save(members)
        return members

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock of the folder: only one command at a time may change the cluster."""
        path = self.folder.with_name(f"{self.folder.name}.lock")
        deadline = clock.monotonic() + _LOCK_S
        while (lock := exclusive_lock(path)) is None:
            if clock.monotonic() > deadline:
                raise ClusterError(f"Another command has been changing {self.folder} for long.")
            time.sleep(_POLL_S)
        with lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield

    def _change(self, number: int, what: Callable[[Node], None], *allowed: NodeState) -> None:
        with self._changing():
            members = self._load()
            if not 1 <= number <= len(members):
                raise ClusterError(f"There is no node {number}; there are 1 to {len(members)}.")
            node = members[number - 1]
            state = node.status().state
            if state not in allowed:
                raise ClusterError(f"Node {number} is {state}{_REMEDIES.get(state, '')}.")
            try:
                what(node)
            finally:
                self._save(members)

    def _spawn(self, node: Node, members: Sequence[Node], program: str) -> None:
        """Start a node unless it is alive; resume it if it is paused."""
        state = node.status().state
        if state is NodeState.PAUSED:
            node.resume()
        elif state is NodeState.STOPPED:
            Path(node.store).parent.mkdir(parents=True, exist_ok=True)
            node.spawn(program, self.folder, [each.address for each in members])
            # Saved at once: whatever happens next, the next command knows of this process.
            self._save([node if each.number == node.number else each for each in members])

    def _found(self, members: Sequence[Node], program: str) -> None:
        """Initialize a cluster of new nodes, once."""
        mark = self._mark(members)
        if len(members) == 1 or mark.exists():
            return
        deadline = clock.monotonic() + _READY_S
        while True:
            done = subprocess.run(  # noqa: S603 - the program the user named
                [program, "init", "--insecure", f"--host={members[0].address}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=_READY_S,
            )
            if done.returncode == 0 or "already been initialized" in done.stderr:
                mark.touch()
                return
            self._refuse_dead(members[0])
            if clock.monotonic() > deadline:
                raise ClusterError(f"The cluster cannot be founded: {done.stderr.strip()}")
            time.sleep(_POLL_S)

    @staticmethod
    def _mark(members: Sequence[Node]) -> Path:
        """The path of the mark of an initialized cluster.

        It lies beside the data and goes with them.
        """
        return Path(members[0].store).parent / "founded"

    def _set_up(self) -> None:
        """Create the database, and apply the settings of the whole cluster."""
        with self._connected() as connection:
            connection.execute("CREATE DATABASE IF NOT EXISTS suya")
            for setting in _SETTINGS:
                # Some versions dropped the setting and always behave so.
                with contextlib.suppress(psycopg.Error):
                    connection.execute(setting.encode())

    def _wait_until_ready(self, node: Node) -> None:
        deadline = clock.monotonic() + _READY_S
        while True:
            with contextlib.suppress(psycopg.Error), _connect(node):
                return
            self._refuse_dead(node)
            if clock.monotonic() > deadline:
                raise ClusterError(f"Node {node.number} does not answer after {_READY_S:.0f} s.")
            time.sleep(_POLL_S)

    def _refuse_dead(self, node: Node) -> None:
        if node.status().state is NodeState.STOPPED:
            said = tail(node.log(self.folder), 0, _LOG_LINES_SHOWN)
            raise ClusterError(f"Node {node.number} has ended. It said:\n{said}")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection to the first node that answers."""
        running = [n for n in self._load() if n.status().state is NodeState.RUNNING]
        for node in running:
            with contextlib.suppress(psycopg.OperationalError):
                connection = _connect(node)
                break
        else:
            raise ClusterError("No node of the cluster answers.")
        with connection:
            # Since 26.1 the tables of `crdb_internal` have to be unlocked.
            with contextlib.suppress(psycopg.Error):
                connection.execute("SET allow_unsafe_internals = true")
            yield connection


def _show_ranges(cursor: psycopg.Cursor[Any], place: str) -> None:
    try:
        cursor.execute(f"SHOW RANGES FROM TABLE {place} WITH DETAILS".encode())
    except psycopg.errors.SyntaxError:  # before 23.1 the details are always shown
        cursor.execute(f"SHOW RANGES FROM TABLE {place}".encode())


def _connect(node: Node) -> psycopg.Connection[tuple[Any, ...]]:
    connection = psycopg.connect(
        host="127.0.0.1",
        port=node.sql_port,
        user="root",
        dbname="defaultdb",
        sslmode="disable",
        connect_timeout=_CONNECT_S,
        autocommit=True,
    )
    connection.execute("SELECT 1")
    return connection
