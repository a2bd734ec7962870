"""The messages of `suya chaos` when it refuses."""

import json

import pytest
from typer.testing import CliRunner

from app.cli.application import build


def suya(*words: str) -> tuple[int, str]:
    """The exit code and the whole output."""
    result = CliRunner().invoke(build(words), list(words))
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "--scenario", "earthquake"), 2, "no scenario 'earthquake'"),
        (("run", "--scenario", "database-kill", "--target", "cluster"), 2, "cannot run on cluster"),
        (("run", "--scenario", "region-loss"), 2, "cannot run on embedded"),
        (("run", "--target", "moon"), 2, "moon"),
        (("run", "--rate", "0"), 2, "--rate"),
        (("run", "--faults", "0"), 2, "--faults"),
        (("run", "--seed", "-1"), 2, "--seed"),
        (("check", "/nowhere/history", "--database-url", "postgresql://h/d"), 1, "/nowhere"),
        (("check", "/nowhere/history"), 1, "--database-url"),
    ],
)
def test_a_wrong_argument_is_one_sentence(words: tuple[str, ...], code: int, said: str) -> None:
    """A wrong argument is a sentence and an exit code, and nothing is started."""
    assert suya("chaos", *words)[0] == code
    assert said in suya("chaos", *words)[1]


def test_a_cluster_without_its_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CockroachDB's program the cluster is refused, and the sentence names the program."""
    monkeypatch.setenv("PATH", "/nonexistent")
    code, said = suya("chaos", "run", "--target", "cluster", "--scenario", "node-kill")

    assert code == 1
    assert "cockroach" in said


def test_the_list_says_what_runs_where() -> None:
    """Every scenario is listed with a description, and the reason where a target cannot have it."""
    code, said = suya("chaos", "list", "--json")
    rows = {row["scenario"]: row for row in json.loads(said)}

    assert code == 0
    assert {"storm", "adversity", "commit-cut", "clock", "leaseholder-kill"} <= rows.keys()
    assert rows["commit-cut"]["why_not"]["embedded"] == ""
    assert rows["database-kill"]["why_not"]["cluster"] == "no such fault"
    for scenario in ("acquirer-slow", "acquirer-down", "acquirer-lies", "worker-kill"):
        assert rows[scenario]["why_not"]["embedded"] == ""
        assert rows[scenario]["why_not"]["cluster"] == "no such fault"
    assert suya("chaos", "list")[0] == 0


@pytest.mark.parametrize("command", ["run", "list", "check"])
def test_each_command_shows_an_example(command: str) -> None:
    """The help has a line to copy."""
    code, said = suya("chaos", command, "--help")

    assert code == 0
    assert f"suya chaos {command}" in said
