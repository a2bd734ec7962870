"""scripts/cluster: nodes that start, die, pause and come back; and everything it refuses."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.devkit.cluster import ClusterError, LocalCluster, NodeState
from app.devkit.cluster.nodes import Node
from tests.support import cluster as support
from tests.support.databases import connect
from tests.support.processes import environ


def fake(folder: Path, version: str) -> str:
    """A program that says it is CockroachDB."""
    program = folder / "cockroach"
    program.write_text(f"#!/bin/sh\necho 'Build Tag:        {version}'\n")
    program.chmod(0o755)
    return str(program)


def test_without_the_program_it_says_where_one_gets_it(tmp_path: Path) -> None:
    """One sentence with the address, and nothing is made."""
    with pytest.raises(ClusterError, match=r"https://www\.cockroachlabs\.com"):
        LocalCluster(tmp_path / "c", program=str(tmp_path / "nothing")).start()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("version", ["v21.2.17", "v2.1.0", "v19.1.0"])
def test_an_old_program_is_refused(tmp_path: Path, version: str) -> None:
    """Versions before 22.1 are named and refused, and nothing is made."""
    with pytest.raises(ClusterError, match=f"{version}, and Suya needs v22.1"):
        LocalCluster(tmp_path / "c", program=fake(tmp_path, version)).start()
    assert not (tmp_path / "c").exists()


def test_what_is_not_cockroachdb_is_refused(tmp_path: Path) -> None:
    """A program that cannot tell its version is none of ours."""
    with pytest.raises(ClusterError, match="cannot be run as CockroachDB"):
        LocalCluster(tmp_path / "c", program="/bin/false").start()


@pytest.mark.parametrize("nodes", [0, 2, 4, 11])
def test_a_cluster_that_cannot_vote_is_refused(tmp_path: Path, nodes: int) -> None:
    """Only odd sizes that regions are made of."""
    with pytest.raises(ClusterError, match=f"and not {nodes}"):
        LocalCluster(tmp_path / "c", program=fake(tmp_path, "v25.4.11")).start(nodes)


def test_commands_on_no_cluster_say_so(tmp_path: Path) -> None:
    """Before a start there is nothing to act on, and nothing to destroy."""
    cluster = LocalCluster(tmp_path / "c")
    for act in (cluster.status, cluster.url, lambda: cluster.kill(1)):
        with pytest.raises(ClusterError, match="There is no cluster"):
            act()
    cluster.destroy()


def test_a_pid_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """After a reboot a kept pid may be anybody's; it is not ours to end."""
    me = psutil.Process()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "cluster.json").write_text(
        '[{"number":1,"region":"r","zone":"a","sql_port":1,"http_port":2,"store":"/nowhere/node1",'
        f'"pid":{me.pid}}}]'
    )
    cluster = LocalCluster(tmp_path / "c")

    assert [node.state for node in cluster.status()] == [NodeState.STOPPED]
    cluster.destroy()

    assert me.is_running()


def test_a_program_that_is_being_loaded_has_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose command line is not there yet runs: that is so once in four starts."""
    node = Node(1, "eu", "a", sql_port=26_257, http_port=8_180, store=str(tmp_path))
    words = ["--listen-addr=127.0.0.1:26257", f"--store=path={tmp_path},ballast-size=0"]
    program = [sys.executable, "-c", "input()", *words]
    read = psutil.Process.cmdline
    yet: Iterator[list[str]] = iter([[], []])
    monkeypatch.setattr(psutil.Process, "cmdline", lambda self: next(yet, None) or read(self))
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        node.pid = process.pid

        assert node.status().state is NodeState.RUNNING

        process.kill()


def test_the_command_line_says_one_sentence(tmp_path: Path) -> None:
    """A refusal is a sentence on stderr and exit code 1."""
    done = subprocess.run(
        [sys.executable, "-m", "app.devkit.cluster", "start", "--home", str(tmp_path)],
        env={**environ(), "SUYA_COCKROACH_BIN": str(tmp_path / "nothing"), "PATH": os.defpath},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("scripts/cluster: There is no program")


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_nodes_die_pause_and_come_back(tmp_path: Path) -> None:
    """Each command does what it says, refuses what cannot be, and the URL reaches who is left."""
    cluster = LocalCluster(tmp_path / "c", program=support.binary())
    try:
        cluster.start(3, in_memory=True)
        cluster.start()  # is there already
        with pytest.raises(ClusterError, match="a cluster of 3 nodes"):
            cluster.start(5)
        with connect(cluster.url()) as connection:
            connection.execute("CREATE TABLE t (a INT8 PRIMARY KEY)")
        assert cluster.leaseholder("t") in {1, 2, 3}
        with pytest.raises(ClusterError, match="no table"):
            cluster.leaseholder("nothing")

        cluster.kill(2)
        cluster.pause(3)
        states = [node.state for node in cluster.status()]
        assert states == [NodeState.RUNNING, NodeState.STOPPED, NodeState.PAUSED]
        for act, number in ((cluster.kill, 2), (cluster.pause, 3), (cluster.resume, 1)):
            with pytest.raises(ClusterError, match=f"Node {number} is"):
                act(number)
        with pytest.raises(ClusterError, match="no node 4"):
            cluster.kill(4)
        cluster.resume(3)
        cluster.restart(2)
        cluster.stop(1)

        with connect(cluster.url()) as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        for number in (2, 3):
            cluster.kill(number)
        cluster.start()  # from no node at all: none of them is ready before the others are
        with connect(cluster.url()) as connection:
            assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
        assert {node.state for node in cluster.status()} == {NodeState.RUNNING}
        pids = [node.pid for node in cluster.status()]
    finally:
        cluster.destroy()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)
