"""Mutants of the money core: small changes, one at a time, each of which some test has to notice.

Each is tried in a copy of this checkout under the system's temporary folder, never in the checkout
itself, by the tests nearest to it, up to the first that fails. What was found out is kept in
`.mutants/`: a run that was stopped goes on where it was, and one after a change of the tests
repeats only what they had not found. `docs/mutants.md` tells more.
"""

import argparse
import collections
import contextlib
import difflib
import hashlib
import multiprocessing
import os
import queue
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
import pytest
import pytest_asyncio.plugin
import pytest_timeout
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

ROOT: Final = Path(__file__).parents[1]
TABLES: Final = tomllib.loads((ROOT / "scripts/mutants.toml").read_text("utf-8"))
NEAREST: Final[dict[str, list[str]]] = TABLES["nearest"]
EQUIVALENT: Final = ROOT / "scripts/mutants.equivalent"
KEPT: Final = ROOT / ".mutants/results.sqlite"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a private folder is made there
SEPARATOR: Final = " :: "  # in no line of Python
HUNG: Final = 75  # the exit code of a stage one of whose tests hung; pytest has no such code
CONTEXT: Final = multiprocessing.get_context("forkserver")
# What tests import and no mutant changes: imported once, and then forked.
CONTEXT.set_forkserver_preload(
    "aiohttp alembic httpx hypothesis litestar psycopg pydantic sqlalchemy.ext.asyncio".split()
)


class SwapIn(Operator):  # type: ignore[misc]
    """`in` becomes `not in`, and the other way round; cosmic-ray leaves both alone."""

    examples = ()

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "comparison" and node.children[1].get_code().split()[-1] == "in":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, _: int) -> Any:
        is_in = node.children[1].get_code().strip() == "in"
        node.children[1] = get_ast(" not in" if is_in else " in")
        return node


class ReturnNone(Operator):  # type: ignore[misc]
    """A value that is returned becomes None."""

    examples = ()

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "return_stmt" and node.children[1].get_code().strip() != "None":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _: int) -> Any:
        node.children[1] = get_ast(" None")
        return node


_TRIED: Final = "|".join(TABLES["operators"])
OPERATORS: Final = [
    *(OperatorProvider()[name]() for name in OperatorProvider() if re.fullmatch(_TRIED, name)),
    SwapIn(),
    ReturnNone(),
]


class Mutant(NamedTuple):
    """One change of one place; `code` is the whole file as it would be."""

    package: str
    path: str
    line: int
    was: str
    becomes: str
    code: str

    @property
    def id(self) -> str:
        """The same only as long as the file is."""
        return hashlib.sha256(f"{self.path}\n{self.code}".encode()).hexdigest()[:16]

    @property
    def where(self) -> str:
        change = f"{self.path}:{self.line}: {self.was}  ->  {self.becomes}"
        return f"{self.package} without any change" if self.is_unchanged else change

    @property
    def is_unchanged(self) -> bool:
        return self.was == self.becomes

    def undone(self) -> "Mutant":
        """The file as it is, to see that the tests pass by themselves."""
        return self._replace(line=1, was="", becomes="", code=(ROOT / self.path).read_text("utf-8"))


class Result(NamedTuple):
    """What became of a mutant: found, survived or timed out; and the test that ended it."""

    state: str
    test: str
    seconds: float


def sample(packages: Sequence[str], seed: int, count: int) -> list[Mutant]:
    """So many places, by lot, one change of each; a lot does not depend on what other files say."""
    drawn = []
    for package in packages:
        top = ROOT / package
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            source, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
            lines = source.splitlines()
            for (line, column), choices in places_of(source).items():
                text = f"{seed} {name} {column} {lines[line - 1]}"
                lot = hashlib.sha256(text.encode()).digest()
                drawn.append((lot, line, package, name, source, choices[lot[0] % len(choices)]))
    mutants = []
    for _, line, package, name, source, (operator, occurrence) in sorted(drawn)[:count]:
        code = mutate_code(source, operator, occurrence)
        pairs = zip(source.splitlines(), code.splitlines(), strict=False)
        was, becomes = next((a.strip(), b.strip()) for a, b in pairs if a != b)
        mutants.append(Mutant(package, name, line, was, becomes, code))
    return mutants


def places_of(source: str) -> dict[tuple[int, int], list[tuple[Any, int]]]:
    """What can be changed, by line and column: the operators, and which of their occurrences."""
    places = collections.defaultdict(list)
    seen: collections.Counter[Operator] = collections.Counter()
    for node in ast_nodes(get_ast(source)):
        for operator in OPERATORS:
            for start, _ in operator.mutation_positions(node):
                if not is_head_of_class(node):
                    places[start].append((operator, seen[operator]))
                seen[operator] += 1
    return places


