"""The faults of a run are a function of scenario, target, number and seed."""

import pytest

from app.devkit.chaos.faults import why_not
from app.devkit.chaos.plan import PROFILES, SCENARIOS, Kind, draw, kinds_for
from app.devkit.chaos.targets import TargetKind

STORM = SCENARIOS["storm"]


@pytest.mark.parametrize("target", TargetKind)
def test_the_same_seed_draws_the_same_storm(target: TargetKind) -> None:
    """Two draws are equal, and another seed makes another storm."""
    assert draw(STORM, target, 50, 7) == draw(STORM, target, 50, 7)
    assert draw(STORM, target, 50, 7) != draw(STORM, target, 50, 8)


def test_a_shorter_storm_is_the_beginning_of_a_longer_one() -> None:
    """The number of faults does not change which come first."""
    longer = draw(STORM, TargetKind.EMBEDDED, 30, 7)

    assert longer[:20] == draw(STORM, TargetKind.EMBEDDED, 20, 7)
    assert len({one.kind for one in longer}) > 5


@pytest.mark.parametrize("target", TargetKind)
@pytest.mark.parametrize("name", SCENARIOS)
def test_only_faults_that_a_target_can_have_are_drawn(name: str, target: TargetKind) -> None:
    """As many faults are drawn as wanted, each of the scenario and the target, in its limits."""
    scenario = SCENARIOS[name]
    kinds = kinds_for(scenario, target)
    found = draw(scenario, target, 10, 3)

    assert len(found) == (10 if kinds else 0)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    for one in found:
        least_s, most_s = PROFILES[one.kind].hold_s
        assert one.kind in kinds
        assert least_s <= one.hold_s <= most_s


def test_adversity_goes_through_its_phases_in_order() -> None:
    """Every phase has its faults, and none comes back."""
    phases = [one.phase for one in draw(SCENARIOS["adversity"], TargetKind.EMBEDDED, 10, 1)]

    assert phases == sorted(phases, key=phases.index)
    assert list(dict.fromkeys(phases)) == [
        *("internal stress", "pauses", "cuts", "restarts", "region loss"),
    ]


def test_every_fault_is_a_scenario_and_runs_somewhere() -> None:
    """Each kind is a scenario by its name, and some target has it."""
    for kind in Kind:
        assert kind.value in SCENARIOS
        assert PROFILES[kind].targets
        assert PROFILES[kind].what


def test_what_this_machine_lacks_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without faketime the clock cannot be shifted, and the reason names the program."""
    monkeypatch.setattr("app.devkit.chaos.faults.find_program", lambda _: None)

    assert "faketime" in why_not(Kind.CLOCK)
    assert why_not(Kind.API_KILL) == ""
