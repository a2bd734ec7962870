"""The processes of the platform: the settings of each, and how it is seen to be ready."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from app.devkit.stack.caller import Caller
from app.devkit.stack.keys import write_secret
from app.devkit.stack.ports import free_port
from app.devkit.stack.process import Launch, Process

_READY_ANSWER_S = 5.0  # a process that hangs is asked again; others answer in milliseconds


class Service(Process):
    """A process that serves on one port through all its restarts."""

    name: str
    """Its name, unless another is given."""
    command: ClassVar[tuple[str, ...]]
    port_setting: ClassVar[str] = "port"
    ready_path: ClassVar[str] = "/readyz"

    def __init__(
        self,
        folder: Path | None,
        settings: Mapping[str, str],
        *,
        name: str = "",
        reached_at: str = "127.0.0.1",
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the service; nothing runs yet.

        Args:
            folder: of its log; without one, it writes to this process's output.
            settings: all of its settings; without a port among them it gets a free one.
            name: its name in messages.
            reached_at: the host at which it is called.
            inherits: its environment but for the settings; this process's without settings
                if not given.
        """
        name = name or self.name
        self.port = int(settings.get(self.port_setting) or free_port())
        self.reached_at = reached_at
        given = {**settings, self.port_setting: str(self.port)}
        super().__init__(self.command, log_path(folder, name), given, name=name, inherits=inherits)

    @property
    def url(self) -> str:
        host = f"[{self.reached_at}]" if ":" in self.reached_at else self.reached_at
        return f"http://{host}:{self.port}"

    def caller(self, key: str) -> Caller:
        """A client that calls it under a key."""
        return Caller(self.reached_at, self.port, key)

    def is_ready(self) -> bool:
        """Whether it serves requests now."""
        return Caller(self.reached_at, self.port, "", _READY_ANSWER_S).is_ready(self.ready_path)

    def is_up(self) -> bool:
        """Whether it answers at all."""
        return Caller(self.reached_at, self.port, "", _READY_ANSWER_S).is_ready("/healthz")

    def start(self, launch: Launch | None = None, /, **settings: str) -> Self:
        """Start it, as `spawn` does, and wait until it is ready.

        Differently launched, until it answers: with a wrong clock, say, it never gets ready.

        Raises:
            DidNotStart: it does not get ready.
        """
        self.spawn(launch, **settings)
        self.wait_until(self.is_ready if launch is None else self.is_up)
        return self

    def restart(self, **settings: str) -> Self:
        """Start it again on the same port, however it ended."""
        if self.is_running:
            self.stop()
        return self.start(**settings)


class Api(Service):
    """`suya serve`."""

    name = "api"
    command: ClassVar = ("serve",)


class Vault(Service):
    """`suya vault serve`, with a file of master keys, which is made if it is missing."""

    name = "vault"
    command: ClassVar = ("vault", "serve")
    port_setting: ClassVar = "vault_port"

    def __init__(
        self,
        folder: Path | None,
        settings: Mapping[str, str],
        *,
        key_file: Path,
        name: str = "",
        reached_at: str = "127.0.0.1",
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        self.key_file = key_file
        given = {**settings, "vault_master_key_file": str(key_file)}
        super().__init__(folder, given, name=name, reached_at=reached_at, inherits=inherits)
        if not key_file.exists():
            from app.vault import new_master_key  # noqa: PLC0415 - once in a home's life

            self.write_keys(new_master_key())

    def write_keys(self, *keys: str) -> None:
        """Write these master keys, the first one the current; a vault never reads half a file."""
        write_secret(self.key_file, "\n".join(keys))

    def for_callers(self) -> dict[str, str]:
        """The settings of an api or worker that works with this vault."""
        names = ("vault_client_key", "vault_api_key", "vault_processor_key")
        return {"vault_url": self.url} | {name: self.settings[name] for name in names}


class Acquirer(Service):
    """`suya acquirer`: the sandbox's acquirer, with a file of its own."""

    name = "acquirer"
    command: ClassVar = ("acquirer",)
    port_setting: ClassVar = "acquirer_port"
    ready_path: ClassVar = "/healthz"

    def notify(self, api_url: str) -> None:
        """Set where it sends notifications, from its next start on."""
        self.settings["acquirer_notify_url"] = f"{api_url}/v1/notifications/acquirer"

    def for_vault(self) -> dict[str, str]:
        """The settings of a vault that sends cards to this acquirer."""
        return {
            "vault_acquirer_url": self.url,
            "vault_acquirer_key": self.settings["acquirer_key"],
        }

    def for_callers(self) -> dict[str, str]:
        """The settings of an api or worker that works with this acquirer."""
        names = ("acquirer_key", "acquirer_notification_secret")
        return {"acquirer_url": self.url} | {name: self.settings[name] for name in names}


class Worker(Process):
    """`suya worker`; it counts as ready at once, because nobody waits for its answers."""

    def __init__(
        self,
        folder: Path | None,
        settings: Mapping[str, str],
        *,
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        path = log_path(folder, "worker")
        super().__init__(("worker",), path, settings, name="worker", inherits=inherits)


def log_path(folder: Path | None, name: str) -> Path | None:
    """The path of a process's log, if it has one."""
    return None if folder is None else folder / f"{name.replace(' ', '-')}.log"
