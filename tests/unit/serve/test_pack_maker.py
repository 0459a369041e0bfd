"""Which of a tenant's published logs belong into a report."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chain.keys.freeze import FreezeOrder, freeze
from chain.keys.tenant_log import TenantLog
from serve.pack_maker import _is_within
from serve.published_log import log_source
from serve.reporting import ReportKind, ReportRequest
from tests.unit.chain.packs import record_scans
from tests.unit.chain.samples import ACME, NOON, Wrist, open_store, tenant_folder

DAY = timedelta(days=1)


@pytest.mark.parametrize(("until", "expected"), [(NOON + DAY, ["2026"]), (NOON + 9 * DAY, ["2026", "2026s2"])])
def test_a_successor_that_began_after_the_window_is_left_out(
    tmp_path: Path, until: datetime, expected: list[str]
) -> None:
    clock = Wrist(NOON)
    with open_store(tmp_path, clock) as writer:
        record_scans(writer, [NOON], clock)
        log = TenantLog(writer, ACME)
        freeze(log, log.state_directory, ACME, FreezeOrder(NOON, "key stolen", "role:lead"))
        record_scans(writer, [NOON + 5 * DAY], clock)
    request = ReportRequest(ACME, ReportKind.EVIDENCE, NOON - DAY, until)
    sources = [log_source(tenant_folder(tmp_path) / name) for name in ("2026", "2026s2")]
    assert [source.name for source in sources if _is_within(source, request)] == expected