def is_head_of_class(node: Any) -> bool:
    """Whether it is such as `frozen=True`, which says what nobody may do."""
    while node.parent is not None:
        if node.parent.type == "classdef":
            return node is not node.parent.children[-1]
        node = node.parent
    return False


class FirstFailure:
    """Ends the process of a stage at the first failure, without tidying up: the worker does."""

    def __init__(self, said: Path) -> None:
        self.said = said

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.said.write_text(nodeid, encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            self.said.write_text(f"{report.nodeid}\n{report.longreprtext}", encoding="utf-8")
            os._exit(HUNG if "Failed: Timeout" in report.longreprtext else 1)

    pytest_collectreport = pytest_runtest_logreport


def run_stage(home: Path, tests: str, limit_s: float) -> None:
    """The process of a stage; its exit code is 0 where every test passes."""
    os.setsid()  # a Ctrl-C is for the tool
    log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(home / "tree")
    sys.path.insert(0, str(home / "tree"))
    # Processes that tests start shall import the same, though another checkout is installed.
    os.environ |= {"PYTHONPATH": str(home / "tree"), "TMPDIR": str(home / "tmp")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # seconds of imports that no stage needs
    tempfile.tempdir = None
    from hypothesis import Phase, settings  # noqa: PLC0415 - the tool itself does not need it

    # The first example that fails is enough, however long it is, and is the same the next time.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", phases=phases, derandomize=True, database=None)
    settings.load_profile("mutants")
    options = ["-q", "-p", "no:cacheprovider", "-m", "not cluster"]
    options += ["-o", "addopts=--import-mode=importlib", f"--timeout={limit_s / 2}"]
    plugins = [pytest_asyncio.plugin, pytest_timeout, FirstFailure(home / "said")]
    os._exit(pytest.main([*options, *shlex.split(tests)], plugins=plugins))


class Worker:
    """A copy of the checkout, which one mutant at a time is written into."""

    def __init__(self, stop: threading.Event, stage_s: float) -> None:
        self.stop = stop
        self.stage_s = stage_s
        # Not below the checkout: a socket's path is short, and PostgreSQL's account may reach it.
        # In memory, where the machine can: databases are made and thrown away all the time.
        place = MEMORY if MEMORY.is_dir() else None
        self.home = Path(tempfile.mkdtemp(prefix="suya-mutants-", dir=place))
        self.home.chmod(0o755)
        self._written = int(time.time())
        for name in files():
            target = self.home / "tree" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    def try_out(self, mutant: Mutant) -> Result:
        """What becomes of a mutant, or of no change at all."""
        begun = time.monotonic()
        # What hangs takes twice as long as tests of the unchanged code may.
        limit_s = self.stage_s / 2 if mutant.is_unchanged else self.stage_s
        self._write(mutant.path, mutant.code)
        try:
            for tests in NEAREST[mutant.package]:
                state = self._run(tests, limit_s)
                if state != "survived":
                    break
        finally:
            self._write(mutant.path, mutant.undone().code)
        said = (self.home / "said").read_text("utf-8") if state != "survived" else ""
        return Result(state, said, time.monotonic() - begun)

    def _run(self, tests: str, limit_s: float) -> str:
        """The state of a mutant after a stage."""
        (self.home / "tmp").mkdir()
        (self.home / "said").write_text("", encoding="utf-8")
        process = CONTEXT.Process(target=run_stage, args=(self.home, tests, limit_s))
        process.start()
        deadline = time.monotonic() + limit_s
        while process.is_alive() and time.monotonic() < deadline and not self.stop.is_set():
            process.join(0.5)  # so that a Ctrl-C is heard
        code = process.exitcode
        self._end_all()
        process.join()
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        if self.stop.is_set():
            raise futures.CancelledError
        return {0: "survived", None: "timed out", HUNG: "timed out"}.get(code, "found")

    def _write(self, name: str, code: str) -> None:
        path = self.home / "tree" / name
        path.write_text(code, encoding="utf-8")
        self._written += 1  # what is compiled is known by second and size, and both may be equal
        os.utime(path, (self._written, self._written))

    def _end_all(self) -> None:
        """End whatever tests have left running: all of it is at home in the worker's folder."""
        for _ in range(5):  # what is being ended may just have started another
            found = [process for process in psutil.process_iter() if self._is_here(process)]
            for process in found:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(found, timeout=5)  # the kernel needs milliseconds
            if not found:
                break

    def _is_here(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error, OSError):  # it has ended, or is not ours to look at
            return Path(process.cwd()).is_relative_to(self.home)
        return False

    def close(self) -> None:
        """Nothing is left of it."""
        self._end_all()
        shutil.rmtree(self.home, ignore_errors=True)


def files() -> list[str]:
    """What a commit of everything here would hold, by name."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(listed, cwd=ROOT, text=True).split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


class Kept:
    """Results of earlier runs: a find holds as long as its file, all else while nothing changes."""

    def __init__(self) -> None:
        KEPT.parent.mkdir(exist_ok=True)
        self.db = sqlite3.connect(KEPT, isolation_level=None)
        columns = "id TEXT PRIMARY KEY, digest TEXT, state TEXT, test TEXT, seconds REAL"
        self.db.execute(f"CREATE TABLE IF NOT EXISTS results ({columns})")
        matters = ("app/", "schema/", "tests/", "scripts/mutants.toml")
        contents = ((ROOT / name).read_bytes() for name in files() if name.startswith(matters))
        self.digest = hashlib.sha256(b"\n".join(contents)).hexdigest()

    def find(self, mutant: Mutant) -> Result | None:
        row = self.db.execute(
            "SELECT state, test, seconds FROM results"
            " WHERE id = ? AND (state = 'found' OR digest = ?)",
            (mutant.id, self.digest),
        ).fetchone()
        return Result(*row) if row else None

    def keep(self, mutant: Mutant, result: Result) -> None:
        values = (mutant.id, self.digest, *result)
        self.db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", values)


def find_out(mutants: Sequence[Mutant], kept: Kept, jobs: int, stage_s: float) -> None:
    """Try what is not known yet, so many side by side; first that tests pass without any change."""
    left = [mutant for mutant in mutants if kept.find(mutant) is None]
    sound = {mutant.package: mutant.undone() for mutant in left}.values()
    stop = threading.Event()
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    workers = [Worker(stop, stage_s) for _ in range(jobs if left else 0)]
    for worker in workers:
        free.put(worker)

    def tried(mutant: Mutant) -> Result:
        worker = free.get()
        try:
            return worker.try_out(mutant)
        finally:
            free.put(worker)

    pool = futures.ThreadPoolExecutor(jobs)
    try:
        for batch in ([mutant for mutant in sound if kept.find(mutant) is None], left):
            runs = {pool.submit(tried, mutant): mutant for mutant in batch}
            for number, run in enumerate(futures.as_completed(runs), 1):
                mutant, result = runs[run], run.result()
                if mutant.is_unchanged and result.state != "survived":
                    sys.exit(f"Tests do not pass in time without any change:\n{result.test}")
                kept.keep(mutant, result)
                test = result.test.partition("\n")[0]
                said = f"{number}/{len(batch)} {result.state} in {result.seconds:.1f} s"
                print(f"{said}  {mutant.where}  {test}", flush=True)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        for worker in workers:
            worker.close()


def report(mutants: Sequence[Mutant], kept: Kept) -> None:
    """Print each change that no test noticed, and then the figures of each package."""
    lines = EQUIVALENT.read_text("utf-8").splitlines()
    equivalent = {tuple(line.split(SEPARATOR)[:3]) for line in lines}
    figures: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for mutant in mutants:
        result = kept.find(mutant)
        state = result.state if result else "not tried"
        change = (
            mutant.path,
            *(text.partition("  # ")[0] for text in (mutant.was, mutant.becomes)),
        )
        if state == "survived" and change in equivalent:
            state = "equivalent"
        if state in {"survived", "timed out"}:
            before, after = mutant.undone().code.splitlines(), mutant.code.splitlines()
            names = (mutant.path, state)
            print(*difflib.unified_diff(before, after, *names, lineterm=""), "", sep="\n")
        figures[mutant.package][state] += 1
        figures["together"][state] += 1
    states = ("found", "timed out", "survived", "equivalent", "not tried")
    print(f"{'':26}", *(f"{state:>10}" for state in states), f"{'noticed':>10}")
    for package in sorted(figures):
        counts = figures[package]
        noticed = counts["found"] + counts["timed out"]
        share = noticed / (noticed + counts["survived"] or 1)
        print(f"{package:26}", *(f"{counts[state]:10}" for state in states), f"{share:10.1%}")


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = ", ".join(NEAREST)
    parser.add_argument("packages", nargs="*", default=list(NEAREST), help=f"of {known}")
    parser.add_argument("--seed", type=int, default=1, help="of the sample: %(default)s")
    parser.add_argument("--count", type=int, default=300, help="of mutants: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="side by side: %(default)s")
    limit = "the most a stage of tests may take, longer on a busy machine: %(default)s"
    parser.add_argument("--stage-s", type=float, default=180, help=limit)
    parser.add_argument("--report", action="store_true", help="only tell what is known")
    asked = parser.parse_args()
    if unknown := set(asked.packages) - set(NEAREST):
        parser.error(f"there are {known}, and no {', '.join(sorted(unknown))}")
    for how in (signal.SIGINT, signal.SIGTERM):  # a shell ignores Ctrl-C for its background
        signal.signal(how, signal.default_int_handler)
    mutants, kept = sample(asked.packages, asked.seed, asked.count), Kept()
    try:
        if not asked.report:
            find_out(mutants, kept, asked.jobs, asked.stage_s)
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
    report(mutants, kept)


if __name__ == "__main__":
    main()
