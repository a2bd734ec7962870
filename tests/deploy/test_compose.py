"""The compose file is valid, names only what exists, and keeps what operators rely on."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from compose_spec import PyCompose, parse_duration
from compose_spec.models import ComposeSpecification

from app.base.settings import Settings
from tests.support.balancer import program
from tests.support.compose import COMPOSE, ROOT, SERVICES, Service, load_compose, words

# Program in an image -> the program here that knows its flags, and its Debian package.
_FLAGS_OF = {
    "cockroachdb/cockroach": ("cockroach", "cockroach"),
    "prom/prometheus": ("prometheus", "prometheus"),
    "prom/alertmanager": ("prometheus-alertmanager", "prometheus-alertmanager"),
}


def _is_job(service: Service) -> bool:
    return bool(service.get("restart") == "on-failure")


def _running() -> Iterator[tuple[str, Service]]:
    return ((name, service) for name, service in SERVICES.items() if not _is_job(service))


def test_the_file_is_valid() -> None:
    """Every attribute, duration, port and reference is as the Compose specification says."""
    PyCompose.from_json(json.dumps(COMPOSE)).validate()
    ComposeSpecification.model_validate(COMPOSE)


@pytest.mark.parametrize(
    ("service", "attribute"),
    [("grafana", {"restrat": "always"}), ("grafana", {"stop_grace_period": "15 apples"})],
)
def test_a_wrong_file_is_not(service: str, attribute: dict[str, str]) -> None:
    """The test above would notice a misspelt attribute or a bad value."""
    wrong = load_compose()
    wrong["services"][service] |= attribute
    with pytest.raises(ValueError, match=r"restrat|duration|number|unit"):
        PyCompose.from_json(json.dumps(wrong)).validate()


def test_three_regions_of_one_node_or_three() -> None:
    """Each region has a node, an api and a worker, and two nodes more in the profile `full`."""
    localities: dict[str, list[bool]] = {}
    for service in SERVICES.values():
        for region in re.findall(r"--locality=region=([\w-]+)", " ".join(words(service))):
            localities.setdefault(region, []).append(service.get("profiles") == ["full"])
    for command in ("serve", "worker"):
        assert {
            service["environment"]["SUYA_REGION"]
            for service in SERVICES.values()
            if words(service) == ["suya", command]
        } == set(localities)

    assert set(localities) == {"eu-central-1", "us-east-1", "ap-south-1"}
    assert all(sorted(full) == [False, True, True] for full in localities.values())


def test_what_is_mounted_or_built_exists() -> None:
    """Every file, folder and Dockerfile that is named is here, and so is what it copies."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (
                (ROOT / source).exists()
                if source.startswith(".")
                else (source in COMPOSE["volumes"])
            ), f"{name}: {volume}"
        if "build" in service:
            context = ROOT / service["build"]["context"]
            dockerfile = context / service["build"].get("dockerfile", "Dockerfile")
            for line in dockerfile.read_text("utf-8").splitlines():
                if line.startswith("COPY ") and "--from" not in line:
                    assert all((context / source).exists() for source in line.split()[1:-1]), line


def test_images_are_pinned() -> None:
    """What is not built here has a version."""
    for name, service in SERVICES.items():
        if "build" not in service:
            # PostgreSQL's versions have two numbers.
            assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+(\.\d+)?", service["image"]), name


def test_everything_that_runs_is_watched_and_restarted() -> None:
    """Whatever is no job has a health check, a restart policy and a time to stop."""
    for name, service in _running():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name
        assert "stop_grace_period" in service, name


def test_the_grace_is_longer_than_the_drain() -> None:
    """A process is not killed while it still finishes its work."""
    fields = Settings.model_fields
    drain_ms = fields["drain_notice_ms"].default + fields["drain_timeout_ms"].default
    for name, service in _running():
        if words(service)[:1] == ["suya"]:
            grace: Any = parse_duration(service["stop_grace_period"])
            seconds = grace.total_seconds() if hasattr(grace, "total_seconds") else grace
            assert seconds * 1000 >= drain_ms + 5_000, name  # for the process around, and slowness


def test_nothing_is_opened_to_the_world() -> None:
    """Ports are on this machine only, because the cluster trusts whatever reaches it."""
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"


def test_secrets_come_from_the_environment() -> None:
    """The file has no secret, and the error names a missing one."""
    text = (ROOT / "compose.yaml").read_text("utf-8")

    assert "${SUYA_ADMIN_KEY:?" in text
    assert "${GRAFANA_PASSWORD:?" in text
    assert "${COCKROACH_LICENSE:-}" in text


def test_our_commands_and_settings_exist() -> None:
    """Every command of `suya` is one, with its flags, and every variable is a setting."""
    commands = {tuple(words(s)) for s in SERVICES.values() if words(s)[:1] == ["suya"]}
    for command in commands:
        named = [word for word in command[1:] if not word.startswith("-")]
        depth = 2 if named[0] in {"regions", "vault"} else 1
        shown = subprocess.run(
            [sys.executable, "-m", "app.cli", *command[1 : depth + 1], "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert shown.returncode == 0, shown.stderr
        for flag in (word for word in command if word.startswith("--")):
            assert flag in shown.stdout, f"{command}: {flag}"
    known = {f"SUYA_{name.upper()}" for name in Settings.model_fields}
    for name, service in SERVICES.items():
        if service.get("image") in {"suya", "suya-sandbox"}:
            assert set(service["environment"]) <= known, name


def test_commands_of_the_balancer_exist() -> None:
    """The commands of the balancer's image were copied into it, and can be run."""
    folder = ROOT / "deploy" / "haproxy"
    for name, service in SERVICES.items():
        if service.get("image") != "suya-balancer":
            continue
        for word in [*words(service), *service["healthcheck"]["test"]]:
            if word.startswith("/opt/balancer/"):
                file = folder / word.removeprefix("/opt/balancer/")
                assert file.name in (folder / "Dockerfile").read_text("utf-8"), name
                assert file.suffix == ".cfg" or file.stat().st_mode & 0o111, name


@pytest.mark.parametrize("image", _FLAGS_OF)
def test_flags_of_other_programs_exist(image: str) -> None:
    """Every flag that another program is started with is one it has."""
    name, package = _FLAGS_OF[image]
    path = program(name, package)
    for service in SERVICES.values():
        line = words(service)
        if service["image"].partition(":")[0] != image or line[:1] == ["bash"]:
            continue
        command = [word for word in line[:1] if not word.startswith("-")]
        shown = subprocess.run(
            [path, *command, "--help"], capture_output=True, text=True, check=False, timeout=60
        )
        for flag in (word.partition("=")[0] for word in line if word.startswith("--")):
            assert re.search(rf"{flag}\b", shown.stdout + shown.stderr), f"{name} {flag}"


def test_the_entrance_is_valid() -> None:
    """HAProxy accepts the file of the entrance, which leads to the pair's address."""
    checked = subprocess.run(
        [program("haproxy", "haproxy"), "-c", "-f", ROOT / "deploy/haproxy/entrance.cfg"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    pair = (ROOT / "deploy/haproxy/keepalived.conf").read_text("utf-8")

    assert checked.returncode == 0, checked.stderr
    [address] = re.findall(r"virtual_ipaddress \{\s+([\d.]+)/", pair)
    assert f"server pair {address}:8000" in (ROOT / "deploy/haproxy/entrance.cfg").read_text(
        "utf-8"
    )
    for number, name in enumerate(("one", "two"), 1):
        own = SERVICES[f"haproxy-{number}"]["networks"]["default"]["ipv4_address"]
        assert f"@{name} unicast_src_ip {own}" in pair
