"""What could cost less and what violations are worth, from the command line; and bills fetched from providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.errors import InputError, NotFound
from serve.cli.application import application
from serve.cli.cost_fetch import Source, client_of
from serve.secret import secret_reader
from tests.unit.connectors.bills import october, write_csv
from tests.unit.serve.api_fixture import STORAGE_ID, storage_account

RUN = CliRunner()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payback")
    (folder / "export").mkdir()
    (folder / "export" / "storage.json").write_text(json.dumps([storage_account("shopdata")]))
    bill = write_csv(folder / "bill.csv", [*october(ResourceId=STORAGE_ID, SubAccountId=""), *october()])
    for command in (
        ["scan", str(folder / "export")],
        ["costs", "import", str(bill), "--as-of", "2026-11-20T00:00:00Z"],
    ):
        done = RUN.invoke(application, [*command, "--store", str(folder / "store")])
        assert done.exit_code in {0, 1}, done.output
    return folder / "store"


def run(store: Path, *words: str) -> str:
    done = RUN.invoke(application, [*words, "--store", str(store)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def found(store: Path, *words: str) -> Any:
    return json.loads(run(store, *words, "--json", "-"))


def test_a_policy_s_cost_is_shown_with_the_bill_that_it_is_a_part_of(store: Path) -> None:
    text = run(store, "costs", "policy", "pcg-azure-storage-secure-transfer", "--rows", "2")
    assert "310.00 USD" in text
    assert "of 620.00 billed" in text
    assert "bill.csv:" in text
    assert "saves   not known" in text


def test_waste_sizes_and_prices_say_what_there_is(store: Path) -> None:
    assert "0 cases of waste" in run(store, "costs", "waste")
    assert found(store, "costs", "waste", "--kind", "idle")["cases"] == 0
    assert "0 machines could be smaller" in run(store, "costs", "rightsizing")
    assert "2 USD per Hours" in run(store, "costs", "prices")


def test_commitments_stand_beside_the_rules(store: Path) -> None:
    text = run(store, "costs", "commitments", "Compute", "--rate", "0.7", "--days", "60", "--tranches", "2")
    assert "rule minimum" in text
    assert "in 2 tranches" in text
    assert "give `rate`" in run(store, "costs", "commitments", "Compute")
    assert "no usage" in run(store, "costs", "commitments", "Nothing")


def test_samples_are_kept_from_a_file(store: Path, tmp_path: Path) -> None:
    row = {"resource_id": "vm", "metric": "cpu_percent", "at": "2026-10-01T00:00:00Z", "value": "5"}
    assert "1 samples are kept" in run(store, "costs", "metrics", str(write_csv(tmp_path / "use.csv", [row])))


def test_an_analysis_says_what_it_rests_on(store: Path, tmp_path: Path) -> None:
    text = run(store, "impact", "analyze", STORAGE_ID, "--years", "500")
    assert "efficiency" in text
    assert "judgement" in text
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"hour_values": {STORAGE_ID: {"low": 900, "high": 1_100}}}))
    answer = found(store, "impact", "analyze", STORAGE_ID, "--years", "500", "--assume", str(own))
    assert answer["downtime"]["hour"]["mean"] > 500


def test_assumptions_are_shown_and_kept(store: Path, tmp_path: Path) -> None:
    assert "outage.hours" in run(store, "impact", "assumptions")
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"frameworks": ["HIPAA"]}))
    assert found(store, "impact", "assumptions", "--keep", str(own))["frameworks"] == ["HIPAA"]
    for name, text, error in (("none.json", None, NotFound), ("bad.json", "[]", InputError)):
        if text is not None:
            (tmp_path / name).write_text(text)
        done = RUN.invoke(application, ["impact", "assumptions", "--keep", str(tmp_path / name), "--store", str(store)])
        assert isinstance(done.exception, error)


@pytest.mark.parametrize(
    ("kind", "of", "credential", "application_of"),
    [
        (Source.DATA_EXPORT, "bucket/x", None, None),
        (Source.AZURE, "/subscriptions/x", None, None),
        (Source.AZURE, "/subscriptions/x", "env:T", "only-a-directory"),
        (Source.GOOGLE, "p.d.t", None, None),
        (Source.GOOGLE, "p.d.t", "aws-kms:key", None),
    ],
)
def test_what_a_fetch_needs_is_asked_for(
    kind: Source, of: str, credential: str | None, application_of: str | None
) -> None:
    with pytest.raises(InputError):
        client_of(kind, of, credential=credential, application=application_of, endpoint=None)


def test_clients_are_made_without_reading_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BILL_SECRET", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    given: list[tuple[Source, str, str | None]] = [
        (Source.AZURE, "/subscriptions/x", "dir/app"),
        (Source.GOOGLE, "project.data.table", None),
        (Source.COST_EXPLORER, "123456789012", None),
        (Source.DATA_EXPORT, "s3://bucket/exports/focus", None),
    ]
    for kind, of, app in given:
        made = client_of(kind, of, credential="env:BILL_SECRET", application=app, endpoint=None)
        assert callable(made.fetch)
    with pytest.raises(NotFound):
        secret_reader("env:BILL_SECRET", what="credential")()


def test_a_month_that_is_none_and_a_source_that_is_none_are_refused(store: Path) -> None:
    for words in (["gcp", "--month", "2026-13"], ["oracle", "--month", "2026-10"]):
        asked = ["costs", "fetch", *words, "--of", "p-12345.d.t", "--credential", "env:X", "--store", str(store)]
        assert isinstance(RUN.invoke(application, asked).exception, InputError)
