"""Days of the sandbox on which much happened, and their files."""

import csv
import io

from tests.support.acquirer import AcquirerProcess


def today(acquirer: AcquirerProcess) -> str:
    """The date by the sandbox's clock."""
    return str(acquirer.ask("GET", "/sandbox/clock")["now"])[:10]


def read_file(acquirer: AcquirerProcess, day: str, form: str) -> str:
    """A day's file, `csv` or `xml`."""
    answer = acquirer.client.get(f"/v1/settlements/{day}.{form}")
    assert answer.status_code == 200, answer.text
    return answer.text


def lines_of(acquirer: AcquirerProcess, day: str) -> list[dict[str, str]]:
    """The lines of a day's CSV file."""
    return list(csv.DictReader(io.StringIO(read_file(acquirer, day, "csv"))))


def busy_day(acquirer: AcquirerProcess) -> str:
    """A day with some of everything, in three currencies with three exponents; returns its date."""
    day = today(acquirer)
    for currency, n in (("EUR", 1), ("JPY", 2), ("KWD", 3)):
        acquirer.authorize(f"pay_{n}", 100_000, currency=currency, capture=True)
        acquirer.authorize(f"hold_{n}", 7_000, currency=currency)
        acquirer.capture(f"hold_{n}", f"cap_{n}", 3_000)
        acquirer.refund(f"pay_{n}", f"re_{n}", 2_500)
        acquirer.refund(f"pay_{n}", f"re_failed_{n}", 700)
        acquirer.fail_refund(f"re_failed_{n}")
    dispute = acquirer.open_dispute("pay_1")
    acquirer.decide_dispute(dispute["id"], "won")
    acquirer.open_dispute("pay_2")
    common = {"merchant": "mer_1", "currency": "EUR"}
    acquirer.ask("POST", "/v1/bank_transfers", common | {"reference": "bt_1", "amount": 900})
    acquirer.arrive("bt_1")
    account = {"iban": "DE89370400440532013000", "name": "Ada & Söhne <GmbH>"}
    acquirer.ask("POST", "/v1/payouts", common | account | {"reference": "po_1", "amount": 4_000})
    acquirer.settle_payout("po_1")
    acquirer.settle_payout("po_1", "return")
    return day
