"""What `suya dev` does, from its lock to its last process."""

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from app.base import clock
from app.base.process import check_port, exclusive_lock
from app.base.settings import Settings
from app.devkit.dev import demo, lines
from app.devkit.dev.database import DevDatabase
from app.devkit.dev.outside import acquirer_settings, vault_settings
from app.devkit.dev.schema import migrate
from app.devkit.dev.supervisor import Child, DevError, say
from app.devkit.stack import (
    Acquirer,
    Api,
    Caller,
    CallRefused,
    DidNotStart,
    Service,
    Vault,
    Worker,
    write_secret,
)
from app.engine.database.embedded import EmbeddedPostgres
from app.engine.database.history import VAULT
from app.vault import vault_database_url

_READY_S = 60  # the api starts in two seconds, and later on a busy machine
_LOG_LINES_SHOWN = 8
_WATCH_S = 0.25  # how soon a death is noticed
# Ten seconds in all: the api and the worker together, then the database, which needs them gone.
_DRAIN_MS = 3_000
_CHILDREN_STOP_S = 4.5
_DATABASE_STOP_S = 3.0


def run_dev(settings: Settings, *, show_logs: bool = False) -> None:
    """Run database, api, worker, vault and acquirer until Ctrl-C or SIGTERM.

    Raises:
        DevError: another instance has this home, or the api cannot start.
        PortUnusable: something else listens on the port.
        EmbeddedPostgresError: the database cannot be started.
    """
    settings = settings.model_copy(update={"home": settings.home.expanduser().resolve()})
    lock = exclusive_lock(settings.home / "lock")
    if lock is None:
        raise DevError(
            f"Suya is already running under {settings.home}; stop it, or choose another --home."
        )
    with lock, _stoppable():
        check_port(settings.host, settings.port)
        _Dev(settings, show_logs=show_logs).run()


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal all end the block, quietly."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    for how in ends:
        signal.signal(how, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        yield


class _Dev:
    """One run."""

    def __init__(self, settings: Settings, *, show_logs: bool) -> None:
        self.settings = settings
        self.show_logs = show_logs
        self.admin_key = _admin_key(settings)
        # A process that listens on every address is called at the loopback.
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
        self.host = everywhere.get(settings.host, settings.host)
        self.postgres = EmbeddedPostgres(settings.home) if settings.database_url is None else None
        self.database = None if self.postgres is None else DevDatabase(self.postgres)
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.address = f"http://{host}:{settings.port}"
        self._logs = None if show_logs else settings.home
        self._inherits = _environment(show_logs=show_logs)
        self._common = {
            "home": str(settings.home),
            "host": settings.host,
            "port": str(settings.port),
            "admin_key": self.admin_key,
        }
        self.acquirer = self._acquirer()
        self.vault = self._vault()
        told = {} if self.vault is None else self.vault.for_callers()
        told |= {} if self.acquirer is None else self.acquirer.for_callers()
        given = self._common | told
        api = Api(self._logs, given, reached_at=self.host, inherits=self._inherits)
        outside = [service for service in (self.vault, self.acquirer) if service is not None]
        self.services: list[Service] = [api, *outside]
        self.worker = Child(Worker(self._logs, given, inherits=self._inherits))
        self.children = [Child(api), self.worker, *map(Child, outside)]

    def run(self) -> None:
        """Start everything, print the lines to paste, and restart what dies."""
        try:
            self._start()
            self._show()
            while True:
                time.sleep(_WATCH_S)
                self._mend()
        finally:
            self._stop()

    def _acquirer(self) -> Acquirer | None:
        """The acquirer of this home; none where the settings name another."""
        if self.settings.acquirer_url:
            return None
        given = self._common | acquirer_settings(self.settings)
        acquirer = Acquirer(self._logs, given, reached_at=self.host, inherits=self._inherits)
        acquirer.notify(self.address)
        return acquirer

    def _vault(self) -> Vault | None:
        """The vault of this home.

        None where the settings name another, or where it has no database.
        """
        has_database = self.postgres is not None or self.settings.vault_database_url is not None
        if self.settings.vault_url is not None or not has_database:
            return None
        # Where the acquirer is another one, the vault's own settings say how cards get there.
        to_acquirer = {} if self.acquirer is None else self.acquirer.for_vault()
        return Vault(
            self._logs,
            self._common | vault_settings(self.settings) | to_acquirer,
            key_file=self.settings.home / "vault.key",
            reached_at=self.host,
            inherits=self._inherits,
        )

    def _start(self) -> None:
        """Start each process as early as possible, and return when all answer."""
        # The processor mostly waits while the database starts; the acquirer has its own file.
        early = [child for child in self.children if child.name == "acquirer"]
        for child in early:
            child.start()
        self._start_database()
        say(f"Starting {', '.join(child.name for child in self.children)} ...")
        for child in self.children:
            if child not in early and child is not self.worker:
                child.start()
        self._wait_until_ready()
        # The worker starts last: nobody waits for it, and it would slow down the others' start.
        self.worker.start()

    def _start_database(self) -> None:
        """Start the database, unless another is configured, and migrate it to this version."""
        if self.postgres is None:
            assert self.settings.database_url is not None
            url = self.settings.database_url.get_secret_value()
        else:
            url = self.postgres.url
            new = not self.postgres.data_dir.exists()
            say(f"{'Making' if new else 'Starting'} the database under {self.settings.home} ...")
            self.postgres.start()
        for revision in migrate(url):
            say(f"Applied {revision}.")
        if self.vault is not None:
            for revision in migrate(vault_database_url(self.settings), VAULT):
                say(f"Applied {revision} to the vault's database.")

    def _wait_until_ready(self) -> None:
        deadline = clock.monotonic() + _READY_S
        for service in self.services:
            try:
                service.wait_until(service.is_ready, deadline - clock.monotonic())
            except DidNotStart as error:
                what = "cannot start" if error.has_ended else "is not ready"
                said = "\n".join(error.said.splitlines()[-_LOG_LINES_SHOWN:])
                raise DevError(f"The {service.name} {what}: {said}") from error

    def _show(self) -> None:
        vault = None if self.vault is None else (self.host, self.vault.port)
        try:
            shown = demo.find_or_create(self.settings, self.host, self.admin_key, vault)
            at = lines.Addresses(
                self.address,
                None if self.vault is None else self.vault.url,
                None if self.acquirer is None else self.acquirer.url,
            )
            pasted = lines.curl_lines(shown, at, self._publishable_key(shown.api_key))
        except CallRefused as error:
            raise DevError(f"The demo cannot be made: {error}") from error
        logs = "" if self.show_logs else f"  logs     {self.settings.home}/*.log\n"
        body = "\n\n".join(f"{line.title}:\n\n{line.text}" for line in pasted)
        say(
            f"\nSuya is ready.\n\n  address  {self.address}   (pages: {self.address}/docs)\n"
            f"  API key  {shown.api_key}\n{logs}\n{body}\n\n"
            "Each line can be pasted as often as you like. Ctrl-C stops everything; the data stays."
        )

    def _publishable_key(self, api_key: str) -> str | None:
        """The key with which anybody may leave a card in the vault for the demo merchant."""
        if self.vault is None:
            return None
        api = Caller(self.host, self.settings.port, api_key)
        return str(api.get("/v1/payment_methods/key")["publishable_key"])

    def _mend(self) -> None:
        if self.database is not None:
            self.database.mend()
        for child in self.children:
            child.mend()

    def _stop(self) -> None:
        # A second Ctrl-C would only break off work that ends in a moment.
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(how, signal.SIG_IGN)
        if sys.exc_info()[0] is KeyboardInterrupt:
            say("\nStopping ...")
        for child in self.children:
            child.ask_to_stop()
        deadline = clock.monotonic() + _CHILDREN_STOP_S
        for child in self.children:
            child.wait_or_kill(deadline)
        if self.postgres is not None:
            self.postgres.stop(_DATABASE_STOP_S)


def _environment(*, show_logs: bool) -> dict[str, str]:
    """The environment of all processes; a setting of the shell goes before these."""
    # There is no balancer that would have to notice the end.
    ours = {"SUYA_DRAIN_NOTICE_MS": "0", "SUYA_DRAIN_TIMEOUT_MS": str(_DRAIN_MS)}
    if not show_logs:
        # A line per request would fill the disk of a machine on which somebody measures.
        ours["SUYA_LOG_LEVEL"] = "warning"
    return {**ours, **os.environ}


def _admin_key(settings: Settings) -> str:
    """The configured admin key, or that of this home, which the first run makes."""
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    path: Path = settings.home / "admin_key"
    if not path.exists():
        write_secret(path, f"sk_admin_{secrets.token_hex(16)}")
    return path.read_text("utf-8").strip()
