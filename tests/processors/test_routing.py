"""The rules that choose a processor, which are checked before they are used."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.base.settings import SettingsError
from app.processors.routing import DEFAULT_RULES, Choice, Rule, route
from app.processors.rules import read_rules
from tests.support.tables import Row, table

RULES = """
[[rules]]
currencies = ["EUR", "GBP"]
brands = ["visa", "mastercard"]
amount_min = 100
amount_max = 500000
processors = [{ name = "stripe", weight = 70 }, { name = "acquirer", weight = 30 }]

[[rules]]
currencies = ["JPY"]
processors = [{ name = "stripe" }, { name = "acquirer", weight = 0 }]

[[rules]]
processors = [{ name = "acquirer" }]
"""
BOTH = {"acquirer", "stripe"}


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    """The rules above, from a file."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return read_rules(path, BOTH)


@table("""
    currency  brand       amount  draw  first     then
    EUR       visa           100     0  stripe    acquirer
    EUR       visa           100    69  stripe    acquirer
    EUR       visa           100    70  acquirer  stripe
    EUR       visa           100    99  acquirer  stripe
    EUR       visa           100   100  stripe    acquirer   -- draws go round
    GBP       mastercard  500000     0  stripe    acquirer
    EUR       visa            99     0  acquirer  -          -- too little
    EUR       visa        500001     0  acquirer  -          -- too much
    EUR       amex           100     0  acquirer  -          -- another brand
    USD       visa           100     0  acquirer  -          -- another currency
    JPY       amex             1     0  stripe    acquirer
    JPY       amex             1     7  stripe    acquirer   -- weight 0 only follows
""")
def test_the_first_rule_that_fits_decides(row: Row, rules: tuple[Rule, ...]) -> None:
    """A payment goes to the processor whose share its draw falls into, then to the others."""
    order = route(
        rules, currency=row.currency, brand=row.brand, amount_minor=row.amount, draw=row.draw
    )

    assert order == tuple(name for name in (row.first, row.then) if name)


WEIGHTS = st.lists(st.integers(0, 50), min_size=1, max_size=5).filter(any)


@given(weights=WEIGHTS, draw=st.integers(min_value=0))
def test_every_processor_is_named_once(weights: list[int], draw: int) -> None:
    """An order is a permutation of a rule's processors, heavier before lighter after the first."""
    rule = Rule(processors=tuple(Choice(str(n), weight) for n, weight in enumerate(weights)))

    order = rule.order(draw)

    assert sorted(order) == sorted(choice.name for choice in rule.processors)
    followers = [weights[int(name)] for name in order[1:]]
    assert followers == sorted(followers, reverse=True)
    assert weights[int(order[0])] > 0


@given(weights=WEIGHTS, start=st.integers(min_value=0))
def test_shares_are_exact(weights: list[int], start: int) -> None:
    """Among as many draws in a row as the weights' sum each comes first as often as it weighs."""
    rule = Rule(processors=tuple(Choice(str(n), weight) for n, weight in enumerate(weights)))

    firsts = [rule.order(start + n)[0] for n in range(sum(weights))]

    assert [firsts.count(str(n)) for n in range(len(weights))] == weights


def test_without_a_file_the_acquirer_serves_all() -> None:
    """The default names one processor for everything."""
    assert read_rules(None, {"acquirer"}) == DEFAULT_RULES
    order = route(DEFAULT_RULES, currency="XAF", brand="amex", amount_minor=1, draw=3)
    assert order == ("acquirer",)


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """The same rules may be written as JSON."""
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"rules": [{"processors": [{"name": "acquirer", "weight": 3}]}]}))

    assert read_rules(path, BOTH) == (Rule(processors=(Choice("acquirer", 3),)),)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Every fault of a file has a line that names its place."""
    path = tmp_path / "rules.toml"
    path.write_text("""
        surprise = 1
        [[rules]]
        currencies = ["EURO", 7]
        brands = "visa"
        amount_min = -1
        amount_max = 1.5
        colour = "red"
        processors = [{ name = "nobody", weight = 10001 }, { name = "acquirer", weight = true }]
        [[rules]]
        amount_min = 10
        amount_max = 9
        processors = [{ name = "acquirer", weight = 0 }, { name = "acquirer", weight = 0 }]
        [[rules]]
        processors = []
    """)

    with pytest.raises(SettingsError) as failure:
        read_rules(path, BOTH)

    told = str(failure.value).splitlines()
    assert all(line.startswith("SUYA_PROCESSOR_RULES: ") for line in told)
    assert sorted(line.split(": ", 1)[1] for line in told) == sorted(
        [
            "the file: unknown 'surprise'",
            "rules[0]: unknown 'colour'",
            'rules[0].currencies: "EURO" is not a currency',
            "rules[0].currencies: 7 is not a currency",
            "rules[0].brands: must be a list",
            "rules[0].amount_min: must be a whole number, not below 0",
            "rules[0].amount_max: must be a whole number, not below 0",
            "rules[0].processors[0].name: must be one that is configured (acquirer, stripe)",
            "rules[0].processors[0].weight: must be at most 10000",
            "rules[0].processors[1].weight: must be a whole number, not below 0",
            "rules[1]: amount_max is below amount_min",
            "rules[1].processors: 'acquirer' is named twice",
            "rules[1].processors: one weight at least must be above 0",
            "rules[2].processors: must be a list of at least one processor",
        ]
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("rules = 1", "at least one rule"),
        ("", "at least one rule"),
        ("[[rules]", "Expected"),
        ("rules = [1]", "must be an object"),
        ("[[rules]]\nprocessors = [1]", "must be an object"),
        (
            '[[rules]]\nbrands = ["visa"]\nprocessors = [{ name = "acquirer" }]',
            "must have no conditions",
        ),
        (
            '[[rules]]\nprocessors = [{ name = "acquirer" }]\n' * 2,
            "no later rule is reached",
        ),
    ],
)
def test_rules_that_make_no_sense(content: str, fault: str, tmp_path: Path) -> None:
    """A payment without a rule and a rule without payments are faults."""
    path = tmp_path / "rules.toml"
    path.write_text(content)

    with pytest.raises(SettingsError, match=fault):
        read_rules(path, BOTH)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A rule file that cannot be read stops the start."""
    with pytest.raises(SettingsError, match="No such file"):
        read_rules(tmp_path / "rules.toml", BOTH)
