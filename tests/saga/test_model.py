"""One run of a flow: its pauses, and when it is given up."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.base.settings import Settings, SettingsError
from app.engine.saga import External, Saga, model
from app.engine.saga.model import Flow
from tests.saga.errands import RunErrand, book_errands, run_errand, take_errands, undo_errand
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAUSES_MS = (5_000, 30_000, 300_000)


def flow(attempts: int = 0) -> Flow:
    return Flow(
        region="local",
        merchant_id=UUID(int=1),
        id=UUID(int=2),
        name="errand",
        object_id=UUID(int=2),
        recovery_point="run_errand",
        status="running",
        attempts=attempts,
        data="{}",
        note=None,
        key_id=None,
        correlation_id="req_1",
        created_at=NOW,
        updated_at=NOW,
        next_attempt_at=NOW,
        lease_until=NOW,
    )


@table("""
    attempts  early_s  pause_s  then  status
    0               -        5     1  running
    1               -       30     2  running
    2               -      300     3  running
    3               -      300     4  running   -- the last pause again
    4               -        0     5  parked    -- 5 are allowed
    0             900        5     1  running   -- early: it is known that nobody knows
    1              20        5     1  running   -- early: no attempt is used up
    1               3        3     1  running   -- early: no other is put off
    4              60       60     4  running
    4               0        0     5  parked    -- its time had come
""")
def test_back_off(row: Row) -> None:
    """Pauses grow; who asks before the time uses up no attempt and puts off no other."""
    it = flow(row.attempts)
    due_at = None if row.early_s is None else NOW + timedelta(seconds=row.early_s)

    model.postpone(it, NOW, "nobody knows", backoff_ms=PAUSES_MS, most=5, due_at=due_at)

    assert (it.attempts, it.status, it.lease_until) == (row.then, row.status, None)
    assert it.next_attempt_at == NOW + timedelta(seconds=row.pause_s)
    assert it.note == "nobody knows"


def test_another_step_begins_anew() -> None:
    """Attempts are counted per external step."""
    it = flow(attempts=3)

    model.go_on(it, NOW, undo_errand, "to be undone")

    assert (it.attempts, it.recovery_point, it.lease_until) == (0, "undo_errand", NOW)


def test_a_command_on_behalf_of_a_flow() -> None:
    """A flow's commands are of its merchant, wherever that is while it moves."""
    it = flow()
    it.former_region = "old"

    command = it.command(RunErrand, None, flow_id=UUID(int=3))

    assert command == RunErrand("local", UUID(int=1), None, "req_1", "old", UUID(int=3))


def test_a_flow_is_declared_of_its_own_steps() -> None:
    """What undoes a step is of the same flow, because a row names both."""

    async def undo_another(world: object, flow: Flow) -> None: ...

    stranger = External("another", undo_another)

    with pytest.raises(AssertionError, match="different flows"):
        Saga(take_errands, run_errand, book_errands, undo=stranger)


def test_pauses_are_read() -> None:
    """Pauses are whole milliseconds apart by commas."""
    settings = Settings.load({"SUYA_SAGA_BACKOFF_MS": "100, 200,400"})

    assert settings.saga_backoff_ms == (100, 200, 400)


@pytest.mark.parametrize("text", ["", ",", "100,", "-1", "1.5", "soon", "100 200", "9" * 30])
def test_pauses_that_are_none(text: str) -> None:
    """What is no list of pauses, or longer than a month, stops the start."""
    with pytest.raises(SettingsError, match="SUYA_SAGA_BACKOFF_MS"):
        Settings.load({"SUYA_SAGA_BACKOFF_MS": text})
