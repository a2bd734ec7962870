"""The monitored metrics exist: the files are valid, and processes really have every metric."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.balancer import Balancer, program
from tests.support.client import Api
from tests.support.nodes import Nodes
from tests.support.processes import ApiProcess, WorkerProcess, free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HERE = Path(__file__).parent
_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}
# What Prometheus says itself of whatever it asks.
_OF_PROMETHEUS = {"up"}


def expressions() -> Iterator[str]:
    """Every expression of the rules and of the dashboards."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for path in (DEPLOY / "grafana" / "dashboards").glob("*.json"):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def names(expression: str) -> set[str]:
    """The metrics an expression asks for."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring) *\([^)]*\)", " ", bare)
    found = re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*(?![\w:]* *\()", bare)
    return set(found) - _WORDS


def told(text: str) -> set[str]:
    """The names of the series in a text of Prometheus' format, by its TYPE lines.

    A family without a series yet is told by them too.
    """
    families = re.findall(r"^# TYPE (\S+) (\w+)$", text, flags=re.MULTILINE)
    plain = {name for name, _ in families}
    histograms = {name for name, kind in families if kind == "histogram"}
    return plain | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}


@pytest.fixture(scope="module")
def wanted() -> set[str]:
    """Every metric that a rule or a dashboard asks for."""
    return set().union(*map(names, expressions())) - _OF_PROMETHEUS


def test_names_are_found_in_expressions() -> None:
    """Functions, labels, ranges and words of the language are not taken for metrics."""
    expression = 'sum by (le) (rate(a_b_bucket{c="d"}[5m])) / on (e) up{f=~"g"} > 2e6 unless h:i'

    assert names(expression) == {"a_b_bucket", "up", "h:i"}


async def test_suya_has_its_metrics(
    api: Api, database_url: str, tmp_path: Path, wanted: set[str]
) -> None:
    """The metrics of Suya in the expressions are those of an api or a worker."""
    ours = {name for name in wanted if name.startswith(("suya_", "process_"))}
    with WorkerProcess(database_url, tmp_path, metrics_port=str(free_port())).start() as worker:
        of_worker = told(worker.read_metrics())
    of_api = told((await api.get("/metrics")).text)

    assert ours
    assert ours - of_api == set()
    assert {name for name in ours if "verify" in name or "expired" in name} - of_worker == set()


def test_the_balancer_has_its_metrics(
    api_process: ApiProcess, tmp_path: Path, wanted: set[str]
) -> None:
    """The metrics of HAProxy in the expressions are HAProxy's."""
    asked = {name for name in wanted if name.startswith("haproxy_")}
    with Balancer([api_process], tmp_path).start(1) as balancer:
        assert asked
        assert asked - told(balancer.metrics()) == set()


@pytest.mark.cluster
def test_the_database_has_its_metrics(tmp_path: Path, wanted: set[str]) -> None:
    """All other metrics in the expressions are CockroachDB's."""
    asked = {name for name in wanted if not name.startswith(("suya_", "process_", "haproxy_"))}
    with Nodes(tmp_path) as nodes:
        found = told(nodes.all[0].get("/_status/vars").text)

    assert asked
    assert asked - found == set()


def _check(*command: str | Path) -> None:
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_takes_its_files() -> None:
    """The configuration and the rules are valid."""
    _check(
        program("promtool", "prometheus"), "check", "config", DEPLOY / "prometheus/prometheus.yml"
    )


def test_alerts_come_when_they_should() -> None:
    """The rules say what `rules.test.yml` expects of its histories."""
    _check(program("promtool", "prometheus"), "test", "rules", HERE / "rules.test.yml")


def test_alertmanager_takes_its_file() -> None:
    """The configuration is valid."""
    _check(
        program("amtool", "prometheus-alertmanager"),
        *("check-config", DEPLOY / "alertmanager/alertmanager.yml"),
    )


def test_grafana_finds_its_dashboards() -> None:
    """Panels use the provisioned datasource, and dashboards are where they are mounted."""
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text("utf-8"))[
        "datasources"
    ]
    [provider] = yaml.safe_load((provisioning / "dashboards/suya.yaml").read_text("utf-8"))[
        "providers"
    ]
    volumes = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["grafana"][
        "volumes"
    ]
    dashboard = json.loads((DEPLOY / "grafana/dashboards/suya.json").read_text("utf-8"))

    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in volumes
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
