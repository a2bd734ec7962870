"""The faults of a cluster's nodes; no two overlap, so the cluster keeps its quorum.

Each is healed only when every range has all its replicas again.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.devkit.chaos.plan import Injection
from app.devkit.chaos.targets import Nodes, Target, finish


@asynccontextmanager
async def node_kill(target: Target, injection: Injection) -> AsyncIterator[str]:
    """One node is killed."""
    nodes = _nodes(target)
    async with _without(nodes, [_any(nodes, injection)]) as what:
        yield what


@asynccontextmanager
async def leaseholder_kill(target: Target, _: Injection) -> AsyncIterator[str]:
    """The node that serves the accounts is killed."""
    nodes = _nodes(target)
    async with _without(nodes, [await finish(nodes.leaseholder)]) as what:
        yield what


@asynccontextmanager
async def region_loss(target: Target, injection: Injection) -> AsyncIterator[str]:
    """All nodes of a region are killed."""
    nodes = _nodes(target)
    region = nodes.regions()[_any(nodes, injection)]
    lost = [name for name, where in nodes.regions().items() if where == region]
    async with _without(nodes, lost) as what:
        yield f"{region}: {what}"


@asynccontextmanager
async def node_pause(target: Target, injection: Injection) -> AsyncIterator[str]:
    """One node is paused."""
    nodes = _nodes(target)
    name = _any(nodes, injection)
    await finish(lambda: nodes.pause(name))
    try:
        yield name
    finally:
        await finish(lambda: nodes.resume(name))
        await finish(nodes.wait_until_whole)


@asynccontextmanager
async def node_restart(target: Target, injection: Injection) -> AsyncIterator[str]:
    """One node is ended in order and started again."""
    nodes = _nodes(target)
    name = _any(nodes, injection)
    await finish(lambda: nodes.stop(name))
    try:
        yield name
    finally:
        await finish(lambda: nodes.start(name))
        await finish(nodes.wait_until_whole)


@asynccontextmanager
async def _without(nodes: Nodes, names: Sequence[str]) -> AsyncIterator[str]:
    for name in names:
        await finish(lambda name=name: nodes.kill(name))  # type: ignore[misc]
    try:
        yield ", ".join(names)
    finally:
        for name in names:
            await finish(lambda name=name: nodes.start(name))  # type: ignore[misc]
        await finish(nodes.wait_until_whole)


def _any(nodes: Nodes, injection: Injection) -> str:
    names = list(nodes.regions())
    return names[injection.chance % len(names)]


def _nodes(target: Target) -> Nodes:
    assert target.nodes is not None
    return target.nodes
