"""A CockroachDB in memory; for an embedded PostgreSQL see `app.engine.database.embedded`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from app.devkit.stack.caller import Caller
from app.devkit.stack.ports import free_port
from app.devkit.stack.process import Command, Process, without_settings

_READY_ANSWER_S = 5.0  # a node that hangs is asked again; others answer in milliseconds


class MemoryNode(Process):
    """A CockroachDB node that keeps everything in memory."""

    def __init__(
        self,
        program: str,
        folder: Path,
        locality: str,
        *,
        size: str = "1GiB",
        ports: tuple[int, int] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """Prepare the node; nothing runs yet.

        Args:
            program: the path of `cockroach`.
            folder: of its log and its dumps.
            locality: such as `region=eu-west1,zone=a`.
            size: of its memory, as the command line takes it.
            ports: for SQL and for HTTP; free ones if not given.
            options: more options of its command line.
        """
        self.sql, self.http = ports or (free_port(), free_port())
        folder.mkdir(exist_ok=True)
        words = (
            *(program, "start-single-node"),
            *("--insecure", f"--locality={locality}", f"--store=type=mem,size={size}"),
            *(f"--listen-addr=127.0.0.1:{self.sql}", f"--http-addr=127.0.0.1:{self.http}"),
            *options,
        )
        inherits = {**without_settings(), "COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING": "true"}
        super().__init__(words, folder / "log", {}, name=f"node {locality}", inherits=inherits)
        self.launch = partial(Command, folder=folder)

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"cockroachdb+psycopg://root@127.0.0.1:{self.sql}/defaultdb?sslmode=disable"

    def join(self, nodes: "Sequence[MemoryNode]") -> None:
        """Before its start: make it one of these nodes, which `cockroach init` then joins up."""
        program, _, *options = self.words
        listed = ",".join(f"127.0.0.1:{node.sql}" for node in nodes)
        self.words = (program, "start", f"--join={listed}", *options)

    def is_ready(self) -> bool:
        """Whether it serves SQL."""
        return Caller("127.0.0.1", self.http, "", _READY_ANSWER_S).is_ready("/health?ready=1")
