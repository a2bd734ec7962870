"""Promise 7: card numbers exist only inside the vault, and there only encrypted.

Numbers are sent through every field of every endpoint, and used as they should be; then whatever
the product wrote, kept and said is searched for them.
"""

# ruff: noqa: S608 - the tables are named by us

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import httpx
import pytest
from stdnum import luhn

from app.base import ids
from tests.support import builders
from tests.support.acquirer import AcquirerProcess
from tests.support.client import Api, done, refused
from tests.support.databases import Databases, Server, execute, rows
from tests.support.destination import Destination
from tests.support.planting import Planted, planted
from tests.support.processes import ADMIN_KEY, ApiProcess, WorkerProcess, free_port, get
from tests.support.rails import card_payment
from tests.support.vault import VaultProcess, authorization

SEED = int(os.environ.get("SUYA_TEST_SEED", "1"))
HOLDER = "Adaeze Holderness-Okafor"
"""A name that stands on one of the cards and nowhere else."""
SHOWN_DIGITS = 6  # of a number's beginning, at most; of its end four

# Headers that nobody stores and nobody repeats: these alone refuse nothing.
UNREAD = re.compile(r": header (Prefer|User-Agent|Accept|Origin)$")


class Numbers(NamedTuple):
    """Card numbers that nobody else has: sent where they must not be, and kept by the vault."""

    stray: str
    kept: tuple[str, ...]


class World(NamedTuple):
    """All processes of an installation, and where each writes."""

    api: ApiProcess
    worker: WorkerProcess
    vault: VaultProcess
    acquirer: AcquirerProcess
    database_url: str
    processor: Destination


def numbers() -> Numbers:
    """Fresh numbers of each seed."""
    print(f"SUYA_TEST_SEED={SEED}")
    random = Random(SEED)
    beginnings = ("400000", "520000", "370000", "601100")
    found = []
    for beginning in beginnings:
        digits = 14 if beginning.startswith("37") else 15
        rest = "".join(str(random.randrange(10)) for _ in range(digits - len(beginning)))
        found.append(beginning + rest + luhn.calc_check_digit(beginning + rest))
    return Numbers(found[0], tuple(found[1:]))


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[World]:
    """An installation of this test's own."""
    url, vault_url = databases.new_database(), databases.new_vault_database()
    metrics_port = str(free_port())
    with Destination() as processor:
        acquirer = AcquirerProcess(tmp_path)
        told = processor.settings_of_vault | acquirer.for_vault()
        vault = VaultProcess(vault_url, tmp_path, **told)
        told = vault.for_callers() | acquirer.settings_of_callers
        api = ApiProcess(url, tmp_path, **told, log_level="debug")
        worker = WorkerProcess(
            url, tmp_path, metrics_port=metrics_port, sweep_interval_ms="50", **told
        )
        acquirer.settings["acquirer_notify_url"] = f"{api.url}/v1/notifications/acquirer"
        with acquirer, vault, api, worker:
            acquirer.start()
            vault.start()
            api.start()
            worker.start()
            yield World(api, worker, vault, acquirer, url, processor)
    databases.drop_database(url)
    databases.drop_database(vault_url)


@pytest.mark.parametrize("form", ["whole", "groups", "word", "hex", "base64"])
def test_the_search_finds_what_it_looks_for(form: str) -> None:
    """A number in one piece, in groups, within a word, in hexadecimal digits or in base64."""
    sent = numbers()
    for number in (sent.stray, *sent.kept):
        groups = "-".join(number[at : at + 4] for at in range(0, len(number), 4))
        texts = {
            "whole": number,
            "groups": groups,
            "word": f"x{number}y",
            "hex": f"\\x7b22{number.encode().hex()}",
            "base64": base64.b64encode(f'{{"number": "{number}"}}'.encode()).decode(),
        }
        assert _found(_traces(sent), texts[form])
    assert not _found(_traces(sent), "4242424242424242")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_number_is_found_outside_the_vault(
    world: World, databases: Databases, tmp_path: Path
) -> None:
    """Answers, databases, logs, metrics and files have none of the numbers, however written."""
    sent = numbers()
    async with Api(world.api.url) as caller:
        merchant = await builders.new_merchant(caller.as_(ADMIN_KEY))
        said = await _plant_everywhere(world, merchant.api, sent.stray)
        said += _plant_in_the_vault(world, merchant.id, sent)
        said += await _use_cards(world, merchant, sent)
        said += [get(f"{url}/metrics").text for url in (world.api.url, world.vault.url)]
        said.append(world.worker.read_metrics())
        events = await merchant.api.all("/v1/events")
    assert any(event["type"] == "payment_method.attached" for event in events)
    for process in (world.api, world.worker, world.vault, world.acquirer):
        process.stop()

    traces = _traces(sent)
    assert _found(traces, "\n".join([*said, str(events)])) == []
    for url in (world.database_url, world.vault.database_url):
        assert _found(traces, _dump(url)) == [], url
    for log in tmp_path.glob("*.log"):
        assert log.stat().st_size > 0
        assert _found(traces, log.read_text("utf-8")) == [], log
    if isinstance(databases, Server):
        _assert_files_are_clean(databases, traces)
    assert len(rows(world.vault.database_url, "SELECT 1 FROM cards")) == len(sent.kept)


