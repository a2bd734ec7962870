"""What handlers work with, made once per process."""

from dataclasses import dataclass, field

from app.api.http.limits import RateLimiter
from app.api.http.vault_client import VaultClient
from app.base.settings import Settings
from app.domains.fx import Rates
from app.domains.merchants import Keyring
from app.engine.database import Database, GroupCommit
from app.engine.saga import Sagas
from app.processors import Processors


@dataclass(slots=True)
class Services:
    """The parts of one api process."""

    settings: Settings
    database: Database
    group_commit: GroupCommit
    sagas: Sagas
    keyring: Keyring
    limiter: RateLimiter
    rates: Rates
    vault: VaultClient
    processors: Processors = field(init=False)
    """Connected when the process starts."""
    draining: bool = field(default=False)
    """Set when the process was told to stop; `/readyz` answers 503 from then on."""
