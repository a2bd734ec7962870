"""A CockroachDB for tests marked `cluster`: one that is named, or nodes of our own in memory."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from app.devkit.cluster import LocalCluster, program
from app.devkit.stack import MemoryNode
from app.engine.database import migrations
from tests.support.databases import execute
from tests.support.processes import free_port

VARIABLE = "SUYA_TEST_COCKROACH_URL"
PROGRAM = os.environ.get(program.VARIABLE)
"""Kept from before the tests' own environment is scrubbed of the product's settings."""
REMEDY = f"put `cockroach` on the PATH or set {VARIABLE}"
WHY_NOT = f"no CockroachDB: {REMEDY}"


@contextlib.contextmanager
def cockroach() -> Iterator[str]:
    """The URL of a CockroachDB; skips the test if there is none."""
    with contextlib.ExitStack() as stack:
        url = os.environ.get(VARIABLE)
        if url is None:
            url = stack.enter_context(_node(binary()))
        yield url


@contextlib.contextmanager
def three_nodes() -> Iterator[LocalCluster]:
    """Three nodes in three regions, all of them ours to break; skips the test if there is none."""
    folder = Path(tempfile.mkdtemp(prefix="suya-cluster-"))
    nodes = LocalCluster(folder / "cluster", program=binary())
    try:
        nodes.start(3, in_memory=True)
        yield nodes
    finally:
        nodes.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def binary() -> str:
    """Where the program `cockroach` is; skips the test if there is none."""
    found = shutil.which(PROGRAM or "cockroach")
    if found is None:
        pytest.skip(WHY_NOT)
    return found


class Databases:
    """Makes migrated databases on a cluster."""

    def __init__(self, url: str) -> None:
        self.url = url

    def new_database(self) -> str:
        """The URL of a fresh, migrated database; it takes about two seconds."""
        return self._new(migrations.MAIN)

    def new_vault_database(self) -> str:
        """The URL of a fresh, migrated database of a vault."""
        return self._new(migrations.VAULT)

    def _new(self, history: migrations.MigrationHistory) -> str:
        name = f"suya_{uuid4().hex[:12]}"
        execute(self.url, f"CREATE DATABASE {name}")
        address, mark, options = self.url.partition("?")
        made = f"{address.rpartition('/')[0]}/{name}{mark}{options}"
        try:
            migrations.upgrade(made, history)
        except BaseException:
            self.drop_database(made)
            raise
        return made

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        execute(self.url, f"DROP DATABASE {make_url(url).database} CASCADE")


@contextlib.contextmanager
def database(url: str) -> Iterator[str]:
    """A migrated database of its own on the cluster, removed afterwards."""
    databases = Databases(url)
    made = databases.new_database()
    try:
        yield made
    finally:
        databases.drop_database(made)


@contextlib.contextmanager
def _node(cockroach_: str) -> Iterator[str]:
    """A single node that keeps everything in memory."""
    with tempfile.TemporaryDirectory(prefix="suya-cockroach-") as name:
        ports = (free_port(), free_port())
        with MemoryNode(
            cockroach_, Path(name) / "node", "region=eu-west1,zone=a", ports=ports
        ) as node:
            node.spawn()
            node.wait_until(node.is_ready)
            yield node.url
