"""Settlement files: the movements of a day, to be compared with a client's own books.

A day's files exist once the day is over, and never change afterwards. They are written while they
are sent, page by page, because a busy day does not fit in memory.
"""

import csv
import io
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from xml.sax.saxutils import escape

from msgspec import Struct

from app.base.money import EXPONENTS
from app.sandbox.acquirer.store import Store
from app.sandbox.acquirer.wire import RequestRefused

PAGE = 2_000  # movements read at a time: about half a megabyte
DAYS_MAX = 1_000  # sums in the list of days; one a day and currency

COLUMNS = (
    "id", "settled_on", "booked_at", "kind", "reference", "authorization", "merchant", "currency",
    "gross", "fee", "net",
)  # fmt: skip
"""Of the CSV file; amounts are minor units, positive towards the platform, net = gross - fee."""

CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
REFERENCE_LENGTH_MAX = 35  # Max35Text, the type of its references

# ISO 20022 external codes: domain, family and sub-family of each kind of movement.
_CODES = {
    "capture": ("PMNT", "MCRD", "POSP"),
    "refund": ("PMNT", "MCRD", "POSR"),
    "refund_failed": ("PMNT", "MCRD", "RIMB"),
    "dispute": ("PMNT", "MCRD", "CHBK"),
    "dispute_won": ("PMNT", "MCRD", "RIMB"),
    "bank_transfer": ("PMNT", "RCDT", "ESCT"),
    "payout": ("PMNT", "ICDT", "ESCT"),
    "payout_returned": ("PMNT", "ICDT", "RRTN"),
}


class StatementLine(Struct, frozen=True):
    """A movement as the files show it."""

    id: int
    booked_at: str
    kind: str
    reference: str
    authorization: str | None
    merchant: str
    currency: str
    true_gross_minor: int
    """What really moved; the files show `gross_minor`."""
    fee_minor: int
    gross_minor: int

    @property
    def net_minor(self) -> int:
        """What the platform gets."""
        return self.gross_minor - self.fee_minor


class DaySums(Struct, frozen=True):
    """The sums of a day in one currency, as the files show them."""

    currency: str
    count: int
    true_gross_minor: int
    fee_minor: int
    gross_minor: int

    @property
    def net_minor(self) -> int:
        """What the platform gets."""
        return self.gross_minor - self.fee_minor


async def _today(store: Store) -> date:
    # A unit of its own runs after everything that was booked before is committed, and nothing later
    # is booked on an earlier day. So a day that is over then is complete.
    return await store.run(lambda unit: unit.now.date())


async def list_days(store: Store) -> list[dict[str, Any]]:
    """The days that have files, newest first, with their sums by currency."""
    today = await _today(store)
    rows = await store.list_rows("list_days", {"before": today.isoformat(), "limit": DAYS_MAX})
    days: dict[str, dict[str, Any]] = {}
    for settled_on, *rest in rows:
        sums = DaySums(*rest)
        day = days.setdefault(settled_on, {"settled_on": settled_on, "totals": []})
        day["totals"].append(
            {
                "currency": sums.currency,
                "count": sums.count,
                "gross": sums.gross_minor,
                "fee": sums.fee_minor,
                "net": sums.net_minor,
            }
        )
    return list(days.values())


async def require_over(store: Store, text: str) -> str:
    """Parse the day in `text`.

    Raises:
        Refused: it is no day, or one that is not over.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise RequestRefused(400, "invalid_date", "A day is named as 2030-12-31.") from None
    if day >= await _today(store):
        raise RequestRefused(404, "not_settled", "The day is not over; its files come afterwards.")
    # A statement needs an account, and there is one for each currency that ever moved.
    following = {"settled_on": (day + timedelta(days=1)).isoformat()}
    if not await store.list_rows("list_sums_before_day", following):
        raise RequestRefused(404, "not_settled", "There is no movement up to that day.")
    return day.isoformat()


async def _sums(store: Store, day: str) -> list[DaySums]:
    return [DaySums(*row) for row in await store.list_rows("list_sums_of_day", {"settled_on": day})]


async def _lines(store: Store, day: str, currency: str) -> AsyncIterator[list[StatementLine]]:
    after = 0
    while True:
        parameters = {"settled_on": day, "currency": currency, "after": after, "limit": PAGE}
        page = [StatementLine(*row) for row in await store.list_rows("list_movements", parameters)]
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].id


async def write_csv(store: Store, day: str) -> AsyncIterator[bytes]:
    """The day's CSV file, piece by piece, one currency after the other."""
    yield _csv_rows([COLUMNS])
    for sums in await _sums(store, day):
        async for page in _lines(store, day, sums.currency):
            yield _csv_rows(
                [
                    (
                        *(line.id, day, line.booked_at, line.kind, line.reference),
                        *(line.authorization or "", line.merchant, line.currency),
                        *(line.gross_minor, line.fee_minor, line.net_minor),
                    )
                    for line in page
                ]
            )


