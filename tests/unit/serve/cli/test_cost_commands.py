"""`pcg costs`: bills in, sums out, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serve.cli.errors import run
from tests.unit.connectors.bills import day, october, write_csv
from tests.unit.connectors.test_billing_azure import ACTUAL, AMORTISED

AS_OF = ("--as-of", "2026-11-20T00:00:00Z")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["costs", *arguments]) == code
    out = capsys.readouterr()
    return out.out + out.err


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json", "-"))


def test_a_bill_is_imported_asked_and_traced_to_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("bill.csv"), [*october(), day(5, ServiceName="Storage", BilledCost="2.50")])

    text = said(capsys, "import", "bill.csv", *AS_OF)
    assert "IMPORTED  32 rows of 1 files" in text
    assert "NEW        2026-10  AWS acct-1   32 rows (+32)   31 days" in text

    table = said(capsys, "query", "--by", "service", "--cost", "billed")
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["Compute", "310.00", "USD", "31"],
        ["Storage", "2.50", "USD", "1"],
    ]
    rows = said(capsys, "query", "--rows", "--where", "service=Storage", "--from", "2026-10-05", "--to", "2026-10-06")
    assert "bill.csv:32" in rows
    assert "AWS        acct-1    32     31" in said(capsys, "status")


def test_a_second_import_says_that_nothing_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("bill.csv"), october())
    said(capsys, "import", "bill.csv", *AS_OF)

    assert "nothing new: every row is stored already" in said(capsys, "import", "bill.csv", *AS_OF)


def test_a_tenant_s_bills_are_not_another_s(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("bill.csv"), october())
    said(capsys, "import", "bill.csv", "--tenant", "acme", *AS_OF)

    assert "No billing rows are stored" in said(capsys, "query", "--tenant", "globex")
    assert "No billing rows are stored" in said(capsys, "status", "--tenant", "globex")


def test_amounts_are_shown_in_one_currency_by_the_kept_rates(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("bill.csv"), [*october(), *october(BillingCurrency="EUR", BilledCost="1")])
    lines = [f"2026-10-{number:02},USD,EUR,0.5" for number in range(1, 32)]
    Path("rates.csv").write_text("\n".join(["date,from,to,rate", *lines]) + "\n")
    said(capsys, "import", "bill.csv", *AS_OF)

    assert "31 rates of 1 pairs" in said(capsys, "rates", "rates.csv")
    found = asked(capsys, "query", "--by", "month", "--cost", "billed", "--in", "EUR")

    assert found["items"] == [{"keys": {"month": "2026-10"}, "amount": "186.00", "currency": "EUR", "rows": 62}]


def test_validation_ends_with_1_where_rows_would_be_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("good.csv"), october())
    write_csv(Path("bad.csv"), [day(1), day(2, BillingCurrency="XYZ")])

    assert "0 are broken" in said(capsys, "validate", "good.csv")
    text = said(capsys, "validate", "bad.csv", code=1)
    assert "REFUSED      BillingCurrency-ISO4217" in text
    assert "bad.csv:2: BillingCurrency XYZ" in text


def test_half_a_month_ends_with_3_and_nothing_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("bill.csv"), october()[:10])

    assert "part of a period that is over" in said(capsys, "import", "bill.csv", *AS_OF, code=3)
    assert "No billing rows are stored" in said(capsys, "status")
    assert "NEW" in said(capsys, "import", "bill.csv", "--partial", *AS_OF)


def test_a_reader_is_told_when_commitments_are_only_half_there(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(Path("actual.csv"), ACTUAL)
    write_csv(Path("amortised.csv"), AMORTISED)

    alone = said(capsys, "import", "actual.csv", "--partial", *AS_OF)
    assert "50.00 EUR of commitments were bought, and no use of them" in alone
    assert "1 left to another file" in said(capsys, "import", "actual.csv", "amortised.csv", "--partial", *AS_OF)
    only = said(capsys, "import", "amortised.csv", "--partial", *AS_OF)
    assert "billed cost lacks their fees" in only


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["query", "--from", "October"], "not a day"),
        (["query", "--where", "service"], "not a condition"),
        (["query", "--cost", "net"], "unknown cost"),
        (["query", "--by", "colour"], "cannot be grouped so"),
        (["query", "--in", "EUR"], "the rates cannot be read"),
        (["import", "gone.csv"], "no such file or folder"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert text in said(capsys, *arguments, code=2)
