"""`suya dev`: one command runs everything, its printed lines work, and it ends as it should."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.base.process import PortUnusable, check_port
from app.engine.database.embedded import EmbeddedPostgres
from tests.support import processes
from tests.support.commands import COMMAND, environ_of, run_suya, temporary_home

READY_S = 60
STOP_S = 10  # what the promise says
RIGHT_BY_ITSELF_S = 60  # what the printed line says
MEND_S = 20  # a death is noticed, a pause is made, a Python is started


class Dev:
    """A running `suya dev`."""

    def __init__(self, environ: Mapping[str, str], port: int) -> None:
        self.environ = dict(environ)
        self.home = Path(environ["SUYA_HOME"])
        self.process = subprocess.Popen(
            [*COMMAND, "dev", "--port", str(port)],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, mark: str, within_s: float) -> list[str]:
        """Read its output up to a line with `mark`."""
        said: list[str] = []
        deadline = time.monotonic() + within_s
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line.rstrip("\n"))
            if mark in line:
                return said
            assert time.monotonic() < deadline, said
        raise AssertionError(f"it ended before it said {mark!r}: {said}")

    def curl_lines(self) -> list[str]:
        """The lines that it prints for a newcomer to paste, once it is ready."""
        self.lines = self.lines or [
            line
            for line in self.read_until("Ctrl-C stops everything", READY_S)
            if line.startswith("curl")
        ]
        return self.lines

    def stop(self, how: signal.Signals) -> float:
        """End it; returns the seconds it took."""
        start = time.monotonic()
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=STOP_S + 20)
        except subprocess.TimeoutExpired:
            left = [(each.cmdline()[3:], each.status()) for each in self.processes()]
            self.process.kill()
            assert self.process.stdout is not None
            said = self.process.stdout.read()
            raise AssertionError(f"{how.name} did not end it; left: {left}; said: {said}") from None
        return time.monotonic() - start

    def processes(self) -> list[psutil.Process]:
        """Everything that was started for this home."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in below if process.status() != psutil.STATUS_ZOMBIE]

    def kill(self, command: str) -> None:
        """SIGKILL the child that runs a `suya` command."""
        for child in psutil.Process(self.process.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and child.cmdline()[3:4] == [command]:
                child.kill()
                return
        raise AssertionError(f"no child runs {command!r}")

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Home:
    """A home, a port, and the `suya dev` that runs there now."""

    def __init__(self, folder: Path) -> None:
        self.environ = environ_of(folder)
        self.port = processes.free_port()
        self._dev: Dev | None = None

    def run(self) -> Dev:
        """The running `suya dev`, started if there is none."""
        if self._dev is None or self._dev.process.poll() is not None:
            self.close()
            self._dev = Dev(self.environ, self.port)
        return self._dev

    def close(self) -> None:
        """Leave nothing behind."""
        if self._dev is not None:
            self._dev.close()


@pytest.fixture(scope="module")
def one_home() -> Iterator[Home]:
    """The home of all tests; the first test covers how it is made."""
    with temporary_home() as folder, contextlib.closing(Home(folder)) as home:
        yield home


@pytest.fixture
def dev(one_home: Home) -> Dev:
    """`suya dev`, running also where the test before ended it."""
    return one_home.run()


def ask(running: Dev, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the same home."""
    return run_suya(running.environ, *words)


def paste(line: str) -> dict[str, Any]:
    """Paste a printed line into a shell; returns the decoded answer."""
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30
    )
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_the_lines_for_cards_and_banks_work(dev: Dev) -> None:
    """The lines for card, challenge, lost answer, dispute and payout can be pasted and succeed."""
    pay, _, _, _, card, challenged, approve, lost, newest, payout, *rest = dev.curl_lines()
    disputed, read_disputes, evidence, submit, exchanged = rest
    paste(pay)

    assert paste(card)["status"] == "captured"
    assert paste(challenged)["status"] == "requires_action"
    assert paste(approve)["status"] in {"requires_action", "captured"}
    assert paste(payout)["status"] in {"pending", "in_transit", "paid"}
    assert paste(disputed)["status"] == "captured"
    deadline = time.monotonic() + RIGHT_BY_ITSELF_S
    while not paste(read_disputes)["data"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert paste(evidence)["object"] == "dispute_evidence"
    assert paste(submit)["object"] == "dispute"
    while paste(read_disputes)["data"][0]["status"] != "won":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert paste(exchanged)["status"] == "captured"
    processing = paste(lost)
    assert processing["status"] == "processing"
    deadline = time.monotonic() + RIGHT_BY_ITSELF_S
    while (found := paste(newest))["status"] == "processing":
        assert time.monotonic() < deadline
        time.sleep(1)
    assert (found["id"], found["status"]) == (processing["id"], "captured")
    traced = ask(dev, "trace", processing["id"])
    assert "without an answer" in traced.stdout


@pytest.mark.slow
def test_the_printed_lines_work_and_a_stop_keeps_the_data(dev: Dev, one_home: Home) -> None:
    """Pay, refund and balance work pasted twice, and again after SIGTERM and a new start."""
    pay, refund, balance, card = dev.curl_lines()[:4]
    before = paste(balance)["available"]

    paid = [paste(pay), paste(pay)]
    refunded = [paste(refund), paste(refund)]
    after = paste(balance)["available"]

    assert paid[0]["id"] != paid[1]["id"]
    assert {payment["status"] for payment in paid} == {"captured"}
    assert {back["payment"] for back in refunded} == {paid[1]["id"]}
    spent = sum(payment["amount"] for payment in paid)
    assert after == before - spent + sum(back["amount"] for back in refunded)
    assert paste(card)["last4"] == "4242"

    all_of_it = dev.processes()
    seconds = dev.stop(signal.SIGTERM)

    assert dev.process.returncode == 0
    assert seconds < STOP_S
    _, alive = psutil.wait_procs(all_of_it, timeout=1)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []

    again = one_home.run()
    assert again.curl_lines()[:4] == [pay, refund, balance, card]
    assert paste(balance)["available"] == after
    paste(pay)
    again.stop(signal.SIGINT)
    assert again.process.returncode == 0


@pytest.mark.slow
def test_operators_ask_a_running_system(dev: Dev) -> None:
    """While it runs, the books verify, a payment can be traced, and the merchant is listed."""
    pay, refund, *_ = dev.curl_lines()
    paid, refunded = paste(pay), paste(refund)

    verified = ask(dev, "verify", "--json")
    request = json.loads(ask(dev, "trace", paid["correlation_id"], "--json").stdout)["steps"]
    life = json.loads(ask(dev, "trace", paid["id"], "--json").stdout)["steps"]
    merchants = json.loads(ask(dev, "merchants", "list", "--json").stdout)["data"]
    nothing = ask(dev, "trace", "req_of_nobody")

    assert (verified.returncode, json.loads(verified.stdout)) == (0, {"findings": [], "parked": 0})
    assert {paid["id"]} <= {step["object"] for step in request}
    assert len(life) > len(request)
    assert refunded["payment"] == paid["id"]
    assert len(merchants) == 1
    assert nothing.returncode == 1
    assert nothing.stderr == "Nothing carries the id req_of_nobody.\n"


@pytest.mark.slow
def test_secrets_are_for_their_owner_only(dev: Dev) -> None:
    """Other users can neither read the files with keys nor reach the database."""
    dev.curl_lines()

    for name in ("admin_key", "demo.json", "vault.json", "vault.key"):
        assert (dev.home / name).stat().st_mode & 0o777 == 0o600
    assert EmbeddedPostgres(dev.home).socket_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_a_second_instance_is_one_sentence(dev: Dev, free_port: int) -> None:
    """The same home cannot be run twice, and the first instance does not notice the attempt."""
    _, _, balance, *_ = dev.curl_lines()

    second = ask(dev, "dev", "--port", str(free_port))

    assert second.returncode == 1
    assert second.stderr.startswith("Suya is already running under ")
    assert len(second.stderr.splitlines()) == 1
    assert paste(balance)["available"] > 0


@pytest.mark.slow
@pytest.mark.chaos
def test_what_dies_is_started_again(dev: Dev) -> None:
    """A killed api, worker, vault and database are started again, each announced in one line."""
    pay, _, balance, card, *_ = dev.curl_lines()
    before = paste(balance)["available"]

    dev.kill("serve")
    assert dev.read_until("api was ended by SIGKILL; starting it again", MEND_S)
    wait_until_answered(balance)
    for name in ("worker", "vault"):
        dev.kill(name)
        assert dev.read_until(f"{name} was ended by SIGKILL; starting it again", MEND_S)
    paid = paste(pay)
    EmbeddedPostgres(dev.home).kill()
    assert dev.read_until("database died; starting it again", MEND_S)

    assert wait_until_answered(balance)["available"] == before - paid["amount"]
    wait_until_answered(pay)
    assert wait_until_answered(card)["last4"] == "4242"


@pytest.mark.slow
@pytest.mark.chaos
def test_a_database_that_dies_twice_within_seconds_comes_back(dev: Dev) -> None:
    """A database that is killed again just after its restart is restarted, and payments go on."""
    pay, _, balance, *_ = dev.curl_lines()
    before = paste(balance)["available"]
    server = EmbeddedPostgres(dev.home)

    server.send_signal(signal.SIGKILL)
    assert dev.read_until("database died; starting it again", MEND_S)
    wait_until_running(server)
    server.send_signal(signal.SIGKILL)
    assert dev.read_until("database died; starting it again", MEND_S)

    paid = wait_until_answered(pay)
    assert paid["status"] == "captured"
    assert wait_until_answered(balance)["available"] == before - paid["amount"]
    assert dev.process.poll() is None


@pytest.mark.slow
@pytest.mark.chaos
def test_a_killed_parent_leaves_nothing_in_the_way(dev: Dev, one_home: Home) -> None:
    """After SIGKILL of the whole command's parent, the next start takes over its home and port."""
    _, _, balance, *_ = dev.curl_lines()
    before = paste(balance)["available"]

    os.kill(dev.process.pid, signal.SIGKILL)
    dev.process.wait()
    wait_until_free(one_home.port)  # its children notice, and finish what they have in hand

    one_home.run().curl_lines()
    assert paste(balance)["available"] == before


def wait_until_running(server: EmbeddedPostgres) -> None:
    """Return when there is a server again, even if it is only starting."""
    deadline = time.monotonic() + MEND_S
    while not server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_until_free(port: int) -> None:
    """Return when nothing listens on `port` any more."""
    deadline = time.monotonic() + MEND_S
    while True:
        try:
            check_port("127.0.0.1", port)
        except PortUnusable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def wait_until_answered(line: str) -> dict[str, Any]:
    """The first good answer to a line, while something is coming back."""
    deadline = time.monotonic() + MEND_S
    while True:
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=30
        )
        answer = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if done.returncode == 0 and "code" not in answer:
            return dict(answer)
        assert time.monotonic() < deadline, done
        time.sleep(0.2)
