"""`suya fx`: rates come from a file, and are shown."""

import json
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Suya
from tests.fx.test_ecb import DAILY_CSV, USUAL

FILE = DAILY_CSV


def test_rates_are_imported_and_shown(suya: Suya, database_url: str, tmp_path: Path) -> None:
    """The rates of a file are shown exactly as it has them."""
    file = tmp_path / "eurofxref.csv"
    file.write_text(FILE)

    said = suya("fx", "import", str(file), SUYA_DATABASE_URL=database_url)
    shown = suya("fx", "rates", "--json", SUYA_DATABASE_URL=database_url)

    assert said.stdout == "Imported 17 rates; the newest are of 2026-01-30.\n"
    assert json.loads(shown.stdout)["data"] == [
        {"day": "2026-01-30", "currency": name, "rate": str(Decimal(rate).normalize())}
        for name, rate in sorted(USUAL.items())
    ]


def test_a_mistake_is_a_sentence(suya: Suya, database_url: str, tmp_path: Path) -> None:
    """A missing file, a file of something else, and missing rates are one sentence each."""
    other = tmp_path / "other.csv"
    other.write_text("Name,Amount\n")
    future = tmp_path / "future.csv"
    future.write_text(FILE.replace("2026", "2126"))

    for words, sentence in (
        (("import", str(tmp_path / "no.csv")), "cannot be read: No such file"),
        (("import", str(other)), "is no eurofxref file: its first line does not begin with 'Date'"),
        (("import", str(future)), "it has rates of 2126-01-30, which is still to come"),
        (("rates",), "No rates were imported"),
    ):
        result = suya("fx", *words, SUYA_DATABASE_URL=database_url)
        assert result.returncode == 1
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1
