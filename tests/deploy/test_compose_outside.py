"""Which services reach the vault and the acquirer in the compose file, and with which settings."""

import base64
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy import make_url

from app.base.settings import Settings, SettingsError
from app.sandbox.acquirer.notifier import Secret
from app.vault import MasterKeys
from tests.support.compose import (
    COMPOSE,
    ROOT,
    SERVICES,
    find_reachable,
    make_secrets,
    networks,
    reached_as,
    told,
    words,
)

_OURS = [name for name, service in SERVICES.items() if service["image"] in {"suya", "suya-sandbox"}]
_CALLERS = [name for name in _OURS if words(SERVICES[name])[1] in {"serve", "worker"}]
# Addresses of this machine, for browsers; they are published and not for other services.
_PUBLIC = {"SUYA_VAULT_PUBLIC_URL", "SUYA_ACQUIRER_PUBLIC_URL"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The secrets that `deploy/secrets` makes."""
    return make_secrets(tmp_path_factory.mktemp("secrets") / ".env")


@pytest.mark.parametrize("name", _OURS)
def test_each_process_has_valid_settings(name: str, secrets: dict[str, str]) -> None:
    """With fresh secrets the settings of each process are valid, to the last of them."""
    Settings.load(told(name, secrets))


def test_a_wrong_secret_would_be_noticed(secrets: dict[str, str]) -> None:
    """The test above would see a key that is too short."""
    with pytest.raises(SettingsError, match="SUYA_VAULT_API_KEY"):
        Settings.load(told("vault", secrets | {"SUYA_VAULT_API_KEY": "short"}))


def test_every_secret_is_asked_for_and_made(secrets: dict[str, str]) -> None:
    """The file needs exactly the secrets that `deploy/secrets` makes."""
    text = (ROOT / "compose.yaml").read_text("utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", text))

    assert asked == set(secrets)
    for name in asked:
        without = {key: value for key, value in secrets.items() if key != name}
        with pytest.raises(KeyError, match=rf"{name}: .*deploy/secrets"):
            _tell_all(without)


def _tell_all(secrets: dict[str, str]) -> None:
    for service in SERVICES:
        told(service, secrets)


def test_secrets_are_made_once_and_for_their_owner(tmp_path: Path) -> None:
    """A second run changes nothing, keeps existing secrets, and others cannot read the file."""
    file = tmp_path / ".env"
    file.write_text("SUYA_ADMIN_KEY=chosen-by-somebody")

    first = make_secrets(file)

    assert make_secrets(file) == first
    assert first["SUYA_ADMIN_KEY"] == "chosen-by-somebody"
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first["VAULT_DATABASE_PASSWORD"].isalnum()  # it stands in an address


def test_keys_that_are_made_are_keys(secrets: dict[str, str]) -> None:
    """The vault takes the master key, and the acquirer its secret."""
    MasterKeys.load(Settings.load(told("vault", secrets)))
    secret = secrets["SUYA_ACQUIRER_NOTIFICATION_SECRET"]
    Secret(secret)

    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("name", _OURS)
def test_every_address_leads_somewhere(name: str, secrets: dict[str, str]) -> None:
    """Each address in a setting is a service's, on a network of both, at its port."""
    environment = told(name, secrets)
    urls = {key: url for key, url in environment.items() if re.search("_URLS?$", key)}
    for key, url in urls.items():
        if key in _PUBLIC:
            continue
        if "DATABASE" in key:
            parsed = make_url(url)
            given = parsed.query.get("host", parsed.host)
            hosts = [given] if isinstance(given, str) else list(given or ())
            assert hosts
            for host in hosts:
                assert find_reachable(name, host.partition(":")[0]), f"{key}: {host}"
            continue
        address = urlsplit(url)
        [service] = find_reachable(name, str(address.hostname))
        assert address.port == _port_of(service, secrets), f"{key}: {url}"


def _port_of(service: str, secrets: dict[str, str]) -> int:
    """The port of a service that has an address in a setting."""
    if service == "entrance":
        return 8000
    settings = Settings.load(told(service, secrets))
    return settings.vault_port if service == "vault" else settings.acquirer_port


@pytest.mark.parametrize("name", _CALLERS)
def test_each_api_and_worker_has_both_addresses(name: str, secrets: dict[str, str]) -> None:
    """Each api and worker has the addresses of vault and acquirer, and keys that these accept."""
    environment, vault, acquirer = (told(one, secrets) for one in (name, "vault", "acquirer"))

    assert find_reachable(name, str(urlsplit(environment["SUYA_VAULT_URL"]).hostname)) == ["vault"]
    assert environment["SUYA_ACQUIRER_URL"] == vault["SUYA_VAULT_ACQUIRER_URL"]
    assert vault["SUYA_VAULT_ACQUIRER_KEY"] == acquirer["SUYA_ACQUIRER_KEY"]
    for key in ("CLIENT", "API", "PROCESSOR"):
        assert environment[f"SUYA_VAULT_{key}_KEY"] == vault[f"SUYA_VAULT_{key}_KEY"]
    for key in ("KEY", "NOTIFICATION_SECRET"):
        assert environment[f"SUYA_ACQUIRER_{key}"] == acquirer[f"SUYA_ACQUIRER_{key}"]


def test_each_region_has_both_callers() -> None:
    """There is an api and a worker in each of three regions, which the test above covers."""
    assert sorted(_CALLERS) == [
        f"{kind}-{region}" for kind in ("api", "worker") for region in ("ap", "eu", "us")
    ]


def test_only_callers_and_the_door_are_beside_the_vault(secrets: dict[str, str]) -> None:
    """The vault listens on one network, which has only apis, workers and its door."""
    [listens_at] = [
        options["ipv4_address"] for options in SERVICES["vault"]["networks"].values() if options
    ]

    assert told("vault", secrets)["SUYA_HOST"] == listens_at
    assert SERVICES["vault"]["networks"]["cards"] == {"ipv4_address": listens_at}
    beside = {name for name in SERVICES if "cards" in networks(name)}
    assert beside == {"vault", "vault-door", *_CALLERS}
    assert "default" not in networks("vault")
    assert COMPOSE["networks"]["cards"]["internal"]


def test_only_the_vault_reaches_its_database() -> None:
    """Its database is on a network with the vault and its migration alone, and is not published."""
    beside = {name for name in SERVICES if "vault" in networks(name)}

    assert beside == {"vault", "vault-migrate", "vault-database"}
    assert networks("vault-database") == {"vault"}
    assert COMPOSE["networks"]["vault"]["internal"]
    assert "ports" not in SERVICES["vault-database"]
    assert "ports" not in SERVICES["vault"]


def test_only_the_vault_knows_what_opens_cards(secrets: dict[str, str]) -> None:
    """The vault alone has the master key; only its migration also has its database's password."""

    def knows(value: str) -> set[str]:
        return {
            name for name in SERVICES if any(value in text for text in told(name, secrets).values())
        }

    assert knows(secrets["SUYA_VAULT_MASTER_KEY"]) == {"vault"}
    assert knows(secrets["VAULT_DATABASE_PASSWORD"]) == {
        "vault",
        "vault-migrate",
        "vault-database",
    }
    assert "vault" not in knows(secrets["SUYA_ADMIN_KEY"])
    assert "acquirer" not in knows(secrets["SUYA_VAULT_PROCESSOR_KEY"])


def test_prometheus_reaches_all_it_asks() -> None:
    """Every target of its configuration is a service on its network, the vault by its door."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    asked: dict[str, set[str]] = {}
    for job in config["scrape_configs"]:
        named = {name for one in job.get("dns_sd_configs", []) for name in one["names"]}
        named |= {
            target.partition(":")[0]
            for one in job.get("static_configs", [])
            for target in one["targets"]
        }
        asked[job["job_name"]] = named
    for name in set().union(*asked.values()) - {"localhost"}:
        assert find_reachable("prometheus", name), name

    assert asked["vault"] == {"vault-door"}
    assert asked["acquirer"] == {"acquirer"}
    assert not find_reachable("prometheus", "vault")


def test_the_acquirer_is_for_sandboxes() -> None:
    """The acquirer is in a profile of its own, and keeps its records over restarts."""
    acquirer = SERVICES["acquirer"]

    assert acquirer["profiles"] == ["sandbox"]
    assert acquirer["volumes"] == ["acquirer:/var/lib/suya"]
    assert [name for name in SERVICES if "sandbox" in SERVICES[name].get("profiles", [])] == [
        "acquirer"
    ]
    assert reached_as("acquirer") == {"acquirer"}
