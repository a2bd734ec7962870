"""`scripts/cluster`: a local CockroachDB cluster."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from app.devkit.cluster.cluster import LocalCluster
from app.devkit.cluster.errors import ClusterError
from app.devkit.cluster.nodes import REGIONS, NodeState

app = typer.Typer(
    name="cluster",
    help="A CockroachDB cluster on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)

Home = Annotated[Path, typer.Option(envvar="SUYA_HOME", help="Its data is in a folder there.")]
Number = Annotated[int, typer.Argument(help="Number of the node, from 1.")]
_HOME = Path(".suya")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _cluster(home: Path) -> LocalCluster:
    return LocalCluster(home / "cluster")


@app.command()
def start(
    *,
    nodes: Annotated[
        int | None, typer.Option(help="How many: 1, 3, 5 or 9 (default: as there are, else 3).")
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option(help=f"Their regions in turn, by commas (default: {','.join(REGIONS)})."),
    ] = None,
    home: Home = _HOME,
) -> None:
    """Start a cluster, or restart what was stopped; returns when it is fully replicated.

    Example: scripts/cluster start --nodes 3
    """
    cluster = _cluster(home)
    names = None if regions is None else _names(regions)
    cluster.check(nodes, names)
    say("Starting the nodes and waiting until every range is replicated ...")
    cluster.start(nodes, names)
    _show(cluster)
    say("\nReady. Suya on it:  SUYA_DATABASE_URL=$(scripts/cluster url) ./scripts/dev")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    if not all(map(_REGION.fullmatch, names)):
        raise ClusterError(f"'{text}' are no regions; they look like us-east1,europe-west1.")
    return names


@app.command()
def status(
    *, home: Home = _HOME, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show what each node does.

    Example: scripts/cluster status
    """
    cluster = _cluster(home)
    if json:
        say(msgspec.json.format(msgspec.json.encode(cluster.status())).decode())
    else:
        _show(cluster)


def _command(name: str, doc: str, act: Callable[[LocalCluster, int], None], done: str) -> None:
    """Register a command on one node."""

    def command(number: Number, home: Home = _HOME) -> None:
        cluster = _cluster(home)
        act(cluster, number)
        say(f"Node {number} {done}.")
        _warn(cluster)

    command.__doc__ = f"{doc}\n\nExample: scripts/cluster {name} 2"
    app.command(name=name)(command)


_command("kill", "End a node at once, as a power cut does.", LocalCluster.kill, "is dead")
_command("stop", "Drain a node and end it.", LocalCluster.stop, "has drained and ended")
_command("pause", "Pause a node, which then does not answer.", LocalCluster.pause, "is paused")
_command("resume", "Resume a paused node.", LocalCluster.resume, "goes on")
_command("restart", "Restart a node; one that runs is drained.", LocalCluster.restart, "is back")


@app.command()
def url(
    database: Annotated[str, typer.Option(help="Name of the database.")] = "suya",
    home: Home = _HOME,
) -> None:
    """Print the URL over all nodes.

    Example: SUYA_DATABASE_URL=$(scripts/cluster url) suya migrate
    """
    say(_cluster(home).url(database))


@app.command()
def destroy(home: Home = _HOME) -> None:
    """End every node and delete all data of the cluster.

    Example: scripts/cluster destroy
    """
    _cluster(home).destroy()
    say("The cluster is gone.")


def _show(cluster: LocalCluster) -> None:
    say(f"{'node':>4}  {'state':8} {'region':16} {'SQL':22} pages")
    for node in cluster.status():
        say(
            f"{node.number:>4}  {node.state:8} {node.region:16} 127.0.0.1:{node.sql_port:<12} "
            f"http://127.0.0.1:{node.http_port}"
        )
    _warn(cluster)


def _warn(cluster: LocalCluster) -> None:
    members = cluster.status()
    down = sum(node.state is not NodeState.RUNNING for node in members)
    if 2 * down >= len(members):
        say(f"{down} of {len(members)} nodes do not answer: without a majority nothing commits.")


def main() -> None:
    """Run a command; an error is printed as a sentence."""
    try:
        app(prog_name="scripts/cluster")
    except ClusterError as error:
        sys.stderr.write(f"scripts/cluster: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
