"""A tenant has one log a year: the former one ends signed, the next one begins by naming how."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chain.__main__ import VERIFIED, main
from chain.batch import EntryBatch
from chain.file_journal import FileJournal
from chain.frame import Run
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.errors import ConflictError, NotFound
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId
from serve.cli.proof import report_lines
from tests.unit.chain.samples import ACME, GLOBEX, PREFIX, Wrist, chain_folder, event, open_store, tenant_folder

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def record(writer: EvidenceWriter, *events: EvidenceEvent) -> list[Receipt]:
    batch = EntryBatch.encode(events)
    return writer.append(batch).receipts(batch)


@pytest.fixture
def clock() -> Wrist:
    return Wrist()


def two_years(path: Path, clock: Wrist) -> None:
    with open_store(path, clock) as writer:
        record(writer, event("a"), event("b"))
        clock.time = NEW_YEAR
        record(writer, event("c"))
        writer.publish(ACME)


def test_the_turn_of_the_year_closes_the_former_log_and_opens_the_next(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
        clock.time = NEW_YEAR
        (receipt,) = record(writer, event("b"))
        former, opening = writer.shard(ACME, 2026), json.loads(writer.shard(ACME).entry(0))
        head = former.head()
        assert (str(receipt.id), receipt.index, receipt.origin) == ("2027-1", 1, f"{PREFIX}/acme/2027")
        assert (former.size, head.size) == (2, 2)
        assert (opening["type"], opening["body"]["year"]) == ("shard_opened", 2027)
        assert opening["body"]["former"] == {
            "origin": f"{PREFIX}/acme/2026",
            "size": 2,
            "root_sha256": head.root_sha256,
            "root_sha3_256": head.root_sha3_256,
            "checkpoint": head.checkpoint,
            "checkpoint_sha3": head.checkpoint_sha3,
        }
        assert [shard.year for shard in writer.shards(ACME)] == [2027, 2026]


def test_a_folder_of_two_years_verifies_as_one(tmp_path: Path, clock: Wrist) -> None:
    two_years(tmp_path, clock)
    report = verify_directory(tenant_folder(tmp_path))
    assert report.findings == ()
    assert (report.ok, report.origin, report.entries, report.blocks) == (True, f"{PREFIX}/acme/2027", 6, 2)
    assert [log.entries for log in report.years] == [3, 3]
    assert verify_directory(tenant_folder(tmp_path) / "2027").ok


def test_the_command_says_how_many_years_were_checked(
    tmp_path: Path, clock: Wrist, capsys: pytest.CaptureFixture[str]
) -> None:
    two_years(tmp_path, clock)
    assert main(["verify", str(tenant_folder(tmp_path))]) == VERIFIED
    assert f"of 2 yearly logs, the newest {PREFIX}/acme/2027" in capsys.readouterr().out
    assert report_lines(verify_directory(tenant_folder(tmp_path)))[1].endswith("acme/2027 and 1 of earlier years")


def test_asking_about_somebody_who_has_no_log_makes_nothing(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        assert writer.receipt(ACME, "a") is None
        with pytest.raises(NotFound, match="no checkpoint yet"):
            writer.shard(ACME).head()
        writer.publish_platform()
    assert not tenant_folder(tmp_path).exists()
    assert not (chain_folder(tmp_path) / "logs/acme").exists()


def test_what_is_wrong_in_a_year_or_beside_the_years_is_named(tmp_path: Path, clock: Wrist) -> None:
    two_years(tmp_path, clock)
    folder = tenant_folder(tmp_path)
    bundle = folder / "2026/tile/entries/000.p/3"
    bundle.write_bytes(bundle.read_bytes().replace(b"for b", b"for x"))
    (folder / "notes").touch()
    assert [item.where for item in verify_directory(folder).findings] == ["2026/tile/entries/000.p/3", "notes"]


def test_a_later_year_that_does_not_continue_the_former_is_refuted(tmp_path: Path, clock: Wrist) -> None:
    first_in_2026(tmp_path, "x")
    two_years(tmp_path, clock)
    for name, make in (("other", two_years), ("bare", first_in_2027)):
        make(tmp_path / name, Wrist())
        shutil.rmtree(tenant_folder(tmp_path) / "2027")
        shutil.copytree(tenant_folder(tmp_path / name) / "2027", tenant_folder(tmp_path) / "2027")
        report = verify_directory(tenant_folder(tmp_path))
        assert [(item.where, item.field, item.entry_index) for item in report.findings] == [
            ("2027/tile/entries/000", "body.former", 0)
        ]


def first_in_2026(path: Path, name: str) -> None:
    with open_store(path) as writer:
        record(writer, event(name))


def first_in_2027(path: Path, clock: Wrist) -> None:
    clock.time = NEW_YEAR
    with open_store(path, clock) as writer:
        record(writer, event("a"))
        writer.publish(ACME)


def test_an_empty_or_broken_opening_is_refuted(tmp_path: Path, clock: Wrist) -> None:
    two_years(tmp_path, clock)
    shutil.rmtree(tenant_folder(tmp_path) / "2027")
    clock = Wrist(NEW_YEAR)
    with open_store(tmp_path / "empty", clock) as writer:
        writer.publish(ACME)
    shutil.copytree(tenant_folder(tmp_path / "empty") / "2027", tenant_folder(tmp_path) / "2027")
    assert [item.field for item in verify_directory(tenant_folder(tmp_path)).findings] == ["body.former"]
    shutil.rmtree(tenant_folder(tmp_path) / "2027")
    journal = FileJournal(chain_folder(tmp_path / "broken"))
    broken = b'{"artifacts":{},"at":"x","body":{},"request_id":"a","tenant":"acme","type":"shard_opened","v":1}'
    journal.append([Run(f"{PREFIX}/acme/2027", [broken])], year=2027)
    journal.close()
    with open_store(tmp_path / "broken", clock) as writer:
        writer.publish(ACME)
    shutil.copytree(tenant_folder(tmp_path / "broken") / "2027", tenant_folder(tmp_path) / "2027")
    (finding,) = verify_directory(tenant_folder(tmp_path)).findings
    assert "has not the fields" in finding.got


def test_a_repeat_across_the_turn_of_the_year_and_a_restart_gets_its_first_receipt(
    tmp_path: Path, clock: Wrist
) -> None:
    with open_store(tmp_path, clock) as writer:
        first = record(writer, event("a"), event("b"))
    clock.time = NEW_YEAR
    with open_store(tmp_path, clock) as writer:
        again = record(writer, event("c"), event("b"), event("a"))
        assert again[1:] == [first[1], first[0]]
        assert str(again[0].id) == "2027-1"
        assert writer.receipt(ACME, "a") == first[0]
        with pytest.raises(ConflictError, match="another content"):
            record(writer, event("a", body={"other": 1}))
        assert writer.shard(ACME).size == 2


def test_a_request_of_two_years_ago_is_a_new_one(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
        for year in (2027, 2028):
            clock.time = datetime(year, 3, 1, tzinfo=UTC)
            (receipt,) = record(writer, event("a" if year == 2028 else "b"))
        assert str(receipt.id) == "2028-1"


def test_a_clock_that_was_set_back_does_not_open_a_closed_year(tmp_path: Path, clock: Wrist) -> None:
    two_years(tmp_path, clock)
    clock.time = datetime(2026, 12, 31, tzinfo=UTC)
    with open_store(tmp_path, clock) as writer:
        (receipt,) = record(writer, event("d"))
    assert str(receipt.id) == "2027-3"


def test_a_log_without_entries_is_followed_where_it_was_signed_and_dropped_where_not(
    tmp_path: Path, clock: Wrist
) -> None:
    with open_store(tmp_path, clock) as writer:
        writer.publish(ACME)
        assert writer.shard(GLOBEX).size == 0
        clock.time = NEW_YEAR
        assert str(record(writer, event("a", tenant=GLOBEX))[0].id) == "2027-0"
    with open_store(tmp_path, clock) as writer:
        assert str(record(writer, event("a"))[0].id) == "2027-1"
        writer.publish(ACME)
    assert verify_directory(tenant_folder(tmp_path)).ok


def test_a_crash_between_closing_and_opening_is_repaired(
    tmp_path: Path, clock: Wrist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
        clock.time = NEW_YEAR
        with monkeypatch.context() as patch:
            patch.setattr("chain.writer.encode_opening", crash)
            with pytest.raises(KeyboardInterrupt):
                record(writer, event("b"))
    with open_store(tmp_path, clock) as writer:
        record(writer, event("b"))
        writer.publish(ACME)
    assert [log.blocks for log in verify_directory(tenant_folder(tmp_path)).years] == [1, 1]


def test_the_platforms_publication_closes_the_year_of_tenants_that_are_silent(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
    clock.time = NEW_YEAR
    with open_store(tmp_path, clock) as writer:
        writer.publish_platform()
        assert writer.shard(ACME).year == 2027
    assert verify_directory(tenant_folder(tmp_path)).ok
    assert verify_directory(tenant_folder(tmp_path, PLATFORM)).ok


def test_a_year_that_a_tenant_has_no_log_of_is_not_found(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
        with pytest.raises(NotFound, match="no evidence of that year"):
            writer.shard(ACME, 2025)
        with pytest.raises(NotFound, match="no evidence of that year"):
            writer.shard(TenantId("other"), 2026)


def test_a_journal_that_was_written_under_another_prefix_is_refused(tmp_path: Path, clock: Wrist) -> None:
    with open_store(tmp_path, clock) as writer:
        record(writer, event("a"))
    with pytest.raises(ConflictError, match="another name"):
        EvidenceWriter(chain_folder(tmp_path), lambda tenant: tenant_folder(tmp_path, tenant), origin_prefix="else")
    open_store(tmp_path, clock).close()
