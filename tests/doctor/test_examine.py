"""`suya doctor` on sound and on faulty installations."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from app.base.settings import Settings
from app.domains.merchants.admin import create_merchant
from app.operate.doctor import Diagnosis, examine
from tests.support.commands import run_suya
from tests.support.databases import Server, execute
from tests.support.engine import opened
from tests.support.processes import environ, free_port

if TYPE_CHECKING:
    from tests.support.processes import ApiProcess

CHECKS = (
    "settings database version durability schema isolation clock connections statistics regions "
    "worker port"
).split()


async def look(url: str, **settings: Any) -> dict[str, Diagnosis]:
    """Run the checks; returns the results by check."""
    free = {"port": free_port()} | settings
    found = await examine(Settings.load({}, database_url=url, **free), url)
    return {one.check: one for one in found}


async def test_a_sound_installation_is_well(database_url: str) -> None:
    """On a fresh database nothing fails, and every check was made."""
    found = await look(database_url)

    assert list(found) == CHECKS
    assert [one for one in found.values() if one.verdict != "ok"] == []


async def test_a_missing_worker_is_remarked(database_url: str) -> None:
    """With a merchant and without a lease, the worker's check is a remark."""
    async with opened(database_url) as database:
        await create_merchant(database, name="stall", home_region="local")

    worker = (await look(database_url))["worker"]

    assert (worker.verdict, worker.mend) == ("warn", "suya worker")


async def test_an_old_schema_is_a_failure(server: Server) -> None:
    """A database that was not migrated fails one check, with the command that mends it."""
    execute(server.url_of("postgres"), "CREATE DATABASE bare")

    found = await look(server.url_of("bare"))

    assert [(one.check, one.mend) for one in found.values() if one.verdict == "fail"] == [
        ("schema", "suya migrate")
    ]


async def test_an_unreachable_database_hides_its_password() -> None:
    """The line about an unreachable database has its address only, and no more is checked."""
    url = f"postgresql+psycopg://u:hushhush@127.0.0.1:{free_port()}/suya?password=hushhush"

    found = await look(url)

    assert list(found) == ["settings", "database", "port"]
    assert found["database"].verdict == "fail"
    assert "hushhush" not in found["database"].said


async def test_armed_faults_are_a_failure(database_url: str) -> None:
    """SUYA_FAULTS is for tests, so it fails its check."""
    assert (await look(database_url, faults="BEFORE_COMMIT"))["settings"].verdict == "fail"


async def test_an_api_of_ours_may_hold_the_port(
    database_url: str, api_process: "ApiProcess"
) -> None:
    """A port that an api of Suya's uses is in order."""
    port = int(api_process.url.rpartition(":")[2])

    found = await look(database_url, port=port)

    assert (found["port"].verdict, "answers" in found["port"].said) == ("ok", True)


async def test_the_command_reports_and_fails(database_url: str) -> None:
    """The command prints a table for people, or JSON, and exits with 1 if anything fails."""
    variables = environ(database_url=database_url, port=str(free_port()))

    well = run_suya(variables, "doctor", "--json")
    told = run_suya(variables, "doctor")
    ill = run_suya({**variables, "SUYA_PRT": "1"}, "doctor")

    assert well.returncode == 0, well.stdout
    assert [one["check"] for one in json.loads(well.stdout)["found"]] == CHECKS
    assert all(check in told.stdout for check in CHECKS)
    assert ill.returncode == 1
    assert "SUYA_PRT: unknown setting" in ill.stdout


@pytest.mark.cluster
async def test_a_sound_cluster_is_well(cockroach_url: str) -> None:
    """On CockroachDB nothing fails, and the administrator sees nodes, ranges and the licence."""
    found = await look(cockroach_url)

    assert set(found) == {*CHECKS, "nodes", "ranges", "licence"}
    assert [one for one in found.values() if one.verdict == "fail"] == []
    assert [one for one in found.values() if "may not see" in one.said] == []
