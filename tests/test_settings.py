"""Settings: every fault is reported at once, and no secret is ever shown."""

import ast
import inspect
import itertools

import pytest

from app.base import settings as module
from app.base.settings import Settings, SettingsError


def test_everything_has_a_default() -> None:
    """A newcomer configures nothing."""
    settings = Settings.load({})

    assert settings.port == 8000
    assert settings.database_url is None


def test_an_unknown_variable_stops_the_start() -> None:
    """A misspelt variable is named instead of being ignored."""
    with pytest.raises(SettingsError, match="SUYA_PROT: unknown setting"):
        Settings.load({"SUYA_PROT": "9000"})


def test_all_faults_are_told_at_once() -> None:
    """Two bad values and an unknown variable make three lines."""
    environ = {"SUYA_PORT": "70000", "SUYA_LOG_LEVEL": "loud", "SUYA_COLOUR": "red"}

    with pytest.raises(SettingsError) as failure:
        Settings.load(environ)

    told = str(failure.value).splitlines()
    assert [line.split(":")[0] for line in told] == ["SUYA_COLOUR", "SUYA_PORT", "SUYA_LOG_LEVEL"]


def test_flags_go_before_variables() -> None:
    """A flag overrides a variable."""
    assert Settings.load({"SUYA_PORT": "9000"}, port=9001).port == 9001
    assert Settings.load({"SUYA_PORT": "9000"}, port=None).port == 9000


def test_regions_are_apart_by_commas() -> None:
    """A list of regions keeps its order, and one bad name in it is a fault."""
    assert Settings.load({"SUYA_REGIONS": "us-east1, eu-west1"}).regions == ("us-east1", "eu-west1")
    assert Settings.load({}).regions == ()
    with pytest.raises(SettingsError, match="SUYA_REGIONS"):
        Settings.load({"SUYA_REGIONS": "eu-west1,EU; DROP"})


def test_variables_of_others_are_left_alone() -> None:
    """Only names with the prefix SUYA_ count, and the test suite's are ignored."""
    assert Settings.load({"PORT": "9", "SUYA_TEST_SEED": "7"}) == Settings.load({})


def test_secrets_are_not_shown() -> None:
    """Neither the text nor the representation of settings contains a secret."""
    url = "postgresql+psycopg://ada:hunter2hunter2@db/suya"
    settings = Settings.load({"SUYA_DATABASE_URL": url, "SUYA_ADMIN_KEY": "hunter2hunter2-admin"})

    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_a_fault_does_not_show_a_secret() -> None:
    """A key that is too short is refused without being quoted."""
    with pytest.raises(SettingsError) as failure:
        Settings.load({"SUYA_ADMIN_KEY": "hunter2"})

    assert "hunter2" not in str(failure.value)


def test_every_setting_gives_its_reason() -> None:
    """Each field is followed by a sentence."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    unexplained = [
        ast.unparse(field.target)
        for field, following in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant))
    ]

    assert unexplained == []
