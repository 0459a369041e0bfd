"""What was done about resources, where the product records it: applied savings, and changes entered as evidence.

Deletions, mended violations and exemptions are known where the tenant's graph is; these two are not. A change record
counts where it says that the change was applied and its subject is a resource's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from actors.evidence_pages import EvidencePage, EvidenceQuery
from actors.folders import Folders
from actors.savings_book import SavingsBook
from assessment.ledger import SavingStatus
from domain.clock import parse_instant
from domain.evidence import EventType
from domain.resource import resource_key
from domain.tenancy import TenantId
from training.outcomes import Deed, Why

PAGE: Final = 1_000
PAGES_MAX: Final = 25
"""Of evidence that is looked through, newest first; each is of 2,000 entries at most."""
COLUMN: Final = "resource"
"""The billing column in which a saving names resources."""


class Evidence(Protocol):
    """Where a tenant's evidence is read."""

    def evidence_page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        """A page of evidence, newest first."""


class RecordedDeeds:
    """Reads both, for one tenant at a time."""

    def __init__(self, evidence: Evidence, folders: Folders) -> None:
        self._evidence, self._folders = evidence, folders

    def of(self, tenant: TenantId, *, since: datetime, until: datetime) -> tuple[Deed, ...]:
        """What was done within a time."""
        found = (*self._applied(tenant), *self._recorded(tenant, since, until))
        return tuple(one for one in found if since <= one.at <= until)

    def _applied(self, tenant: TenantId) -> Iterator[Deed]:
        for saving in SavingsBook(self._folders.savings(tenant)).read().savings:
            at = saving.at(SavingStatus.APPLIED)
            if at is not None:
                yield from (Deed(at, resource_key(uid), Why.DECIDED) for uid in saving.where.get(COLUMN, ()))

    def _recorded(self, tenant: TenantId, since: datetime, until: datetime) -> Iterator[Deed]:
        query = EvidenceQuery(type=EventType.CHANGE_RECORD, since=since, until=until, limit=PAGE)
        for _ in range(PAGES_MAX):
            page = self._evidence.evidence_page(tenant, query)
            for row in page.items:
                if row.subject and row.result == "applied":
                    yield Deed(parse_instant(row.at), resource_key(row.subject), Why.RECORDED)
            if page.next_cursor is None:
                return
            query = replace(query, before=page.next_cursor)
