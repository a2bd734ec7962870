"""The paths of the sandbox, and the key that they need."""

from tests.support.acquirer import AcquirerProcess
from tests.support.tables import Row, table


@table("""
    method  path                         status  code
    GET     /v1/nothing                     404  no_such_path
    GET     /v1/captures/                   404  no_such_path
    GET     /v1/captures/a/b                404  no_such_path
    GET     /v1/captures/a                  404  not_found
    GET     /v1/refunds                     405  method_not_allowed
    DELETE  /v1/captures/a                  405  method_not_allowed
""")
def test_a_path_or_method_that_is_unknown_is_refused(row: Row, acquirer: AcquirerProcess) -> None:
    """No such path is 404, a path without such a method is 405."""
    answer = acquirer.client.request(row.method, row.path)

    assert answer.status_code == row.status
    assert answer.json()["code"] == row.code


def test_only_a_key_opens_what_is_not_public(acquirer: AcquirerProcess) -> None:
    """Without the key a record is refused, and health and metrics are shown."""
    nobody = {"Authorization": ""}
    statuses = {
        path: acquirer.client.get(path, headers=nobody).status_code
        for path in ("/v1/captures/a", "/sandbox/clock", "/healthz", "/metrics")
    }

    assert statuses == {
        "/v1/captures/a": 401, "/sandbox/clock": 401, "/healthz": 200, "/metrics": 200,
    }  # fmt: skip
