"""Plans lead from any state, also one that a kill leaves behind, to the wanted one."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operate.regions import DatabaseRegions, Goal, RegionsRefused, Table, Wanted, plan
from app.operate.regions.model import choose, remarks
from app.operate.regions.plan import home_column, literal, name
from tests.regions.server import run
from tests.support.tables import table

REGIONS = ("ap-south1", "eu-west1", "sa-east1", "us-east1")
THREE = REGIONS[:3]
FRESH = DatabaseRegions(
    database="suya",
    cluster=REGIONS,
    regions=(),
    primary=None,
    goal=None,
    tables=(Table("merchants", regional=False), Table("payments", regional=True)),
)


def finish(state: DatabaseRegions, wanted: Wanted) -> DatabaseRegions:
    """The state after the whole plan."""
    for statement in plan(state, wanted).statements:
        state = run(state, statement.sql)
    return state


def words(state: DatabaseRegions, wanted: Wanted) -> list[str]:
    """The plan, each statement cut to its verb and its object."""
    home = home_column(wanted)
    return [
        statement.sql.replace(home, "home").partition(" crdb_internal_region")[0]
        for statement in plan(state, wanted).statements
    ]


def test_a_fresh_database() -> None:
    """The first region is primary, the others follow, then what they survive, then the tables."""
    assert words(FRESH, Wanted(("us-east1", "eu-west1", "ap-south1"), "region")) == [
        'ALTER DATABASE "suya" SET PRIMARY REGION "us-east1"',
        'ALTER DATABASE "suya" ADD REGION IF NOT EXISTS "ap-south1"',
        'ALTER DATABASE "suya" ADD REGION IF NOT EXISTS "eu-west1"',
        'ALTER DATABASE "suya" SURVIVE REGION FAILURE',
        'ALTER TABLE "merchants" SET LOCALITY GLOBAL',
        'ALTER TABLE "payments" ADD COLUMN IF NOT EXISTS "home"',
        'ALTER TABLE "payments" SET LOCALITY REGIONAL BY ROW AS "home"',
    ]


def test_the_home_follows_from_the_text() -> None:
    """Each region maps to itself by literals, and any other text to the primary one."""
    [*_, column, _] = plan(FRESH, Wanted(("us-east1", "eu-west1"), "zone")).statements

    assert column.sql.endswith(
        "crdb_internal_region NOT VISIBLE NOT NULL AS (CASE region WHEN 'eu-west1' THEN 'eu-west1' "
        "WHEN 'us-east1' THEN 'us-east1' ELSE 'us-east1' END) STORED"
    )


def test_what_is_done_is_not_planned_again() -> None:
    """After a plan there is none."""
    wanted = Wanted(THREE, "region")

    assert plan(finish(FRESH, wanted), wanted).statements == ()


def test_a_region_is_added_later() -> None:
    """The column is replaced, because its expression cannot be changed."""
    before = Wanted(("eu-west1", "us-east1"), "zone")
    state, wanted = finish(FRESH, before), Wanted(("eu-west1", "us-east1", "ap-south1"), "zone")
    old = home_column(before)

    assert words(state, wanted) == [
        'ALTER DATABASE "suya" ADD REGION IF NOT EXISTS "ap-south1"',
        'ALTER TABLE "payments" ADD COLUMN IF NOT EXISTS "home"',
        'ALTER TABLE "payments" SET LOCALITY REGIONAL BY ROW AS "home"',
        f'ALTER TABLE "payments" DROP COLUMN IF EXISTS "{old}"',
    ]


def test_the_goal_alone_changes() -> None:
    """A survival goal is one statement, there and back."""
    state = finish(FRESH, Wanted(THREE, "zone"))

    assert words(state, Wanted(THREE, "region")) == ['ALTER DATABASE "suya" SURVIVE REGION FAILURE']
    assert words(finish(state, Wanted(THREE, "region")), Wanted(THREE, "zone")) == [
        'ALTER DATABASE "suya" SURVIVE ZONE FAILURE'
    ]


def test_tables_of_a_later_migration_follow() -> None:
    """A table that is new since the last time gets its locality, and nothing else happens."""
    wanted = Wanted(THREE, "zone")
    state = finish(FRESH, wanted)
    new = (Table("fees", regional=False), Table("payouts", regional=True))

    assert words(msgspec.structs.replace(state, tables=(*state.tables, *new)), wanted) == [
        'ALTER TABLE "fees" SET LOCALITY GLOBAL',
        'ALTER TABLE "payouts" ADD COLUMN IF NOT EXISTS "home"',
        'ALTER TABLE "payouts" SET LOCALITY REGIONAL BY ROW AS "home"',
    ]


def test_locked_tables_are_unlocked_meanwhile() -> None:
    """Where tables are made locked they are unlocked first and locked again at the end."""
    locked = tuple(msgspec.structs.replace(t, locked=True) for t in FRESH.tables)
    state, wanted = msgspec.structs.replace(FRESH, tables=locked), Wanted(THREE, "zone")

    planned = plan(state, wanted)
    done = finish(state, wanted)

    assert [s.sql for s in planned.unlock] == [
        'ALTER TABLE "merchants" SET (schema_locked = false)',
        'ALTER TABLE "payments" SET (schema_locked = false)',
    ]
    assert all(t.locked for t in done.tables)
    assert plan(done, wanted).statements == ()


def regions_and_goal() -> st.SearchStrategy[tuple[list[str], Goal]]:
    """A wish: some regions in some order, and a goal they allow."""
    return st.lists(st.sampled_from(REGIONS), min_size=1, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names), st.sampled_from(["zone", "region"] if len(names) > 2 else ["zone"])
        )
    )


@given(
    wishes=st.lists(regions_and_goal(), min_size=1, max_size=4),
    kills=st.lists(st.integers(0, 30), min_size=4, max_size=4),
    locked=st.booleans(),
)
def test_a_killed_plan_is_finished_by_the_next(
    wishes: list[tuple[list[str], Goal]], kills: list[int], locked: bool
) -> None:
    """Wherever each run dies, and whatever is wanted next, the last plan reaches that state."""
    tables = tuple(msgspec.structs.replace(t, locked=locked) for t in FRESH.tables)
    state = msgspec.structs.replace(FRESH, tables=tables)
    for (names, goal), kill in zip(wishes, kills, strict=False):
        wanted = choose(state, regions=tuple(names), goal=goal, own_region="local")
        for statement in itertools.islice(plan(state, wanted).statements, kill):
            state = run(state, statement.sql)

    state = finish(state, wanted)

    assert plan(state, wanted).statements == ()
    assert state.primary == wanted.primary == names[0]
    assert set(state.regions) == set(wanted.regions)
    assert state.goal == goal
    home = home_column(wanted)
    assert [(t.locality, t.homes) for t in state.tables] == [
        ("GLOBAL", ()),
        (f"REGIONAL BY ROW AS {home}", (home,)),
    ]


def refusal(state: DatabaseRegions, *regions: str, goal: Goal | None = None) -> str:
    """The sentence."""
    with pytest.raises(RegionsRefused) as refused:
        choose(state, regions=regions, goal=goal, own_region="local")
    assert refused.value.message.endswith("; nothing was changed.")
    return refused.value.message


def test_bad_wishes_are_refused() -> None:
    """Each impossible wish is refused with a sentence that says what to do."""
    assert "'mars' is not one of the cluster's (ap-south1," in refusal(FRESH, "eu-west1", "mars")
    two = refusal(FRESH, "eu-west1", "us-east1", goal="region")
    assert "needs 3 regions, and there would be 2 (eu-west1, us-east1)" in two
    nowhere = msgspec.structs.replace(FRESH, cluster=())
    assert "--locality=region=" in refusal(nowhere, "eu-west1")
    shared = msgspec.structs.replace(FRESH, strangers=("orders", "crm.people"))
    assert "tables that are not Suya's (orders, crm.people)" in refusal(shared, "eu-west1")
    odd = msgspec.structs.replace(FRESH, cluster=("EU West",))
    assert "'EU West' has a name that no merchant's home can have" in refusal(odd)


@table("""
    asked              present    own       primary
    -                  -          us-east1  us-east1
    -                  -          local     ap-south1   -- the first by name, which plan shows
    -                  eu-west1   us-east1  eu-west1    -- what is, stays
    sa-east1,eu-west1  eu-west1   us-east1  sa-east1    -- what is asked for, wins
