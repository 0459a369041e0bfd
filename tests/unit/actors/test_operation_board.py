"""Long work as callers follow it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from actors.messages import Operation, OperationStatus, OperationTrigger, ScanProgress, ScanStage
from actors.operation_board import NEXT, OperationBoard
from domain.errors import ConflictError, NotFound, UnavailableError
from domain.tenancy import TenantId

ACME = TenantId("acme")
OPERATION = Operation("op-1", ACME, "scan", "f1", datetime(2026, 1, 1, tzinfo=UTC))
REFUSED = {
    (OperationStatus.QUEUED, OperationTrigger.SUCCEEDED),
    (OperationStatus.RUNNING, OperationTrigger.STARTED),
    *product((OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED), OperationTrigger),
}


def board(status: OperationStatus = OperationStatus.QUEUED) -> OperationBoard:
    filled = OperationBoard(operations_max=2)
    filled.begin(replace(OPERATION, status=status))
    return filled


def test_the_table_and_the_refusals_cover_every_pair() -> None:
    assert set(NEXT) | REFUSED == set(product(OperationStatus, OperationTrigger))
    assert not set(NEXT) & REFUSED


@pytest.mark.parametrize(("status", "trigger"), sorted(NEXT))
def test_a_step_of_the_table_is_taken(status: OperationStatus, trigger: OperationTrigger) -> None:
    assert board(status).move(ACME, "op-1", trigger).status is NEXT[status, trigger]


@pytest.mark.parametrize(("status", "trigger"), sorted(REFUSED))
def test_any_other_step_is_refused(status: OperationStatus, trigger: OperationTrigger) -> None:
    with pytest.raises(ConflictError) as refusal:
        board(status).move(ACME, "op-1", trigger)
    assert refusal.value.facts["operation_status"] == status.value


def test_the_same_request_again_is_the_same_operation() -> None:
    operation, is_new = board(OperationStatus.RUNNING).begin(OPERATION)
    assert (operation.status, is_new) == (OperationStatus.RUNNING, False)


def test_the_same_key_with_another_request_is_a_conflict() -> None:
    with pytest.raises(ConflictError, match="idempotency key"):
        board().begin(replace(OPERATION, fingerprint="f2"))


def test_another_tenants_operation_does_not_exist() -> None:
    with pytest.raises(NotFound):
        board().get(TenantId("globex"), "op-1")


def test_progress_is_kept_while_the_operation_runs_and_not_after() -> None:
    running, done = board(OperationStatus.RUNNING), board(OperationStatus.SUCCEEDED)
    for each in (running, done):
        each.report(ACME, "op-1", ScanProgress(ScanStage.READ, 1, 2))
    assert running.get(ACME, "op-1").progress == ScanProgress(ScanStage.READ, 1, 2)
    assert done.get(ACME, "op-1").progress is None


def test_the_oldest_finished_operation_is_forgotten_first() -> None:
    filled = board(OperationStatus.SUCCEEDED)
    filled.begin(replace(OPERATION, operation_id="op-2"))
    filled.begin(replace(OPERATION, operation_id="op-3"))
    with pytest.raises(NotFound):
        filled.get(ACME, "op-1")


def test_unfinished_work_is_never_forgotten() -> None:
    filled = board()
    filled.begin(replace(OPERATION, operation_id="op-2"))
    with pytest.raises(UnavailableError) as refusal:
        filled.begin(replace(OPERATION, operation_id="op-3"))
    assert refusal.value.facts["limit"] == 2
