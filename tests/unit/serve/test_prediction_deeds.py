"""What was done about resources is read where the product records it: in the evidence log and the ledger of savings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from actors.evidence_pages import EvidencePage, EvidenceQuery, EvidenceRow
from actors.savings_book import SavingsBook
from assessment.ledger import Saving, SavingStatus, Step
from domain.evidence import EntryId, EventType, EvidenceEvent
from domain.tenancy import TenantId
from serve.bootstrap import folders_of, local_platform
from serve.prediction_deeds import PAGES_MAX, RecordedDeeds
from serve.settings import Settings
from training.outcomes import Deed, Why

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
AT = datetime(2026, 3, 2, tzinfo=UTC)
SINCE, UNTIL = AT - timedelta(days=1), AT + timedelta(days=1)
BUCKET = "arn:aws:s3:::Shop"


def change(name: str, subject: str, state: str = "applied", at: datetime = AT) -> EvidenceEvent:
    body = {"id": name, "subject": subject, "change": name, "state": state}
    return EvidenceEvent(ACME, name, EventType.CHANGE_RECORD, at, body)


def saving(name: str, *steps: SavingStatus) -> Saving:
    taken = tuple(Step(status, AT, "role:lead", "2026-1") for status in (SavingStatus.PREDICTED, *steps))
    where = {"resource": (BUCKET,), "service": ("S3",)}
    return Saving(name, name, where, "EUR", Decimal(1), Decimal(2), Decimal(3), taken)


def test_changes_that_were_applied_count_for_the_resource_that_they_name_and_its_tenant_alone(tmp_path: Path) -> None:
    settings = Settings(store_dir=tmp_path)
    with local_platform(settings) as platform:
        platform.collect(
            [change("C-1", BUCKET), change("C-2", BUCKET, "planned"), change("C-3", BUCKET, at=AT - timedelta(days=9))]
        )
        deeds = RecordedDeeds(platform, folders_of(settings))
        assert deeds.of(ACME, since=SINCE, until=UNTIL) == (Deed(AT, BUCKET, Why.RECORDED),)
        assert deeds.of(GLOBEX, since=SINCE, until=UNTIL) == ()


def test_a_saving_counts_once_it_is_applied(tmp_path: Path) -> None:
    settings = Settings(store_dir=tmp_path)
    folders = folders_of(settings)
    book = SavingsBook(folders.savings(ACME))
    book.add(saving("waits", SavingStatus.APPROVED), lambda *_: "2026-1")
    with local_platform(settings) as platform:
        deeds = RecordedDeeds(platform, folders)
        assert deeds.of(ACME, since=SINCE, until=UNTIL) == ()
        book.add(saving("done", SavingStatus.APPROVED, SavingStatus.APPLIED), lambda *_: "2026-1")
        assert deeds.of(ACME, since=SINCE, until=UNTIL) == (Deed(AT, BUCKET, Why.DECIDED),)
        assert deeds.of(ACME, since=AT + timedelta(hours=1), until=UNTIL) == ()


class Endless:
    """Evidence of which each page has another one behind it."""

    def __init__(self) -> None:
        self.asked: list[EvidenceQuery] = []

    def evidence_page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        self.asked.append(query)
        row = EvidenceRow(EntryId(2026, 1), "change_record", "2026-03-02T00:00:00Z", "C-1", BUCKET, "applied")
        return EvidencePage((row, replace(row, subject=None)), EntryId(2026, 100 - len(self.asked)))


def test_only_so_much_evidence_is_looked_through(tmp_path: Path) -> None:
    evidence = Endless()
    found = RecordedDeeds(evidence, folders_of(Settings(store_dir=tmp_path))).of(ACME, since=SINCE, until=UNTIL)
    assert len(found) == len(evidence.asked) == PAGES_MAX
    assert evidence.asked[1].before == EntryId(2026, 99)
