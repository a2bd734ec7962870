"""`suya bench` as a person or a script meets it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.devkit.bench.cli import bench
from tests.bench.server import Request, answer, serving

_METRICS = b"""\
# TYPE suya_commit_retries_total counter
suya_commit_retries_total{reason="40001"} 0.0
"""


async def _respond(request: Request) -> bytes:
    """As much of the API as a run needs."""
    if request.path == "/metrics":
        return answer(200, _METRICS)
    if request.path == "/v1/payments/bulk":
        created = {"status": 201, "payment": {"status": "captured"}}
        items = [created for _ in json.loads(request.body)]
        return answer(200, json.dumps({"data": items}, separators=(",", ":")).encode())
    return answer(201, b'{"id":"pay_1","secret":"sk_1","status":"captured"}')


@pytest.fixture
def api() -> Iterator[str]:
    """A server in a thread of its own, because the command runs an event loop of its own."""
    started, url = threading.Event(), ""
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        nonlocal url
        async with serving(_respond) as server:
            url = server.url
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait()
    yield url
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


def _bench(*words: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(bench)
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("mode", ["single", "bulk"])
def test_json_has_the_promised_figures(api: str, mode: str) -> None:
    """A script finds every documented name in the one object on stdout."""
    words = ["--url", api, "--admin-key", "an-admin-key-of-tests", "--mode", mode, "--json"]
    sizes = ["--seconds", "0.2", "--warmup", "0", "--accounts", "5", "--bulk-size", "3"]

    code, stdout, _ = _bench(*words, *sizes, "--connections", "2", "--hot-share", "0.5")

    report = json.loads(stdout)
    assert code == 0
    assert report["errors"] == report["refused"] == report["retries"] == 0
    assert report["batch_mean"] is None
    assert {"settled_per_s", "p50_ms", "p99_ms", "p999_ms"} <= report.keys()


def test_a_person_gets_a_table(api: str) -> None:
    """Without --json the figures come with their names."""
    words = ["--url", api, "--admin-key", "an-admin-key-of-tests", "--accounts", "2"]

    code, stdout, _ = _bench(*words, "--seconds", "0.2", "--warmup", "0", "--rate", "100")

    assert code == 0
    assert "settled payments/s" in stdout
    assert "open loop, 100 requests/s" in stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--url", "https://h", "--admin-key", "an-admin-key-of-tests"], "plain http"),
        (["--url", "http://127.0.0.1:1", "--admin-key", "an-admin-key-of-tests"], "not answer"),
        (["--url", "http://127.0.0.1:1"], "--admin-key or SUYA_ADMIN_KEY"),
        (["--admin-key", "short"], "SUYA_ADMIN_KEY"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command fails with exit code 1 and without a traceback."""
    monkeypatch.chdir(tmp_path)

    code, _, stderr = _bench(*words)

    assert code == 1
    assert sentence in stderr
    assert "Traceback" not in stderr