async def _plant_everywhere(world: World, api: Api, number: str) -> list[str]:
    """The answers to the number in each place of each request; it is refused wherever it counts."""
    document = done(await api.get("/schema"))
    spaced = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    answers = []
    for text in (number, spaced):
        for request in planted(document, text, {}):
            secret = ADMIN_KEY if request.is_admin else str(api.secret)
            answer = await _send(api, request, secret)
            assert answer.status_code < 500, (request, answer.text)
            # With spaces it is no id, and is neither looked at nor repeated.
            is_no_id = text is spaced and request.where.endswith("header X-Request-Id")
            if not UNREAD.search(request.where) and not is_no_id:
                is_bulk = answer.status_code == httpx.codes.OK and "/bulk" in request.path
                body = answer.json()["data"][0]["problem"] if is_bulk else answer.json()
                assert body.get("code") == "card_number_not_allowed", (request, answer.text)
            answers.append(f"{answer.headers} {answer.text}")
    assert len(answers) > 1_000
    return answers


async def _send(api: Api, request: Planted, secret: str) -> httpx.Response:
    return await api.client.request(
        request.method,
        request.path,
        params=request.params,
        headers={"Authorization": f"Bearer {secret}", **request.headers},
        content=request.content,
    )


def _plant_in_the_vault(world: World, merchant: str, sent: Numbers) -> list[str]:
    """What the vault answers to numbers where it expects none, and to bad cards."""
    vault, number = world.vault, sent.stray
    key, changed = vault.publishable_key(merchant), number[:-1] + str((int(number[-1]) + 1) % 10)
    good = {"number": number, "exp_month": 1, "exp_year": 2040}
    answers = [
        vault.post("/tokens", key, good | wrong)
        for wrong in (
            *({"number": changed}, {"exp_year": 2001}, {"exp_month": int(number)}),
            *({"cvc": number}, {"name": [number]}, {number: 1}, {"number": int(number)}),
        )
    ]
    answers += [
        vault.post("/tokens", number, good),
        vault.post(f"/{number}", key, good),
        vault.post("/tokens", "pk", good, x_request_id=number, user_agent=number),
    ]
    for wrong in (
        *({}, {"processor": number}, {"operation": number}, {number: 1}),
        *({"fields": number}, {"fields": authorization(reference=number)}),
        *({"fields": authorization(sandbox_fault=number)}, {"fields": {number: number}}),
    ):
        answers.append(vault.forward(number, number, **wrong))
    answers.append(vault.ask(number, number))
    assert all(answer.is_error for answer in answers)
    return [f"{answer.headers} {answer.text}" for answer in answers]


async def _use_cards(world: World, merchant: builders.Merchant, sent: Numbers) -> list[str]:
    """Cards used as they should be: kept, registered, paid with, and repeated by a processor."""
    said = []
    customer = await merchant.customer(name="Ada")
    for number in sent.kept:
        cvc = "1234" if number.startswith("37") else "123"
        token = world.vault.tokenize(number, merchant.id, cvc=cvc, name=HOLDER)
        body = {"token": token["id"], "customer": customer}
        made = done(await merchant.api.post("/v1/payment_methods", body), 201)
        world.processor.how = "echo"
        answer = world.vault.forward(
            token["id"], merchant.id, processor="stripe", operation="create_payment_method",
            fields={},
        )  # fmt: skip
        # It has it, and brings it where it belongs.
        assert number in world.processor.got[-1].body
        assert done(answer)["status"] == httpx.codes.OK
        paid = done(await merchant.api.post("/v1/payments", card_payment(token["id"])), 201)
        back = await merchant.refund(paid["id"], amount=10)
        said += [str(shown) for shown in (token, made, answer.text, paid, back)]
    unknown = ids.encode("payment_method", ids.new())
    refused(await merchant.api.post("/v1/payment_methods", {"token": unknown}), 404,
            "payment_method_not_found")  # fmt: skip
    return said


def _traces(sent: Numbers) -> list[bytes]:
    """What no text may contain: the numbers, more of them than may be shown, and the name."""
    traces = [HOLDER.encode()]
    for number in (sent.stray, *sent.kept):
        plain = number.encode()
        # Of text that is in base64 three alignments are possible; the middle is in one of them.
        traces += [base64.b64encode(b"\0" * shift + plain)[4:-4] for shift in range(3)]
        more_than_shown = number[: SHOWN_DIGITS + 4].encode(), number[-8:].encode()
        traces += [plain.hex().encode(), *more_than_shown]
    return traces


def _found(traces: list[bytes], text: str) -> list[bytes]:
    """Which of the traces are in a text, groups apart by spaces or hyphens included."""
    plain = text.encode()
    joined = re.sub(rb"(?<=[0-9])[ -](?=[0-9])", b"", plain)
    return [trace for trace in traces if trace in plain or trace in joined]


def _dump(url: str) -> str:
    """Every row of every table, as text."""
    public = "table_schema = 'public'"
    tables = rows(url, f"SELECT table_name FROM information_schema.tables WHERE {public}")
    found = []
    for (table,) in tables:
        columns = rows(
            url,
            f"SELECT column_name FROM information_schema.columns WHERE {public}"
            " AND table_name = %s",
            [table],
        )
        texts = ", ".join(f"CAST({column} AS TEXT)" for (column,) in columns)
        found += [str(row) for row in rows(url, f"SELECT {texts} FROM {table}")]
    assert len(tables) > 2
    return "\n".join(found)


def _assert_files_are_clean(server: Server, traces: list[bytes]) -> None:
    """Not even the files of the database have any: no page, no log of writes, no log for people."""
    execute(server.url_of("postgres"), "CHECKPOINT")
    looked = 0
    for path in [*server.home.rglob("*"), server.postgres.log_path]:
        if path.is_file():
            content = path.read_bytes()
            assert [trace for trace in traces if trace in content] == [], path
            looked += 1
    assert looked > 100
