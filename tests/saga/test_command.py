"""`suya sagas`: what people see of flows, and how they let one go on."""

import json
from pathlib import Path

from app.base import ids
from tests.saga.errands import NOBODY_KNOWS, Outside, office
from tests.support.commands import environ_of, run_suya
from tests.support.databases import rows


async def test_people_find_a_parked_flow_and_retry_it(database_url: str, tmp_path: Path) -> None:
    """A flow that was given up is listed, shown with its reason, and taken up on demand."""
    async with office(database_url, Outside(NOBODY_KNOWS), saga_attempts_max=1) as at:
        errand = at.errand()
        await at.run(errand)
    name = ids.encode("saga", errand.flow_id)
    environ = environ_of(tmp_path) | {"SUYA_DATABASE_URL": database_url}

    listed = run_suya(environ, "sagas", "list", "--parked", "--json")
    shown = run_suya(environ, "sagas", "show", name)
    retried = run_suya(environ, "sagas", "retry", name)
    unknown = run_suya(environ, "sagas", "show", ids.encode("saga", ids.new()))

    (view,) = json.loads(listed.stdout)["data"]
    assert (view["id"], view["status"]) == (name, "parked")
    assert "nobody knows" in shown.stdout
    assert "a worker takes it up" in retried.stdout
    assert unknown.returncode != 0
    assert rows(database_url, "SELECT status, attempts FROM sagas") == [("running", 1)]
