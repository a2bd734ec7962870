"""What handlers work with, made once per process."""

from dataclasses import dataclass, field

from app.api.http.limits import RateLimiter
from app.api.http.vault_client import VaultClient
from app.base.settings import Settings
from app.domains.fx import Rates
from app.domains.merchants import Keyring
from app.engine.database import Database
from app.processors import World


@dataclass(slots=True)
class Services:
    """The parts of one api process."""

    settings: Settings
    database: Database
    keyring: Keyring
    limiter: RateLimiter
    rates: Rates
    vault: VaultClient
    world: World = field(init=False)
    """The flows, and what they reach outside; connected when the process starts."""
    draining: bool = field(default=False)
    """Set when the process has to stop; `/readyz` answers 503 from then on."""
