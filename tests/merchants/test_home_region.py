"""Where a merchant can be at home."""

import pytest

from app.domains.merchants import UnknownRegion
from app.domains.merchants.admin import create_merchant, list_merchants
from tests.support.databases import execute
from tests.support.engine import opened


async def test_one_region_may_have_any_name(database_url: str) -> None:
    """A database that is not multi-region takes every name of the right form."""
    async with opened(database_url) as database:
        made = await create_merchant(database, name="stall", home_region="anywhere-1")

    assert made.home_region == "anywhere-1"


async def test_a_home_is_one_of_the_regions(database_url: str) -> None:
    """A multi-region database refuses a home it does not have and names those it has."""
    # What CockroachDB keeps its regions in; the statement is the same on both databases.
    execute(database_url, "CREATE TYPE crdb_internal_region AS ENUM ('us-east1', 'eu-west1')")

    async with opened(database_url) as database:
        made = await create_merchant(database, name="stall", home_region="eu-west1")
        with pytest.raises(UnknownRegion) as refused:
            await create_merchant(database, name="stall", home_region="local")
        found = await list_merchants(database)

    assert [merchant.id for merchant in found] == [made.id]
    assert refused.value.message == (
        "'local' cannot be a home region: the database's regions are eu-west1, us-east1."
    )


@pytest.mark.parametrize("region", ["", "-eu", "EU", "eu_1", "a" * 64, "eu\n", "eu'; --"])
async def test_a_malformed_name_is_refused(database_url: str, region: str) -> None:
    """A name that could not be a region's is refused wherever it comes from."""
    async with opened(database_url) as database:
        with pytest.raises(UnknownRegion, match="characters"):
            await create_merchant(database, name="stall", home_region=region)
