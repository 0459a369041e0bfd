"""One comparison of an export with baselines, for a pipeline: nothing is kept and nothing is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.drift_pages import DriftQuery, page_of
from actors.policy_catalogue import builtin_policies
from assessment.drift import DriftSeverity, provider_of
from connectors.audit.read import read_audit
from connectors.baseline.read import read_baselines
from connectors.files import read_inputs
from domain.tenancy import TenantId
from graph.drift.attribution import AuditIndex, attributed
from graph.drift.detect import Coverage, detect

ALL = 1_000_000
TENANT = TenantId("default")


def check_once(
    exports: Sequence[str], baselines: Sequence[str], audit: Sequence[str], *, is_complete: bool
) -> dict[str, Any]:
    """Every drift, worst first, by the built-in policies.

    Args:
        is_complete: the export lists everything, so that what it lacks is gone; not where it has gaps.

    Raises:
        InputError: a file is no export or no baseline.
    """
    inventory = read_inputs(exports, tenant=TENANT).inventory
    declared = read_baselines(baselines)
    is_proof = is_complete and inventory.is_complete
    coverage = Coverage(is_everything=is_proof)
    index = AuditIndex.of(read_audit(audit).entries) if audit else AuditIndex()
    since = {each.name: each.declared_at for each in declared}
    severity = DriftSeverity(builtin_policies())
    found = [
        severity.judged(attributed(drift, index, since.get(drift.baseline)), provider_of(drift))
        for drift in detect(TENANT, declared, inventory.items, coverage)
    ]
    page = page_of(found, DriftQuery(limit=ALL))
    return {
        "items": list(page.items),
        "total": page.total,
        "by_severity": page.by_severity,
        "gaps": [f"{gap.origin}: {gap.reason}" for gap in (*inventory.gaps, *(g for b in declared for g in b.gaps))],
        "next_cursor": None,
    }
