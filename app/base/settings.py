"""Settings: every SUYA_* variable, with its unit, its range and the reason of its default.

Built once when a process is composed, and passed down; nothing else reads the environment. An
unknown SUYA_ variable or a value out of range stops the start, with all faults listed at once.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.base import iban
from app.base.modes import Mode

REGION_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""What a region's name looks like: that of a cloud's region, and safe in a statement."""
URL_PATTERN = r"^https?://[^\s/]+(/[^\s]*[^\s/])?$"
"""What a base address looks like: paths are appended to it, so it ends without a slash."""


MONTH_MS = 31 * 86_400_000
"""The longest pause between two attempts: what is asked for less often is forgotten."""


class SettingsError(Exception):
    """The configuration is wrong; the message lists every fault."""


class Settings(BaseSettings):
    """One process's configuration."""

    model_config = SettingsConfigDict(env_prefix="SUYA_", frozen=True, extra="forbid")

    home: Path = Path(".suya")
    """Where the embedded database and its files live; a folder of the project by default, so that
    deleting the folder deletes every trace."""
    database_url: SecretStr | None = None
    """`cockroachdb+psycopg://...` or `postgresql+psycopg://...`; none means the embedded PostgreSQL
    under `home`."""
    environment: Literal["sandbox", "production"] = "sandbox"
    """A sandbox accepts /v1/deposits, which make money from nothing; production does not."""
    region: str = Field(default="local", pattern=REGION_PATTERN)
    """Where this process runs, and the home of merchants created without a region."""
    regions: Annotated[tuple[Annotated[str, Field(pattern=REGION_PATTERN)], ...], NoDecode] = ()
    """The database's regions for `suya regions`, comma separated, the primary one first; none means
    those of the cluster's nodes."""
    survive: Literal["zone", "region"] | None = None
    """The loss that the database should survive; none leaves the database as it is (a zone)."""

    host: str = "127.0.0.1"
    """Address the api listens on; loopback, because a newcomer's machine is not a server."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port of the api."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Port on which a worker serves its metrics, on `host`; none means it does not. An api has
    /metrics on its own port."""
    admin_key: SecretStr | None = Field(default=None, min_length=16)
    """Bearer token of /v1/merchants and /v1/api_keys; without one these always answer 401."""
    rate_limit_per_s: int = Field(default=50_000, ge=1, le=1_000_000)
    """Requests per second that a process admits for one API key (a bulk item counts as one). More
    than a process can do, so it only stops runaway clients until an operator lowers it."""
    request_timeout_ms: int = Field(default=20_000, ge=100, le=120_000)
    """How long a request may wait for its commit; a lease move of CockroachDB took 13 s when
    measured, so less would turn a failover into errors."""
    drain_notice_ms: int = Field(default=2_000, ge=0, le=120_000)
    """How long a stopping process goes on serving with `/readyz` at 503, so that load balancers
    notice before its port closes; the shipped HAProxy needs 0.7 s at most."""
    drain_timeout_ms: int = Field(default=8_000, ge=0, le=120_000)
    """How long a stopping process may take to finish its work; supervisors usually wait for 10
    s."""

    batch_size_max: int = Field(default=512, ge=1, le=4096)
    """Commands per commit; measured gains above it are small, while latency grows with it."""
    queue_length_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """Commands waiting per lane before 503; two bulk requests of the largest size."""
    database_writers: int | None = Field(default=None, ge=1, le=64)
    """Write transactions in flight per process; none means 2 on PostgreSQL and 4 on CockroachDB,
    never two on one merchant's rows."""
    database_readers: int = Field(default=8, ge=1, le=64)
    """Connections for reads per process; about four per core of a small machine."""
    statement_timeout_ms: int = Field(default=15_000, ge=100, le=120_000)
    """A statement that runs longer is cancelled by the server; a lease move may take 13 s."""
    lock_timeout_ms: int = Field(default=5_000, ge=100, le=120_000)
    """A wait for a row lock that lasts longer fails; then the batch runs again."""
    database_patience_ms: int = Field(default=6_000, ge=100, le=120_000)
    """How long a connection may be silent before it is broken and the work runs again on another
    one, a second and third attempt twice and three times as long. Above the lock timeout, so that a
    healthy server answers first; three attempts fit into a request's deadline."""
    database_connection_life_s: int = Field(default=300, ge=1, le=86_400)
    """A connection is closed at an age between half of this and all of it, so that connections
    spread again over the nodes of a cluster; opening one costs milliseconds."""
    idle_in_transaction_timeout_ms: int = Field(default=10_000, ge=100, le=120_000)
    """The server ends a transaction whose client is silent for so long, and frees its locks."""

    vault_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """Where the api, the worker and the adapters of processors call the vault, which alone sends
    card data to processors. None means that card payments are not executed."""
    vault_processor_key: SecretStr | None = Field(default=None, min_length=16)
    """The key with which an adapter of a processor lets the vault send a card number; the vault has
    the same."""

    acquirer_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """Where the processor `acquirer` is called; none means that its commands are not executed."""
    acquirer_mode: Mode = "test"
    """Whose payments and payouts the acquirer gets. The sandbox's is for test merchants; Stripe's
    mode is that of its key."""
    acquirer_key: SecretStr | None = Field(default=None, min_length=16)
    """Bearer token that the acquirer expects."""
    acquirer_notification_secret: SecretStr | None = None
    """`whsec_...`, base64 of 24-64 bytes: the key that signs the acquirer's notifications."""

    stripe_key: SecretStr | None = Field(default=None, min_length=16)
    """Secret key of a Stripe account (`sk_...`); without one there is no processor `stripe`."""
    stripe_webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """`whsec_...` of its webhook endpoint `/v1/notifications/stripe`, which needs the events
    payment_intent.*, refund.* and charge.dispute.*; without it all are refused."""
    stripe_url: str = Field(default="https://api.stripe.com", pattern=URL_PATTERN)
    """Where Stripe is called; another address only for tests. The vault has an address of its
    own."""
    stripe_return_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """The page to which payers return after 3-D Secure; without one Stripe offers no such page."""

    processor_rules: Path | None = None
    """TOML or JSON file with the rules that choose a processor; none means always `acquirer`."""
    processor_timeout_ms: int = Field(default=8_000, ge=50, le=60_000)
    """How long a processor may take for a call before its outcome is unknown; networks give an
    issuer about seven seconds."""
    processor_connect_timeout_ms: int = Field(default=2_000, ge=50, le=60_000)
    """How long a connection may take to open; nothing was sent until then, so it is short enough to
    ask another processor."""
    processor_calls_max: int = Field(default=256, ge=1, le=10_000)
    """Calls in flight per processor, cards and the rest each; 800 payments a second at a processor
    of 100 ms need 80, and calls that wait for a dead one need little memory."""
    processor_queue_ms: int = Field(default=1_000, ge=0, le=60_000)
    """How long a call waits for others to end before it is not executed; well below what a client
    waits for."""
    processor_failures_max: int = Field(default=20, ge=1, le=1_000)
    """Outages in a row (never declines) after which a processor is not called for a while. A broken
    connection fails a few calls, which is no outage."""
    processor_pause_ms: int = Field(default=5_000, ge=10, le=600_000)
    """How long it is not called before one call tries again; the first of the resolver's delays."""

    cockroach_bin: Path | None = None
    """The program `cockroach`, for local clusters; none means the one on the PATH."""

    sweep_interval_ms: int = Field(default=1_000, ge=50, le=600_000)
    """How often the worker looks for holds to expire; an expiry is promised to the second."""
    audit_interval_s: int = Field(default=3_600, ge=1, le=604_800)
    """How often the worker verifies the books; a full reading per hour does not slow down
    payments."""

    saga_lease_ms: int = Field(default=60_000, ge=100, le=3_600_000)
    """How long the process that drives a flow has for its next step before a worker takes it up:
    two processors of 8 s each, one after the other, and a commit of 20 s fit in."""
    saga_backoff_ms: Annotated[tuple[int, ...], NoDecode] = (
        *(5_000, 30_000, 300_000, 3_600_000), 86_400_000,
    )  # fmt: skip
    """Pauses before an unknown outcome is queried again, comma separated; the last one is repeated.
    They begin short, because most outages are; some processors answer only after a day."""
    saga_attempts_max: int = Field(default=34, ge=1, le=1_000)
    """Unanswered attempts before a flow is parked for people: the four short pauses and a month."""
    resume_interval_ms: int = Field(default=500, ge=10, le=600_000)
    """How often the worker looks for flows that are due; small beside the shortest pause."""

    acquirer_host: str = "127.0.0.1"
    """Address the sandbox's acquirer listens on."""
    acquirer_port: int = Field(default=8010, ge=1, le=65535)
    """Port of the sandbox's acquirer."""
    acquirer_file: Path | None = None
    """The acquirer's own file; none means `acquirer.sqlite` under `home`."""
    acquirer_public_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """Where payers reach the acquirer's 3-D Secure pages; none means its host and port."""
    acquirer_notify_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """Where the acquirer sends notifications (`.../v1/notifications/acquirer`); none: nowhere."""
    acquirer_latency_ms: int = Field(default=0, ge=0, le=600_000)
    """How long after a request the acquirer answers it, unless its script says otherwise; real ones
    take 100 to 500."""
    payout_approval_minor: int = Field(default=1_000_000, ge=0, le=2**53 - 1)
    """Payouts above it need a second API key; in hundredths of any currency, so 10,000.00. Above it
    two people look at a payout; a merchant's own limit goes before this one."""
    payout_check_ms: int = Field(default=3_600_000, ge=10, le=86_400_000)
    """How often a bank is queried about a payout, beside its notifications; banks pay within a day
    or two, so an hour after a lost notification is early."""
    payout_eur_road: Literal["single", "file"] = "single"
    """Whether payouts in euros go to the bank one by one, or as a file (pain.001) once a day."""
    payout_hour_utc: int = Field(default=4, ge=0, le=24)
    """From which hour of the day on the worker makes daily payouts, and the day's file after them;
    at 4 it is night in Europe, and banks take files of the same day until noon. With 24 it makes
    none, and `suya payouts file` does it by hand."""
    payout_debtor_name: str = Field(default="Suya", min_length=1, max_length=70)
    """The payer's name in files for the bank; SEPA has room for 70 characters."""
    payout_debtor_iban: str | None = Field(default=None, validate_default=True)
    """The platform's own account, from which files pay; needed where there are files."""

    hold_days: int = Field(default=7, ge=1, le=30)
    """Days after which an uncaptured authorization expires; card networks allow as many."""
    idempotency_kept_days: int = Field(default=30, ge=1, le=90)
    """Days an answer is kept under its key; Stripe keeps 30."""

    vault_public_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """The vault's address for browsers, as the api gives it to merchants; none means
    `vault_url`."""
    vault_port: int = Field(default=8020, ge=1, le=65535)
    """Port of the vault, on `host`."""
    vault_database_url: SecretStr | None = None
    """The vault's own database, with credentials of its own; none means the database `suya_vault`
    of the embedded PostgreSQL under `home`. Only the vault needs it."""
    vault_master_key: SecretStr | None = None
    """The master key(s) that wrap the vault's data keys: 32 bytes as base64 each, comma separated,
    the first one wraps. Only the vault may know it."""
    vault_master_key_file: Path | None = None
    """A file with the master key(s) instead, one a line, readable by its owner only (0600)."""
    vault_client_key: SecretStr | None = Field(default=None, min_length=32)
    """Shared by api and vault: signs the publishable keys (`pk_...`) of merchants."""
    vault_api_key: SecretStr | None = Field(default=None, min_length=32)
    """The key with which the api reads a token's brand and last digits, but no number."""
    vault_acquirer_url: str | None = Field(default=None, pattern=URL_PATTERN)
    """Where the vault sends card numbers for the processor `acquirer`; none means nowhere."""
    vault_acquirer_key: SecretStr | None = Field(default=None, min_length=16)
    """Bearer token for that. A key of its own where the acquirer has keys for one operation each;
    only the vault needs it."""
    vault_stripe_url: str = Field(default="https://api.stripe.com", pattern=URL_PATTERN)
    """Where the vault sends card numbers for the processor `stripe`; another one only for tests."""
    vault_stripe_key: SecretStr | None = Field(default=None, min_length=16)
    """Key of the Stripe account with which the vault makes payment methods, best a restricted one
    (`rk_...`) that may do nothing else; without it no number goes to Stripe."""
    vault_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    """Web pages that may post cards to the vault (CORS), comma separated. A publishable key is
    public, so any page may by default."""
    vault_doors: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses of proxies in front of the vault, comma separated, whose X-Forwarded-For names the
    caller. None means that callers connect themselves."""
    vault_address_cards_per_h: int = Field(default=600, ge=1, le=10_000_000)
    """Cards from one address in an hour, a tenth at once, in each vault process. A payer leaves one
    or two; hundreds of payers are behind one address of a mobile network."""
    vault_key_cards_per_h: int = Field(default=36_000, ge=1, le=10_000_000)
    """Cards under one key in an hour. Ten a second are more than a shop's busiest hour, and half of
    its merchant's, so that one key that runs away leaves room for another."""
    vault_merchant_cards_per_h: int = Field(default=72_000, ge=1, le=10_000_000)
    """Cards of one merchant in an hour: two keys' worth; moving a million cards takes 14 hours."""
    vault_bin_cards_per_h: int = Field(default=600, ge=1, le=10_000_000)
    """Cards of one merchant that begin with the same six digits, in an hour. 100,000 numbers have
    the same beginning and end, so trying all of them takes a week; most issuers give a shop fewer
    customers than that."""
    dispute_fee_returned: bool = False
    """Whether a merchant who wins a dispute gets its fee back; acquirers keep theirs however it
    ends, so the platform pays for it."""

    fx_source: Literal["auto", "fixed", "ecb"] = "auto"
    """Where rates come from: `fixed` is a table in the code, `ecb` the rates of `suya fx import`;
    `auto` is fixed in a sandbox and ecb elsewhere, because real money needs real rates."""
    fx_spread_bps: int = Field(default=100, ge=0, le=1_000)
    """The platform's margin on a conversion, in hundredths of a percent of the reference rate; card
    payments in another currency commonly cost between one and two percent."""
    fx_quote_s: int = Field(default=60, ge=1, le=3_600)
    """How long a quote holds: long enough to show it to a payer and have it accepted, and too short
    for a market to move by more than the spread."""
    fx_rates_age_days_max: int = Field(default=5, ge=1, le=31)
    """Reference rates older than this are not quoted. The longest time without new ones of the
    European Central Bank is from Maundy Thursday to the Tuesday after Easter."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto`: readable on a terminal, JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest severity that is written."""
    faults: str = ""
    """Fault points to arm, for crash tests only: `POINT[:action[:n]]`, comma separated."""

    @field_validator("regions", "vault_origins", "vault_doors", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Split the names of a variable or a flag at commas."""
        if not isinstance(value, str):
            return value
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator("payout_debtor_iban")
    @classmethod
    def _debtor(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Check the account number, which is required where payouts go by file."""
        if value is None:
            if info.data.get("payout_eur_road") == "file":
                raise ValueError("is needed where SUYA_PAYOUT_EUR_ROAD is 'file'")
            return None
        number = iban.parse(value)
        if not iban.is_in_sepa(number):
            raise ValueError("is an account outside SEPA")
        return number

    @field_validator("saga_backoff_ms", mode="before")
    @classmethod
    def _pauses(cls, value: object) -> object:
        """Parse milliseconds, separated by commas: at least one pause, and none negative."""
        if isinstance(value, str):
            value = tuple(value.split(","))
        if not isinstance(value, tuple) or not all(str(ms).strip().isdecimal() for ms in value):
            raise ValueError("must be whole numbers of milliseconds, comma separated")
        if any(int(ms) > MONTH_MS for ms in value):
            raise ValueError(f"must be at most {MONTH_MS} each, which is 31 days")
        return tuple(int(ms) for ms in value)

    @model_validator(mode="after")
    def _check_rates(self) -> Self:
        """Refuse made-up rates where money is real."""
        if self.environment == "production" and self.fx_source == "fixed":
            raise ValueError("SUYA_FX_SOURCE: 'fixed' is for a sandbox; production takes 'ecb'")
        return self

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **flags: Any) -> Self:
        """Load the settings of this process: flags first, then variables, then defaults.

        Raises:
            SettingsError: with one line for each unknown variable and each bad value.
        """
        environ = os.environ if environ is None else environ
        known = {f"SUYA_{name.upper()}" for name in cls.model_fields}
        # The test suite's own switches belong to tests/, not to a process of the product.
        given = {
            k: v
            for k, v in environ.items()
            if k.startswith("SUYA_") and not k.startswith("SUYA_TEST_")
        }
        faults = [f"{name}: unknown setting" for name in sorted(given.keys() - known)]
        values: dict[str, Any] = {
            k.removeprefix("SUYA_").lower(): v for k, v in given.items() if k in known
        }
        values |= {name: value for name, value in flags.items() if value is not None}
        try:
            settings = cls(**values)
        except ValidationError as error:
            faults += [_fault(e["loc"], e["msg"]) for e in error.errors()]
        if faults:
            raise SettingsError("\n".join(faults))
        return settings


def _fault(place: tuple[int | str, ...], message: str) -> str:
    """A line about one variable; a fault of several names them itself."""
    return f"SUYA_{str(place[0]).upper()}: {message}" if place else message.partition(", ")[2]
