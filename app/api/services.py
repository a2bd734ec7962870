"""What handlers work with, made once per process."""

from dataclasses import dataclass, field

from app.api.limits import RateLimiter
from app.api.vault_client import VaultClient
from app.database import Database, GroupCommit
from app.fx import Rates
from app.merchants import Keyring
from app.processors import Processors
from app.saga import Sagas
from app.settings import Settings


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
