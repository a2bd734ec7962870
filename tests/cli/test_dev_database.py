"""The database of `suya dev`: how often it is restarted, and when `suya dev` stops trying."""

import signal
import time

import pytest

from app.devkit.dev import DevError
from app.devkit.dev.database import DevDatabase
from app.engine.database.embedded import EmbeddedPostgres

DEATHS_MAX = 5  # what the sentence says
ANY_TIME_S = 3_600.0  # deaths count together, however slow the machine is
GONE_S = 20


def kill(postgres: EmbeddedPostgres) -> None:
    """SIGKILL for all of it; returns when it has ended."""
    postgres.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + GONE_S
    while postgres.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_database_that_keeps_dying_is_given_up(
    postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five deaths are followed by restarts, and the sixth by one sentence that names the log."""
    database = DevDatabase(postgres, within_s=ANY_TIME_S)

    for _ in range(DEATHS_MAX):
        kill(postgres)
        database.mend()
        assert postgres.is_running()
    kill(postgres)
    with pytest.raises(DevError, match="The database died 6 times within 3600 s") as given_up:
        database.mend()

    said = capsys.readouterr().out.splitlines()
    assert [line[:35] for line in said] == ["database died; starting it again, it"[:35]] + [
        "database died; starting it again in"
    ] * (DEATHS_MAX - 1)
    assert "database system" in str(given_up.value)  # what its log ends with


def test_deaths_that_are_far_apart_do_not_count_together(postgres: EmbeddedPostgres) -> None:
    """A database that dies now and then is restarted each time."""
    database = DevDatabase(postgres, within_s=0.0)

    for _ in range(DEATHS_MAX + 1):
        kill(postgres)
        database.mend()

    assert postgres.is_running()


@pytest.mark.parametrize("within_s", [ANY_TIME_S, 0.0])
def test_a_database_that_cannot_start_any_more_is_given_up(
    within_s: float, postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    """After five failed starts, however long each took, `suya dev` ends with the reason of each."""
    database = DevDatabase(postgres, within_s=within_s)
    kill(postgres)
    (postgres.data_dir / "PG_VERSION").write_text("0\n")

    with pytest.raises(DevError, match="is left alone"):
        database.mend()

    assert capsys.readouterr().out.count("could not start") == DEATHS_MAX
    assert not postgres.is_running()
