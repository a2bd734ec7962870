"""Logs and metrics: one structured line per request, and counters with few, bounded labels."""

import asyncio
import atexit
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from app.base.errors import InvariantViolated, PlatformError
from app.base.pan import scrub
from app.base.process import check_port
from app.base.settings import Settings

# structlog would load all of `rich` in every process, for pretty tracebacks, which `_renderers`
# does not use. Without `rich` structlog does without it, so it is hidden here.
_rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
import structlog  # noqa: E402 - as above

if _rich is None:
    del sys.modules["rich"]

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Metrics:
    """All metrics of a process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        r = self.registry
        self.requests = Counter(
            "suya_requests",
            "Requests answered, by route template.",
            ["method", "route", "status"],
            registry=r,
        )
        self.request_seconds = Histogram(
            "suya_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=r
        )
        self.batch_size = Histogram(
            "suya_batch_size", "Commands per commit.", ["kind"], buckets=_BATCH_SIZES, registry=r
        )
        self.queue_seconds = Histogram(
            "suya_queue_seconds", "Wait of the oldest command of a batch.", ["kind"],
            buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self.commit_seconds = Histogram(
            "suya_commit_seconds", "Time of a batch from BEGIN to COMMIT, retries included.",
            ["kind"], buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self.attempts = Histogram(
            "suya_commit_attempts", "Attempts per committed transaction.",
            buckets=(1, 2, 3, 5, 10, 20, 40), registry=r,
        )  # fmt: skip
        self.retries = Counter(
            "suya_commit_retries", "Attempts run again, by SQLSTATE.", ["reason"], registry=r
        )
        self.bisected = Counter(
            "suya_batches_bisected", "Batches split because of an unexpected error.", registry=r
        )
        self.holds_expired = Counter(
            "suya_holds_expired", "Payments whose authorization the worker expired.", registry=r
        )
        self.flows_postponed = Counter(
            "suya_flows_postponed", "Flows postponed because a processor did not answer.", ["flow"],
            registry=r,
        )  # fmt: skip
        self.flows_resumed = Counter(
            "suya_flows_resumed", "Flows taken up by a worker.", registry=r
        )
        self.flows_parked = Gauge(
            "suya_flows_parked", "Flows that were given up and wait for people.", registry=r
        )
        self.dispute_findings = Counter(
            "suya_dispute_findings", "Reported disputes that could not be booked.", registry=r
        )  # fmt: skip
        self.verify_findings = Gauge(
            "suya_verify_findings",
            "Findings of the last verification; -1 before the first.",
            registry=r,
        )
        self.verify_findings.set(-1)
        self._add_processors()

    def _add_processors(self) -> None:
        r = self.registry
        self.cards_limited = Counter(
            "suya_cards_limited", "Cards that the vault did not take, by the limit.", ["limit"],
            registry=r,
        )  # fmt: skip
        self.processor_calls = Counter(
            "suya_processor_calls", "Calls of processors, by outcome.",
            ["processor", "operation", "outcome"], registry=r,
        )  # fmt: skip
        self.processor_seconds = Histogram(
            "suya_processor_seconds", "Time until a processor's verdict.",
            ["processor", "operation"], buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self.processor_in_flight = Gauge(
            "suya_processor_in_flight", "Calls of processors under way.", ["processor", "lane"],
            registry=r,
        )  # fmt: skip
        self.processor_circuit = Gauge(
            "suya_processor_circuit",
            "Whether a processor is called: 0 yes, 1 one call tries, 2 no.",
            ["processor", "lane"], registry=r,
        )  # fmt: skip
        self.payout_files_refused = Counter(
            "suya_payout_files_refused", "Payout files that a bank refused as they are.", registry=r
        )


metrics = Metrics()


def serve_metrics(host: str, port: int) -> None:
    """Answer Prometheus on a port of its own, for a process without HTTP, until it ends.

    Raises:
        PortUnusable: something else listens there.
    """
    check_port(host, port, "SUYA_METRICS_PORT")
    start_http_server(port, host, metrics.registry)


def _is_console(settings: Settings) -> bool:
    return settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stdout.isatty()
    )


def _renderers(settings: Settings) -> list[Any]:
    if _is_console(settings):
        # Plain tracebacks: the pretty ones print local variables, and those may be secret.
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    encode = msgspec.json.Encoder(enc_hook=str).encode
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=lambda event, **_: encode(event).decode()),
    ]


def configure_logging(settings: Settings) -> None:
    """Send structlog's lines to standard output in the settings' format."""
    global _request_writer  # noqa: PLW0603 - like structlog's own configuration, one per process
    level = getattr(logging, settings.log_level.upper())
    writer = _LineWriter(sys.stdout)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_renderers(settings),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=True,
    )
    # psycopg's warnings arrive as exceptions, which are logged where they are handled.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    _request_writer = _make_request_writer(settings, writer)


def describe(error: BaseException) -> dict[str, Any]:
    """Describe an error for the log: its kind, its place, and the database's code and constraint.

    Not its message: a database's may quote the failed row, and with it a client's data.
    """
    frames = traceback.extract_tb(error.__traceback__)
    facts: dict[str, Any] = {
        "error": type(error).__name__,
        "at": [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
        ],
    }
    # A process that meets an error of the driver has loaded it; the sandbox's acquirer has not.
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(error, psycopg.Error):
        facts |= {"sqlstate": error.sqlstate, "constraint": error.diag.constraint_name}
    elif isinstance(error, (PlatformError, InvariantViolated)):
        facts["message"] = str(error)
    return facts


class RequestLine(msgspec.Struct, frozen=True):
    """The one line of a request."""

    timestamp: datetime
    request_id: str
    merchant: str | None
    method: str
    route: str
    status: int
    ms: float
    batch: int
    """How many commands shared the request's commit; 0 where it made none."""
    level: str = "info"
    event: str = "request"


def _write_nothing(_: RequestLine) -> None:
    """Used until logging is configured, or where requests are not logged."""


_request_writer = _write_nothing


def log_request(line: RequestLine) -> None:
    """Write a request's line; as JSON it is encoded directly."""
    _request_writer(line)


def _make_request_writer(
    settings: Settings, writer: "_LineWriter"
) -> Callable[[RequestLine], None]:
    if settings.log_level not in {"debug", "info"}:
        return _write_nothing
    if _is_console(settings):
        return lambda line: log.info("request", **_console_fields(line))
    encode = msgspec.json.Encoder().encode
    return lambda line: writer.info(encode(line).decode())


def _console_fields(line: RequestLine) -> dict[str, Any]:
    fields = msgspec.structs.asdict(line)
    return {k: v for k, v in fields.items() if k not in {"timestamp", "level", "event"}}


class _LineWriter:
    """Writes lines in groups: a system call per request would cost as much as making its line.

    Buffered lines are written after `FLUSH_S`, at once with a warning or an error, and when the
    process ends. Only a kill can lose the last group, and the database does not depend on it.
    """

    FLUSH_S = 0.2
    FLUSH_BYTES = 64 * 1024

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(self.flush)

    def info(self, line: str) -> None:
        """Write `line` soon."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= self.FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                self._timer = loop.call_later(self.FLUSH_S, self.flush)

    def error(self, line: str) -> None:
        """Write `line` now."""
        self._lines.append(line)
        self.flush()

    debug = info
    warning = warn = critical = fatal = exception = err = failure = msg = error

    def flush(self) -> None:
        """Write the buffered lines."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            # No card number should get this far; this is the last check.
            self._stream.write(scrub("\n".join(lines)) + "\n")
            self._stream.flush()


log = structlog.get_logger()
