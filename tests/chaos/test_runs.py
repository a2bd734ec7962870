"""Short runs for real: faults under load on the embedded database, and everything checked."""

import contextlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psutil
import pytest

from app.base import ids
from app.devkit.chaos import History, timeline
from app.devkit.chaos.embedded import EmbeddedTarget
from app.devkit.chaos.model import AcquirerBooks, Wrong
from app.devkit.chaos.plan import SCENARIOS, Injection, Kind, draw
from app.devkit.chaos.rails import Rails
from app.devkit.chaos.report import ChaosReport, report
from app.devkit.chaos.run import ChaosPlan, run
from app.devkit.chaos.targets import Options, Target, TargetKind

RATE_PER_S = 20  # other tests run at the same time
CALM_S = 0.5  # nothing is compared with it here
STRANGE = ids.encode("payment", ids.new())


async def run_on(
    target: Target, injections: list[Injection], folder: Path
) -> tuple[ChaosReport, History]:
    """The findings of a short run."""
    plan = ChaosPlan(
        scenario="test", seed=1, rate_per_s=RATE_PER_S, injections=injections, calm_s=CALM_S
    )
    history = History.recorded(folder / "history")
    measured = await run(plan, target, history, print)
    history.close()
    return report(history, measured), history


def injection(number: int, kind: Kind, chance: int = 1) -> Injection:
    """A fault soon and short."""
    return Injection(number, "faults", kind, pause_s=0.3, hold_s=0.3, chance=chance)


@pytest.mark.chaos
@pytest.mark.slow
async def test_faults_under_load_lose_and_double_nothing() -> None:
    """A killed api, a killed database, cut commits and a schema change lose no money."""
    kinds = [Kind.API_KILL, Kind.DATABASE_KILL, Kind.COMMIT_CUT, Kind.SCHEMA_CHANGE]
    with TemporaryDirectory(prefix="suya-test-") as name:
        folder = Path(name)
        found, history = await run_on(
            EmbeddedTarget(folder, Options(is_proxied=True)),
            [injection(number, kind) for number, kind in enumerate(kinds, 1)],
            folder,
        )
        timeline.draw(history, folder / "timeline.png")
        read = History.read(folder / "history")

        assert (folder / "timeline.png").stat().st_size > 0
    assert found.findings == []
    assert found.verify == []
    assert found.passed
    assert found.faults == len(kinds)
    assert found.acknowledged > 0
    assert found.refused > 0
    assert read.requests == history.requests
    assert msgspec.json.encode(found)


@pytest.mark.chaos
@pytest.mark.slow
async def test_what_a_run_started_ends_with_it() -> None:
    """After a fault that fails, no process of the run is alive, and the run names the failure."""
    with TemporaryDirectory(prefix="suya-test-") as name:
        folder = Path(name)
        injections = draw(SCENARIOS["commit-cut"], TargetKind.EMBEDDED, 1, 1)
        broken = [msgspec.structs.replace(injections[0], kind=Kind.NODE_KILL)]
        found, _ = await run_on(EmbeddedTarget(folder, Options()), broken, folder)
        left = [p for p in psutil.Process().children(recursive=True) if name in said(p)]

    assert not found.passed
    assert [finding.wrong for finding in found.findings] == ["not_healed"]
    assert left == []


def said(process: psutil.Process) -> str:
    """The environment of a process, which names the folder of its run."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return f"{process.cmdline()} {process.cwd()} {process.environ()}"
    return ""


@pytest.mark.chaos
@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_killed_node_of_a_cluster_loses_no_money() -> None:
    """A killed node and cut commits lose and double nothing on CockroachDB."""
    if shutil.which("cockroach") is None:
        pytest.skip("no CockroachDB: put the program 'cockroach' on the PATH")
    from app.devkit.chaos.cluster import ClusterTarget

    with TemporaryDirectory(prefix="suya-test-") as name:
        folder = Path(name)
        found, _ = await run_on(
            ClusterTarget(folder, Options(is_proxied=True, is_in_memory=True)),
            [injection(1, Kind.NODE_KILL), injection(2, Kind.COMMIT_CUT)],
            folder,
        )

    assert found.findings == []
    assert found.verify == []
    assert found.faults == 2
    assert found.acknowledged > 0


OUTSIDE = [
    (Kind.ACQUIRER_SLOW, 0),
    (Kind.ACQUIRER_DOWN, 0),
    (Kind.ACQUIRER_DOWN, 1),
    (Kind.ACQUIRER_LIES, 7),
    (Kind.WORKER_KILL, 1),
]
"""What may happen to card payments under way, and the draw that decides how."""


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_failing_acquirer_loses_no_money() -> None:
    """Whatever the acquirer does, and whatever dies meanwhile, both books agree in the end."""
    # One run has all the faults, one after the other: its start takes longer than they do.
    faults = [
        msgspec.structs.replace(injection(number, kind, chance), hold_s=2.0)
        for number, (kind, chance) in enumerate(OUTSIDE, 1)
    ]
    with TemporaryDirectory(prefix="suya-test-") as name:
        folder = Path(name)
        found, history = await run_on(
            EmbeddedTarget(folder, Options(has_rails=True)), faults, folder
        )

    assert found.findings == []
    assert found.verify == []
    assert found.passed
    assert [mark.kind for mark in history.faults] == [kind for kind, _ in OUTSIDE]
    assert found.cards is not None
    assert found.cards.acknowledged > 0
    assert found.cards.authorizations >= found.cards.acknowledged


class ChargingRails(Rails):
    """An acquirer with a charge that Suya does not know, made just before its books are read."""

    def books(self) -> AcquirerBooks:
        """The books, with that charge."""
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}
        charge = {"merchant": "mer_1", "amount": 700, "currency": "USD", "capture": True}
        ask = self.acquirer.caller(self.acquirer.settings["acquirer_key"])
        ask.post("/v1/authorizations", charge | {"reference": STRANGE, "card": card})
        return super().books()


class ChargingTarget(EmbeddedTarget):
    """An embedded target with such an acquirer."""

    def _make_rails(self) -> Rails:
        return ChargingRails(self.postgres.vault_url, self.folder)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_charge_that_only_the_acquirer_knows_is_found() -> None:
    """Both comparisons name the charge, and the run does not pass."""
    with TemporaryDirectory(prefix="suya-test-") as name:
        folder = Path(name)
        found, _ = await run_on(ChargingTarget(folder, Options(has_rails=True)), [], folder)

    assert not found.passed
    assert {(one.wrong, one.object) for one in found.findings} == {(Wrong.DISAGREES, STRANGE)}
    assert len(found.findings) == 2
