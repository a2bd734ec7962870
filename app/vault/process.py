"""The vault's process: its database, its keys, its port, from start to stop."""

import asyncio
import signal

from app.base.process import check_port, collect_seldom
from app.base.settings import Settings
from app.base.telemetry import configure_logging, log
from app.engine.database import Database, checks, faults
from app.engine.database.history import VAULT
from app.vault.address import vault_database_url
from app.vault.http import VaultHttp
from app.vault.quiet import QuietServer
from app.vault.service import Vault

_BACKLOG = 1024  # connections that may wait in the kernel; callers keep theirs open, so few do


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the work in hand and return.

    Raises:
        PortUnusable: something else listens there.
        MasterKeyMissing, MasterKeyUnsafe, MasterKeyWrong, VaultUnfit, DatabaseUnreachable,
        UnfitDatabase: it cannot serve.
    """
    configure_logging(settings)
    faults.arm(settings.faults)
    check_port(settings.host, settings.vault_port, "SUYA_VAULT_PORT")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with Database.open(settings, vault_database_url(settings)) as database:
        await checks.check(database, VAULT)
        vault = await Vault.open(database, settings)
        http = VaultHttp(vault, settings)
        server = QuietServer(http.handle)
        listening = await loop.create_server(
            server, settings.host, settings.vault_port, backlog=_BACKLOG
        )
        collect_seldom()
        log.info("started", process="vault", master_key=vault.ciphers.masters.current)
        await stop.wait()
        http.draining = True
        await asyncio.sleep(settings.drain_notice_ms / 1000)
        listening.close()
        await server.shutdown(settings.drain_timeout_ms / 1000)
        await vault.close(settings.drain_timeout_ms / 1000)
    log.info("stopped", process="vault")
