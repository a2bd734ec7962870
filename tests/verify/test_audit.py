"""Which differences the comparison of entries and lines must notice."""

from typing import cast

import pytest

from app.operate.verify.audit import Audit, Said
from app.operate.verify.model import Findings
from app.operate.verify.store import Snapshot

SAID: Said = ("merchant", "transfer", "debit", 5, -1, "2026-01-02 03:04:05+00")


@pytest.mark.parametrize(
    "other",
    [
        ("another", *SAID[1:]),
        (SAID[0], "another", *SAID[2:]),
        (*SAID[:2], "credit", *SAID[3:]),
        (*SAID[:3], 6, *SAID[4:]),
        (*SAID[:4], -2, SAID[5]),
        (*SAID[:5], "2026-01-02 03:04:06+00"),
    ],
)
def test_an_entry_is_all_that_it_says(other: Said) -> None:
    """An entry and a line with any difference do not cancel out, not even with -1 and -2."""
    audit = Audit(cast(Snapshot, None), ["local"], Findings(), lambda *_: None)

    audit.count_entry(("account", 1), SAID)
    audit.count_entry(("account", 1), other, -1)

    assert audit.entries.suspects()
    audit.count_entry(("account", 1), SAID, -1)
    audit.count_entry(("account", 1), other)
    assert not audit.entries.suspects()
