"""Keys: how they are written, what they name, and who acts under them."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine import idempotency
from app.engine.idempotency import Answer, Claims, Command, KeyMalformed, KeyMissing
from app.engine.idempotency.model import Known

MERCHANTS = (UUID(int=1), UUID(int=2))


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("k", "k"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e"', "8e03978e"),  # a structured-field string
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ("a b", "a b"),
        ('"', '"'),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
    ],
)
def test_a_key_is_taken_bare_or_quoted(header: str, key: str) -> None:
    """The quoted and the bare form of a key are the same key."""
    assert idempotency.parse_key(header) == key


@pytest.mark.parametrize("header", [None, "", '""'])
def test_a_missing_key_is_named_so(header: str | None) -> None:
    """No key and an empty key are missing."""
    with pytest.raises(KeyMissing):
        idempotency.parse_key(header)


@pytest.mark.parametrize("header", ["x" * 256, '"' + "x" * 256 + '"', "ключ", "a\x00b", "a\tb"])
def test_a_malformed_key_is_named_so(header: str) -> None:
    """A key is 1 to 255 printable ASCII characters."""
    with pytest.raises(KeyMalformed):
        idempotency.parse_key(header)


@given(st.text(min_size=1, max_size=200))
def test_internal_keys_are_no_clients(key: str) -> None:
    """A client cannot send the key of internal work, whatever it is made of."""
    inside = idempotency.internal_intent(key)

    with pytest.raises(KeyMalformed):
        idempotency.parse_key(inside.key)
    assert inside.id != idempotency.intent(key, "POST", "/", "{}").id


def test_a_key_names_the_same_intent_everywhere() -> None:
    """The id derives from the key alone, so a key is found whatever the request was."""
    one = idempotency.intent("k", "POST", "/v1/payments", "{}")
    other = idempotency.intent("k", "POST", "/v1/refunds", '{"amount":1}')

    assert one.id == other.id
    assert one.id != idempotency.intent("K", "POST", "/v1/payments", "{}").id


def named(merchant: int, key: int | None, body: str, path: str = "/v1/payments") -> Command:
    """A command that is nothing but its name."""
    intent = None if key is None else idempotency.intent(str(key), "POST", path, body)
    return Command("local", MERCHANTS[merchant], intent, "req_1", None)


def answers(claims: Claims[Command]) -> list[Answer]:
    """One answer per acting command: its place among those that act."""
    return claims.merge([Answer(201, str(place)) for place in range(len(claims.fresh))])


def differences(answer: Answer) -> str:
    return str(json.loads(answer.body)["facts"]["differs_in"])


def test_repeats_in_one_batch_get_the_first_ones_answer() -> None:
    """Of equal requests under one key the first acts, and the others are told what it was told."""
    claims = Claims([named(0, 1, "{}") for _ in range(3)], {})

    assert len(claims.fresh) == 1
    assert [(a.body, a.replayed) for a in answers(claims)] == [
        ("0", False),
        ("0", True),
        ("0", True),
    ]


def test_commands_without_a_key_never_collide() -> None:
    """Two honest equal commands without a key are two."""
    assert len(Claims([named(0, None, "{}")] * 2, {}).fresh) == 2


@pytest.mark.parametrize(
    ("before", "now", "path", "named_fields"),
    [
        ('{"amount":1}', '{"amount":2}', "/v1/payments", "amount"),
        ('{"amount":1}', '{"amount":1,"note":"x"}', "/v1/payments", "note"),
        ('{"a":1,"b":2}', '{"a":2,"b":3}', "/v1/payments", "a, b"),
        ('{"amount":1}', '{"amount":1}', "/v1/refunds", "path"),
        ('{"amount":1}', '{"amount":2}', "/v1/refunds", "path, amount"),
        ('{"a":{"b":1}}', '{"a":{"b":2}}', "/v1/payments", "a"),
    ],
)
def test_another_request_under_a_used_key_is_told_what_differs(
    before: str, now: str, path: str, named_fields: str
) -> None:
    """The refusal names the fields that differ, within a batch and after it."""
    first, second = named(0, 1, before), named(0, 1, now, path)
    assert first.intent is not None
    known = Known(first.intent.request, Answer(201, "0"))

    within = answers(Claims([first, second], {}))[1]
    after = answers(Claims([second], {(MERCHANTS[0], first.intent.id): known}))[0]

    for answer in (within, after):
        assert (answer.status, answer.replayed) == (422, False)
        assert differences(answer) == named_fields


commands = st.lists(
    st.builds(
        named,
        st.integers(0, 1),
        st.none() | st.integers(0, 3),
        st.sampled_from(['{"amount":1}', '{"amount":2}']),
    ),
    max_size=12,
)


@given(commands, commands)
def test_one_key_acts_once_whatever_the_batches(first: list[Command], then: list[Command]) -> None:
    """Over two batches each key of each merchant acts once, and equal requests agree."""
    known: dict[tuple[UUID, UUID], Known] = {}
    acted: list[tuple[UUID, UUID]] = []
    heard: dict[tuple[UUID, UUID, str], set[str]] = {}
    for number, batch in enumerate((first, then)):
        claims = Claims(batch, known)
        merged = claims.merge(
            [Answer(201, f"{number}.{place}") for place in range(len(claims.fresh))]
        )
        assert len(merged) == len(batch)
        for command, answer in zip(batch, merged, strict=True):
            if command.intent is None:
                continue
            key = (command.merchant_id, command.intent.id)
            if answer.status == 201 and not answer.replayed:
                acted.append(key)
                known.setdefault(
                    key, Known(command.intent.request, Answer(201, answer.body, replayed=True))
                )
            if answer.status == 201:
                heard.setdefault((*key, command.intent.request), set()).add(answer.body)

    assert len(acted) == len(set(acted))
    assert all(len(bodies) == 1 for bodies in heard.values())
