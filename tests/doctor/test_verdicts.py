"""Verdicts of `suya doctor`: a table of boundaries for each check."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.operate.doctor.licence import judge_licence, needs_key, read_key
from app.operate.doctor.model import (
    CockroachNode,
    cockroach_version,
    judge_clock,
    judge_cockroach,
    judge_connections,
    judge_isolation,
    judge_nodes,
    judge_postgresql,
    judge_ranges,
)
from tests.support.tables import table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@table("""
    found         verdict
    14.19         fail
    15.0          ok
    18.4          ok
    19beta1       warn
    -             fail     -- nothing that could be read
""")
def test_postgresql(row: Any) -> None:
    """PostgreSQL 15 to 18 are tested; older ones are refused."""
    assert judge_postgresql(row.found or "").verdict == row.verdict


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ("CockroachDB CCL v21.2.17 (x86_64-pc-linux-gnu, built 2023)", "fail"),
        ("CockroachDB CCL v22.1.0-dev.7788e17e (linux amd64)", "ok"),
        ("CockroachDB CCL v26.2.2 (x86_64-pc-linux-gnu)", "ok"),
        ("7788e17e", "warn"),
    ],
)
def test_cockroachdb(found: str, verdict: str) -> None:
    """CockroachDB from 22.1 is supported; a build without a version is a remark."""
    assert judge_cockroach(found).verdict == verdict


def test_isolation() -> None:
    """Any isolation but serializable is a failure, because the books would not balance."""
    assert judge_isolation("serializable").verdict == "ok"
    assert judge_isolation("read committed").verdict == "fail"


@table("""
    offset   doubt  verdict
    0            5  ok
    500          0  ok
    -501         0  warn
    5000      4600  ok       -- the question took so long that nothing is known
    60000        0  warn
    -60001       0  fail
""")
def test_clocks(row: Any) -> None:
    """A clock is wrong only by more than the duration of the query explains."""
    assert judge_clock(row.offset, row.doubt).verdict == row.verdict


@table("""
    limit  used  verdict
    100      10  ok
    100      80  ok       -- room for two processes of ten
    100      81  warn     -- for one
    100      91  fail     -- for none
    -        91  ok       -- no limit
""")
def test_connections(row: Any) -> None:
    """There must be connections for an api, and should be for a worker, too."""
    assert judge_connections(row.limit, row.used, 10).verdict == row.verdict


def nodes(*live: bool) -> list[CockroachNode]:
    """Members of a cluster, numbered from 1."""
    return [CockroachNode(n, "active", False, alive, "") for n, alive in enumerate(live, 1)]


def test_nodes() -> None:
    """A member that is down is named; one that was decommissioned does not count."""
    assert judge_nodes(nodes(True, True, True), production=True).verdict == "ok"
    down = judge_nodes(nodes(True, False, True), production=False)
    assert (down.verdict, "2 of 3 nodes live; n2 down" in down.said) == ("warn", True)
    gone = [*nodes(True), CockroachNode(4, "decommissioned", False, False, "")]
    assert judge_nodes(gone, production=False).verdict == "ok"
    assert judge_nodes(gone, production=True).verdict == "warn"


@table("""
    under  lost  verdict
    0         0  ok
    3         0  warn
    3         1  fail
""")
def test_ranges(row: Any) -> None:
    """A missing copy is a warning, a missing majority a failure."""
    assert judge_ranges(row.under, row.lost).verdict == row.verdict


def key(until: datetime, organization: str = "Suya Ltd") -> str:
    """A licence key as the vendor writes it, with a cluster id and a type that we do not read."""

    def varint(value: int) -> bytes:
        out = b""
        while value >= 0x80:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    name = organization.encode()
    message = b"\x0a\x10" + bytes(16) + b"\x10" + varint(int(until.timestamp())) + b"\x18\x01"
    message += b"\x22" + varint(len(name)) + name
    return f"crl-0-{base64.b64encode(message).decode().rstrip('=')}"


def test_a_key_is_read() -> None:
    """A key contains its end and its owner; another text is not read as a key."""
    until = datetime(2027, 3, 1, tzinfo=UTC)

    assert read_key(key(until)) == (until, "Suya Ltd")
    for text in ("", "<redacted>", "crl-0-", "crl-0-%%%", "crl-0-EA", key(until)[:20]):
        assert read_key(text) is None


@table("""
    version  needed
    22.1.0   no
    23.1.28  no
    23.1.29  yes
    24.2.4   no
    24.2.5   yes
    24.3.0   yes
    26.2.2   yes
""")
def test_who_needs_a_key(row: Any) -> None:
    """From 24.3 on, and from some patches of older lines on, a cluster needs a key."""
    assert needs_key(cockroach_version(f"v{row.version}")) == (row.needed == "yes")


@pytest.mark.parametrize(
    ("version", "size", "age_days", "verdict", "said"),
    [
        ((22, 1, 0), 9, 900, "ok", "runs without a key"),
        ((25, 4, 11), 1, 900, "ok", "needs none"),
        ((25, 4, 11), 3, 0, "warn", "made on 2026-11-21, 7 left"),
        ((25, 4, 11), 3, 6, "warn", "made on 2026-11-15, 1 left"),
        ((25, 4, 11), 3, 7, "fail", "at most 5 transactions at a time"),
        ((25, 4, 11), 3, None, "warn", "then at most 5 transactions at a time"),
    ],
)
def test_without_a_key(
    version: tuple[int, int, int], size: int, age_days: int | None, verdict: str, said: str
) -> None:
    """Several nodes without a key have seven days, and the line counts them down."""
    made_at = None if age_days is None else NOW - timedelta(days=age_days)

    found = judge_licence(
        version=version, nodes=size, key="", expires_in_s=0, made_at=made_at, now=NOW
    )

    assert found.verdict == verdict
    assert said in found.said
    assert ("enterprise.license" in found.mend) == (verdict != "ok")


@pytest.mark.parametrize(
    ("text", "expires_in_s", "verdict", "said"),
    [
        (key(NOW + timedelta(days=30, hours=1)), 0, "ok", "of Suya Ltd lasts until 2026-12-21: 30"),
        (key(NOW + timedelta(days=29)), 0, "warn", "29 days left"),
        (key(NOW - timedelta(days=3)), 0, "fail", "3 days ago"),
        ("<redacted>", 86_400 * 12, "warn", "12 days left"),
        ("<redacted>", 0, "ok", "hidden"),
    ],
)
def test_with_a_key(text: str, expires_in_s: int, verdict: str, said: str) -> None:
    """The days left are the key's, or the server's count where the key is hidden."""
    found = judge_licence(
        version=(25, 4, 11), nodes=3, key=text, expires_in_s=expires_in_s, made_at=None, now=NOW
    )

    assert found.verdict == verdict
    assert said in found.said
