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

from app.database.embedded import EmbeddedPostgres
from app.process import PortUnusable, check_port
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
        """What it says up to a line with `mark`."""
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
        """What it tells a newcomer to paste, once it is ready."""
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


@pytest.fixture
def dev(environ: Mapping[str, str], free_port: int) -> Iterator[Dev]:
    """One for a test that stops or breaks it."""
    with contextlib.closing(Dev(environ, free_port)) as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[Dev]:
    """One for the tests that only look."""
    with (
        temporary_home() as home,
        contextlib.closing(Dev(environ_of(home), processes.free_port())) as running,
    ):
        yield running


def ask(running: Dev, *words: str) -> subprocess.CompletedProcess[str]:
    """A command on the same home."""
    return run_suya(running.environ, *words)


def paste(line: str) -> dict[str, Any]:
    """The answer to a line as it was printed, pasted into a shell."""
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30
    )
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_the_lines_for_cards_and_banks_work(shared: Dev) -> None:
    """Card, challenge, lost answer, dispute and payout can be pasted, and all of it ends right."""
    pay, _, _, _, card, challenged, approve, lost, newest, payout, *rest = shared.curl_lines()
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
    traced = ask(shared, "trace", processing["id"])
    assert "without an answer" in traced.stdout


@pytest.mark.slow
def test_the_printed_lines_work_and_a_stop_keeps_the_data(
    dev: Dev, environ: Mapping[str, str], free_port: int
) -> None:
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

    with contextlib.closing(Dev(environ, free_port)) as again:
        assert again.curl_lines()[:4] == [pay, refund, balance, card]
        assert paste(balance)["available"] == after
        paste(pay)
        again.stop(signal.SIGINT)
        assert again.process.returncode == 0


@pytest.mark.slow
def test_operators_ask_a_running_system(shared: Dev) -> None:
    """While it runs, the books verify, a payment can be traced, and the merchant is listed."""
    pay, refund, *_ = shared.curl_lines()
    paid, refunded = paste(pay), paste(refund)

    verified = ask(shared, "verify", "--json")
    request = json.loads(ask(shared, "trace", paid["correlation_id"], "--json").stdout)["steps"]
    life = json.loads(ask(shared, "trace", paid["id"], "--json").stdout)["steps"]
    merchants = json.loads(ask(shared, "merchants", "list", "--json").stdout)["data"]
    nothing = ask(shared, "trace", "req_of_nobody")

    assert (verified.returncode, json.loads(verified.stdout)) == (0, {"findings": [], "parked": 0})
    assert {paid["id"]} <= {step["object"] for step in request}
    assert len(life) > len(request)
    assert refunded["payment"] == paid["id"]
    assert len(merchants) == 1
    assert nothing.returncode == 1
    assert nothing.stderr == "Nothing carries the id req_of_nobody.\n"


@pytest.mark.slow
def test_secrets_are_for_their_owner_only(shared: Dev) -> None:
    """The files with keys cannot be read by others, nor the database be reached."""
    shared.curl_lines()

    for name in ("admin_key", "demo.json", "vault.json", "vault.key"):
        assert (shared.home / name).stat().st_mode & 0o777 == 0o600
    assert EmbeddedPostgres(shared.home).socket_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_a_second_instance_is_one_sentence(shared: Dev, free_port: int) -> None:
    """The same home cannot be run twice, and the first instance does not notice the attempt."""
    _, _, balance, *_ = shared.curl_lines()

    second = ask(shared, "dev", "--port", str(free_port))

    assert second.returncode == 1
    assert second.stderr.startswith("Suya is already running under ")
    assert len(second.stderr.splitlines()) == 1
    assert paste(balance)["available"] > 0


@pytest.mark.slow
@pytest.mark.chaos
def test_what_dies_is_started_again(dev: Dev) -> None:
    """A killed api, worker, vault and database come back, each announced in one line."""
    pay, _, balance, *_ = dev.curl_lines()
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


@pytest.mark.slow
@pytest.mark.chaos
def test_a_killed_parent_leaves_nothing_in_the_way(
    dev: Dev, environ: Mapping[str, str], free_port: int
) -> None:
    """After SIGKILL of the whole command's parent, the next start takes over its home and port."""
    _, _, balance, *_ = dev.curl_lines()
    before = paste(balance)["available"]

    os.kill(dev.process.pid, signal.SIGKILL)
    dev.process.wait()
    wait_until_free(free_port)  # its children notice, and finish what they have in hand

    with contextlib.closing(Dev(environ, free_port)) as again:
        again.curl_lines()
        assert paste(balance)["available"] == before


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
