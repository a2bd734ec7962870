"""The metrics of a worker and of the sandbox."""

from pathlib import Path

from tests.support.acquirer import AcquirerProcess
from tests.support.processes import WorkerProcess, free_port, get


def test_a_worker_serves_its_metrics(database_url: str, tmp_path: Path) -> None:
    """A worker answers on SUYA_METRICS_PORT with the findings of its verification."""
    with WorkerProcess(database_url, tmp_path, metrics_port=str(free_port())).start() as worker:
        assert "suya_verify_findings" in worker.read_metrics()


def test_a_port_that_is_taken_is_said(database_url: str, tmp_path: Path) -> None:
    """A worker that cannot serve its metrics does not start, and names the setting."""
    port = str(free_port())
    with WorkerProcess(database_url, tmp_path, metrics_port=port).start() as first:
        first.read_metrics()
        with WorkerProcess(database_url, tmp_path, metrics_port=port).start() as second:
            assert second.wait() == 1
            assert f"Port {port}" in second.log()
            assert "SUYA_METRICS_PORT" in second.log()


def test_an_acquirer_serves_its_metrics(tmp_path: Path) -> None:
    """The sandbox shows the use of its process, without a key."""
    with AcquirerProcess(tmp_path).start() as acquirer:
        answer = get(f"{acquirer.url}/metrics")

    assert answer.status_code == 200
    assert "process_resident_memory_bytes" in answer.text
