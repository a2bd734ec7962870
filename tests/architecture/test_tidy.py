"""The house style, as far as a program can check it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 60  # what fits a screen
FILE_LINES_MAX = 600  # about one thing; what is cut only to be short is harder to find
COLUMNS_MAX = 100

BANNED = {
    # pattern: (instead, where it is right)
    r"\bdatetime\.(utc)?now\(": ("clock.now()", {"app/base/clock.py"}),
    r"\btime\.(time|monotonic)\(": ("clock.now() or clock.monotonic()", {"app/base/clock.py"}),
    r"\bfloat\(": (
        "integers of minor units",
        {"app/devkit/bench", "app/base/telemetry.py", "app/api/http/limits.py"},
    ),
    r"\brandom\.(?!Random\(|SystemRandom\(|uniform\()": (
        "a seeded Random that is passed in",
        set(),
    ),
    r"\brandom\.uniform\(": (
        "a seeded Random that is passed in",
        {"app/engine/database/transaction.py"},
    ),
    r"(?<![\w.])print\(": ("structlog, or app/cli/output.py", set()),
    r"\bos\.(environ|getenv)\b": (
        "Settings, passed down",
        {
            "app/base/settings.py",
            "app/devkit/stack/process.py",
            "app/cli/processes.py",
            "app/devkit/cluster",
            "app/devkit/dev/run.py",
            "app/engine/database/embedded_host.py",
        },
    ),
    r"\bFIXME\b": ("mend it, or TODO with its issue", set()),
    r"\bTODO\b(?! \(#\d+\))": ("TODO (#issue)", set()),
    r"# type: ignore(?!\[)": ("# type: ignore[code]", set()),
    r"# noqa(?!: [A-Z])": ("# noqa: CODE", set()),
    r"\bpytest\.mark\.skip\(": ("a marker, or xfail(strict) with its reason", set()),
}


def _sources(*folders: str, ending: str = "py") -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob(f"*.{ending}"))
        if "__pycache__" not in path.parts
    ]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


PYTHON = _sources("app", "schema", "tests", "benchmarks")
PRODUCT = _sources("app", "schema")


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[ast.get_docstring(function) is not None :]
    if not body:
        return 0
    assert function.end_lineno is not None
    return function.end_lineno - body[0].lineno + 1


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_functions_fit_a_screen(path: Path) -> None:
    """No function's body is longer than sixty lines, its docstring aside."""
    long = {
        function.name: lines
        for function in _functions(path)
        if (lines := _lines_of_body(function)) > FUNCTION_LINES_MAX
    }

    assert not long


@pytest.mark.parametrize("path", PYTHON + _sources("app", ending="sql"), ids=_name)
def test_files_are_short_and_narrow(path: Path) -> None:
    """No file is longer than six hundred lines or wider than a hundred columns."""
    lines = path.read_text("utf-8").splitlines()

    assert len(lines) <= FILE_LINES_MAX
    assert [n for n, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX] == []


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_what_is_banned_is_replaced(path: Path) -> None:
    """The product reads the clock, chance and the environment in one place each."""
    text = path.read_text("utf-8")
    found = [
        f"{_name(path)}:{text[: match.start()].count(chr(10)) + 1}: {match[0]} -> {instead}"
        for pattern, (instead, allowed) in BANNED.items()
        if not any(_name(path).startswith(place) for place in allowed)
        for match in re.finditer(pattern, text)
    ]

    assert found == []


@pytest.mark.parametrize("path", _sources("app"), ids=_name)
def test_modules_say_what_they_are_for(path: Path) -> None:
    """Every module begins with a docstring; a package's has guarantees, tables and limits."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))

    assert docstring, "a module begins with the sentence that says what it is for"
    if path.name == "__init__.py" and path.parent != ROOT / "app":
        assert docstring.count("\n\n") >= 2  # what it is, and then: guarantees, owns, never


@pytest.mark.parametrize("path", _sources("tests"), ids=_name)
def test_each_test_states_its_fact(path: Path) -> None:
    """Every test has a docstring of one sentence."""
    wrong = [
        function.name
        for function in _functions(path)
        if function.name.startswith("test_") and not _is_sentence(ast.get_docstring(function))
    ]

    assert wrong == []


def _is_sentence(text: str | None) -> bool:
    # One paragraph, one full stop at its end, and none before a capital letter.
    return bool(text and text.endswith(".") and not re.search(r"\n\n|[.!?]\s+[A-Z]", text))


def test_locks_name_no_index() -> None:
    """The locked dependencies can be had from any package index."""
    for lock in ROOT.glob("requirements*.lock"):
        assert re.findall(r"https?://|--index|--find-links", lock.read_text("utf-8")) == []
