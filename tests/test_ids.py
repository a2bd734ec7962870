"""Ids: UUIDs inside, TypeIDs on the wire."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.base import ids
from tests.support.tables import Row, table


@given(st.sampled_from(sorted(ids.PREFIXES)), st.uuids())
def test_an_id_survives_the_wire(kind: str, value: UUID) -> None:
    """What was encoded is decoded to the same UUID."""
    assert ids.decode(kind, ids.encode(kind, value)) == value


@given(st.uuids(), st.uuids())
def test_ids_sort_on_the_wire_as_inside(one: UUID, other: UUID) -> None:
    """The order of texts is the order of UUIDs."""
    assert (one < other) == (ids.encode("payment", one) < ids.encode("payment", other))


@table("""
    uuid                                  suffix
    00000000-0000-0000-0000-000000000000  00000000000000000000000000
    00000000-0000-0000-0000-000000000001  00000000000000000000000001
    00000000-0000-0000-0000-00000000000a  0000000000000000000000000a
    00000000-0000-0000-0000-000000000010  0000000000000000000000000g
    00000000-0000-0000-0000-000000000020  00000000000000000000000010
    ffffffff-ffff-ffff-ffff-ffffffffffff  7zzzzzzzzzzzzzzzzzzzzzzzzz
    0110c853-1d09-52d8-d73e-1194e95b5f19  0123456789abcdefghjkmnpqrs
    01890a5d-ac96-774b-bcce-b302099a8057  01h455vb4pex5vsknk084sn02q
""")
def test_the_text_is_that_of_the_specification(row: Row) -> None:
    """The examples of the TypeID specification are encoded and decoded as it says."""
    assert ids.encode("payment", UUID(row.uuid)) == f"pay_{row.suffix}"
    assert ids.decode("payment", f"pay_{row.suffix}") == UUID(row.uuid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay_",
        "pay",
        "01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "re_01h455vb4pex5vsknk084sn02q",  # the id of a refund
        "PAY_01h455vb4pex5vsknk084sn02q",
        "pay_01H455VB4PEX5VSKNK084SN02Q",
        "pay_01h455vb4pex5vsknk084sn02",  # too short
        "pay_01h455vb4pex5vsknk084sn02qq",  # too long
        "pay_81h455vb4pex5vsknk084sn02q",  # more than 128 bits
        "pay_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "pay_01h455vb4pex5vsknk084sn02u",  # the alphabet has no u
        "pay_01h455vb4pex5vsknk084sn02 ",
        "pay_01h455vb4pex5vsknk084sn0\x002",
        "pay_01890a5d-ac96-774b-bcce-b3",
        "pay__01h455vb4pex5vsknk084sn02q",
        "pay_٠١h455vb4pex5vsknk084sn02q",  # noqa: RUF001 - digits, but not ours
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Another prefix, length, alphabet or size is malformed."""
    with pytest.raises(ids.MalformedId):
        ids.decode("payment", text)


@given(st.text(max_size=40))
def test_no_text_breaks_the_decoder(text: str) -> None:
    """Any text is either the canonical text of an id or malformed."""
    try:
        value = ids.decode("payment", text)
    except ids.MalformedId:
        return
    assert ids.encode("payment", value) == text


def test_new_ids_ascend() -> None:
    """Ids of one process sort in the order of their making."""
    made = [ids.new() for _ in range(10_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_derived_ids_are_names() -> None:
    """The same parts give the same UUID, other parts another, in the millisecond asked for."""
    merchant = ids.new()
    available = ids.derived(merchant, "USD", "merchant_available", at=merchant)

    assert available == ids.derived(merchant, "USD", "merchant_available", at=merchant)
    assert available != ids.derived(merchant, "EUR", "merchant_available", at=merchant)
    assert available.bytes[:6] == merchant.bytes[:6]
    assert (available.version, available.variant) == (8, merchant.variant)


INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - the zone is given below
    max_value=datetime(9999, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(st.lists(INSTANTS, min_size=1, max_size=20))
def test_ids_of_a_series_are_in_the_order_of_their_instants(instants: list[datetime]) -> None:
    """And those of one instant in the order in which they were asked for; all are UUIDv7s."""
    instants.sort()

    made = ids.series(instants)

    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
    for when, each in zip(instants, made, strict=True):
        assert ids.instant(each) == when.replace(microsecond=when.microsecond // 1000 * 1000)
        assert ids.first_at(when) <= each < ids.first_at(when + timedelta(microseconds=1))
