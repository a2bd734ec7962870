"""What Prometheus reads from each process."""

import time
from pathlib import Path

import httpx

from tests.support.processes import READY_S, WorkerProcess, free_port, get


def test_a_worker_serves_its_metrics(database_url: str, tmp_path: Path) -> None:
    """A worker answers on SUYA_METRICS_PORT with the findings of its verification."""
    port = free_port()
    with WorkerProcess(database_url, tmp_path, metrics_port=str(port)).start() as worker:
        metrics = read_metrics(f"http://127.0.0.1:{port}/metrics", worker)

    assert "suya_verify_findings" in metrics


def test_a_port_that_is_taken_is_said(database_url: str, tmp_path: Path) -> None:
    """A worker that cannot serve its metrics does not start, and names the setting."""
    port = free_port()
    with WorkerProcess(database_url, tmp_path, metrics_port=str(port)).start() as first:
        read_metrics(f"http://127.0.0.1:{port}/metrics", first)
        with WorkerProcess(database_url, tmp_path, metrics_port=str(port)).start() as second:
            assert second.wait() == 1
            assert f"Port {port}" in second.log()
            assert "SUYA_METRICS_PORT" in second.log()


def read_metrics(url: str, process: WorkerProcess) -> str:
    """The metrics of a process that has just been started."""
    deadline = time.monotonic() + READY_S
    while True:
        assert process.is_running, process.log()
        try:
            return get(url).raise_for_status().text
        except httpx.TransportError:
            assert time.monotonic() < deadline, process.log()
            time.sleep(0.05)
