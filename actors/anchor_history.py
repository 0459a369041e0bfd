"""Receipts and gaps as the platform log has them, newest first: the only place where they are kept."""

from __future__ import annotations

from typing import Final

from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from actors.messages import AnchorHistory, AnchorRecord
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.strict_json import parse
from domain.evidence import EntryId

PAGE: Final = 500
PAGES_MAX: Final = 20

_MARK: Final = b'"type":"anchor_'


def anchor_history(chain: Handle[EvidenceChain], *, before: EntryId | None, limit: int) -> AnchorHistory:
    """A page of receipts and gaps. A bounded number of entries is looked at; the cursor goes on behind them."""
    items: list[AnchorRecord] = []
    for _ in range(PAGES_MAX):
        page = chain.call(EvidenceChain.platform_entries_before, before, PAGE)
        for entry_id, entry in page:
            before = entry_id
            fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX) if _MARK in entry else None
            if isinstance(fields, dict) and str(fields["type"]).startswith("anchor_"):
                body = fields["body"]
                assert isinstance(body, dict), "an entry has a body"
                items.append(AnchorRecord(entry_id, str(fields["type"]), str(fields["at"]), body))
            if len(items) == limit:
                return AnchorHistory(tuple(items), entry_id)
        if len(page) < PAGE:
            return AnchorHistory(tuple(items))
    return AnchorHistory(tuple(items), before)