def _csv_rows(rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)  # RFC 4180
    return text.getvalue().encode()


async def write_camt(store: Store, day: str) -> AsyncIterator[bytes]:
    """The day's camt.053 file, piece by piece: one statement a currency."""
    created = f"{date.fromisoformat(day) + timedelta(days=1)}T00:00:00Z"
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{CAMT}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>SUYA-SANDBOX-{day}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>"
    ).encode()
    former = dict(await store.list_rows("list_sums_before_day", {"settled_on": day}))
    of_day = {sums.currency: sums for sums in await _sums(store, day)}
    for currency in sorted(former.keys() | of_day.keys()):
        sums = of_day.get(currency, DaySums(currency, 0, 0, 0, 0))
        opening_minor = int(former.get(currency, 0))
        yield _statement_head(day, created, sums, opening_minor).encode()
        if sums.count:
            async for page in _lines(store, day, currency):
                yield "".join(_entry(line, day) for line in page).encode()
        yield b"</Stmt>\n"
    yield b"</BkToCstmrStmt></Document>\n"


def _statement_head(day: str, created: str, sums: DaySums, opening_minor: int) -> str:
    currency, closing_minor = sums.currency, opening_minor + sums.net_minor
    return (
        f"\n<Stmt><Id>{day}-{currency}</Id><CreDtTm>{created}</CreDtTm>"
        f"<FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm><ToDtTm>{created}</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>SUYA-{currency}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>"
        f"{_balance('OPBD', opening_minor, currency, day)}"
        f"{_balance('CLBD', closing_minor, currency, day)}"
        f"<TxsSummry><TtlNtries><NbOfNtries>{sums.count}</NbOfNtries><TtlNetNtry>"
        f"<Amt>{decimal(abs(sums.net_minor), currency)}</Amt>"
        f"<CdtDbtInd>{_side(sums.net_minor)}</CdtDbtInd></TtlNetNtry></TtlNtries></TxsSummry>\n"
    )


def _balance(code: str, amount_minor: int, currency: str, day: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{decimal(abs(amount_minor), currency)}</Amt>'
        f"<CdtDbtInd>{_side(amount_minor)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(line: StatementLine, day: str) -> str:
    """One movement: the entry has its net amount, the details its gross amount and its fee."""
    currency, (domain, family, sub_family) = line.currency, _CODES[line.kind]
    charges = (
        f'<Chrgs><Rcrd><Amt Ccy="{currency}">{decimal(line.fee_minor, currency)}</Amt>'
        "<CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>"
        if line.fee_minor
        else ""
    )
    return (
        f"<Ntry><NtryRef>{line.id}</NtryRef>"
        f'<Amt Ccy="{currency}">{decimal(abs(line.net_minor), currency)}</Amt>'
        f"<CdtDbtInd>{_side(line.net_minor)}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>{line.id}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd>"
        f"<SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn>"
        f"<Prtry><Cd>{line.kind}</Cd></Prtry></BkTxCd>"
        f"{charges}<NtryDtls><TxDtls>{_references(line)}"
        f'<Amt Ccy="{currency}">{decimal(abs(line.gross_minor), currency)}</Amt>'
        f"<CdtDbtInd>{_side(line.gross_minor)}</CdtDbtInd>"
        f"<RmtInf><Ustrd>{escape(line.merchant)}</Ustrd></RmtInf>{_long_references(line)}"
        "</TxDtls></NtryDtls></Ntry>\n"
    )


def _references(line: StatementLine) -> str:
    """The movement's own reference, and for a card the authorization's."""
    own = belongs_to = ""
    if len(line.reference) <= REFERENCE_LENGTH_MAX:
        own = f"<EndToEndId>{escape(line.reference)}</EndToEndId>"
    if line.authorization is not None and len(line.authorization) <= REFERENCE_LENGTH_MAX:
        ref = f"<Ref>{escape(line.authorization)}</Ref>"
        belongs_to = f"<Prtry><Tp>authorization</Tp>{ref}</Prtry>"
    return f"<Refs>{own}{belongs_to}</Refs>" if own or belongs_to else ""


def _long_references(line: StatementLine) -> str:
    """References that are too long for ISO 20022, in words."""
    named = {"reference": line.reference, "authorization": line.authorization or ""}
    words = [
        f"{name}={escape(text)}" for name, text in named.items() if len(text) > REFERENCE_LENGTH_MAX
    ]
    return f"<AddtlTxInf>{' '.join(words)}</AddtlTxInf>" if words else ""


def _side(amount_minor: int) -> str:
    return "CRDT" if amount_minor >= 0 else "DBIT"


def decimal(amount_minor: int, currency: str) -> str:
    """An amount as ISO 20022 writes it: `12.34`, and `1234` where there is no smaller unit."""
    exponent = EXPONENTS[currency]
    digits = f"{amount_minor:0{exponent + 1}d}"
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