""")
def test_the_primary_region_is_chosen(row: Any) -> None:
    """The primary region is the first one asked for, else the present one, else this process's."""
    primary = row.present
    regions = (primary,) if primary else ()
    state = msgspec.structs.replace(FRESH, primary=primary, regions=regions)
    asked = tuple(row.asked.split(",")) if row.asked else ()

    wanted = choose(state, regions=asked, goal=None, own_region=row.own)

    assert wanted.primary == row.primary
    assert set(wanted.regions) == (set(asked) | set(regions) if asked else set(REGIONS))


def test_the_goal_stays_unless_it_is_asked_for() -> None:
    """Applying again without a goal does not weaken the present one."""
    state = finish(FRESH, Wanted(THREE, "region"))

    assert choose(state, regions=THREE, goal=None, own_region="local").goal == "region"


def test_a_region_that_is_not_asked_for_stays() -> None:
    """No region is dropped, and a remark names the merchants there and the next step."""
    state = msgspec.structs.replace(
        finish(FRESH, Wanted(THREE, "zone")), homes=("eu-west1", "local", "tokyo")
    )
    asked = ("eu-west1",)

    wanted = choose(state, regions=asked, goal=None, own_region="local")
    said = remarks(state, wanted, asked)

    assert set(wanted.regions) == set(THREE)
    assert len(said) == 2
    assert "at home in local, tokyo" in said[0]
    assert "primary region eu-west1" in said[0]
    assert "ap-south1, sa-east1" in said[1]


@given(st.text())
def test_names_are_quoted(text: str) -> None:
    """Whatever a name holds, it stays one identifier or one string."""
    assert name(text)[1:-1].replace('""', "") == text.replace('"', "")
    assert literal(text)[1:-1].replace("''", "") == text.replace("'", "")
