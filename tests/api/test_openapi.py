"""/schema and /docs: complete, valid, and true."""

import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel

import app.processes.api  # noqa: F401 - it imports all routes, and with them their bodies
from app.api.http.examples import BODIES
from app.api.http.fields import Body
from app.api.routes.pages import _leaves
from app.base.errors import PlatformError
from tests.support.builders import Merchant
from tests.support.client import Api, done
from tests.support.endpoints import WRITING, Prepare

METHODS = {"get", "post"}
OPERATORS = (
    *(
        "app.operate.regions",
        "app.operate.rehoming",
        "app.devkit.chaos",
        "app.devkit.cluster",
        "app.operate.doctor",
    ),
    *("app.vault", "app.sandbox.acquirer"),  # processes of their own
)


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    return done(await api.get("/schema"), 200)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_it_is_openapi(document: dict[str, Any]) -> None:
    """The document has the parts OpenAPI 3.1 requires, and every schema is JSON Schema 2020-12."""
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["responses"]
        for parameter in operation["parameters"]:
            assert parameter["in"] in {"path", "query", "header"}
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert all(p["required"] for p in operation["parameters"] if p["in"] == "path")
        for scheme in operation["security"]:
            assert set(scheme) <= set(document["components"]["securitySchemes"])
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No `$ref` is broken, and no component is without a user."""
    references = set(_references(document))

    for reference in references:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in place, reference
            place = place[part]
    used = {r.rsplit("/", 1)[1] for r in references if "/schemas/" in r}
    assert used == set(document["components"]["schemas"])


async def test_every_answer_is_described(document: dict[str, Any]) -> None:
    """Each operation tells its good answer, its refusals as problems, and the headers of all."""
    for path, method, operation in operations(document):
        statuses = {int(status) for status in operation["responses"]}
        takes_prefer = any(p["name"] == "Prefer" for p in operation["parameters"])
        good = {status for status in statuses if status < 300} - ({202} if takes_prefer else set())
        assert len(good) == 1, path
        if path.startswith("/v1/"):
            assert {400, 401, 500, 503} <= statuses, path
        if method == "post":
            assert {413, 415} <= statuses, path
        for status, response in operation["responses"].items():
            assert {"X-Request-Id", "RateLimit", "RateLimit-Policy"} <= set(response["headers"])
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


async def test_what_writes_takes_a_key(document: dict[str, Any]) -> None:
    """The Idempotency-Key is a required header wherever something changes, and 422 is told."""
    for path, method, operation in operations(document):
        headers = {p["name"]: p for p in operation["parameters"] if p["in"] == "header"}
        needs_key = method == "post" and path != "/v1/payments/bulk"
        assert ("Idempotency-Key" in headers) == needs_key, path
        if needs_key:
            assert headers["Idempotency-Key"]["required"]
            assert "422" in operation["responses"]


async def test_every_route_is_described(document: dict[str, Any]) -> None:
    """What design and issues name is there."""
    served = {(path, method) for path, method, _ in operations(document)}

    for noun in (
        *("payments", "refunds", "accounts", "transfers", "fx/quotes", "bank_accounts"),
        "payouts",
    ):
        assert {(f"/v1/{noun}", "get"), (f"/v1/{noun}", "post")} <= served
    assert {
        ("/v1/payments/bulk", "post"),
        ("/v1/payments/{payment_id}", "get"),
        ("/v1/payments/{payment_id}/capture", "post"),
        ("/v1/payments/{payment_id}/cancel", "post"),
        ("/v1/payouts/{payout_id}/approve", "post"),
        ("/v1/payouts/{payout_id}/cancel", "post"),
        ("/v1/accounts/{account_id}/balance", "get"),
        ("/v1/accounts/{account_id}/entries", "get"),
        ("/v1/accounts/{account_id}/close", "post"),
        ("/v1/deposits", "post"),
        ("/v1/events", "get"),
        ("/v1/merchants", "post"),
        ("/v1/api_keys", "post"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    } <= served


async def test_examples_of_problems_are_problems(document: dict[str, Any]) -> None:
    """Each example of a refusal has the shape of all problems."""
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)

    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/problem+json", {})
            for code, example in content.get("examples", {}).items():
                validator.validate(example["value"])
                assert example["value"]["status"] == int(status)
                assert example["value"]["code"] == code


def bodies() -> dict[str, type[BaseModel]]:
    """What all routes take, by name."""
    direct = Body.__subclasses__()
    return {c.__name__: c for c in [*direct, *(c for one in direct for c in one.__subclasses__())]}


@pytest.mark.parametrize("name", BODIES)
async def test_every_example_is_accepted(document: dict[str, Any], name: str) -> None:
    """The examples fit both the model that reads them and the schema that describes them."""
    model: type[BaseModel] = bodies()[name]

    model.model_validate(BODIES[name], strict=False)

    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(BODIES[name])


async def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    """Nobody has to guess what to send."""
    for path, _, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        assert all("examples" in media for media in content.values()), path
    assert set(bodies()) - set(BODIES) == {
        *("WalletMethod", "CardMethod", "BankTransferMethod", "TransferEntry"),
    }


@pytest.mark.parametrize("prepare", WRITING.values(), ids=WRITING.keys())
async def test_real_answers_fit(
    document: dict[str, Any], merchant: Merchant, prepare: Prepare
) -> None:
    """What is answered, and what is read afterwards, has the shape that is promised."""
    ready = await prepare(merchant)
    answer = await merchant.api.post(ready.path, ready.body)

    template = re.sub(r"/(pay|acct|po|cus)_\w+", r"/{\1}", ready.path)
    template = template.replace("{pay}", "{payment_id}").replace("{acct}", "{account_id}")
    template = template.replace("{po}", "{payout_id}")
    template = template.replace("{cus}", "{customer_id}")
    _validate(document, template, "post", answer.status_code, answer.json())
    for noun in (
        *("payments", "refunds", "accounts", "transfers", "events", "payouts", "bank_accounts"),
    ):
        path = f"/v1/{noun}"
        _validate(document, path, "get", 200, done(await merchant.api.get(path)))


async def test_every_error_is_explained(api: Api) -> None:
    """/docs/errors has each code with its anchor, its status and its sentence."""
    page = (await api.get("/docs/errors")).text
    # Of those that an api process can meet: commands of the operator have errors of their own.
    at_the_api = [e for e in _leaves(PlatformError) if not e.__module__.startswith(OPERATORS)]

    assert len(at_the_api) > 30
    for error in at_the_api:
        assert f'id="{error.code}"' in page, error
        assert f"<td>{error.status}</td>" in page


async def test_every_operation_has_its_place_in_the_pages(
    api: Api, document: dict[str, Any]
) -> None:
    """/docs shows what /schema says, and needs nothing from other machines."""
    answer = await api.get("/docs")

    assert answer.headers["content-type"].startswith("text/html")
    for path, _, operation in operations(document):
        assert f"id='{operation['operationId']}'" in answer.text, path
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [r for value in part.values() for r in _references(value)]
    if isinstance(part, list):
        return [r for value in part for r in _references(value)]
    return []


def _validate(document: dict[str, Any], path: str, method: str, status: int, body: Any) -> None:
    response = document["paths"][path][method]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    whole = schema | {"components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(body)


async def test_every_page_has_a_head(merchant: Merchant, document: dict[str, Any]) -> None:
    """HEAD answers as GET does, with its length and without its content."""
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        address = path.replace("{", "").replace("}", "")  # an id that names nothing is not found
        head = await merchant.api.request("HEAD", address)
        got = await merchant.api.request("GET", address)

        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"]
