"""Taking billing exports in: found, converted, judged by the specification, and stored whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from assessment.lookahead import ahead
from connectors.billing.charges import SOURCE_COST, ChargeBatch, RawBatch, converted, raw_batches
from connectors.billing.sources import BATCH_ROWS, BillingSource, Delivery, find_sources
from connectors.focus.rules import Level, Rule
from connectors.focus.validation import Breach, Validation, broken_rules
from cost.billing import intake as taking
from cost.billing.intake import Intake, Share, shares_of
from cost.billing.slices import Content, whole
from cost.billing.store import BillingStore, Outcome, SliceChange, Terms
from domain.errors import InputError

assert SOURCE_COST == taking.SOURCE_COST
Progress = Callable[[int], None]
WORKERS: Final = 2
"""Batches worked on at once; each takes some 250 MB of memory."""
_CENT: Final = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file of a delivery, and what it gave.

    Args:
        rows: charges; a row of the source can be two where FOCUS wants them apart.
        left_out: rows that another file of the delivery has as well.
    """

    source: BillingSource
    rows: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Judged:
    """How a delivery keeps the specification's rules."""

    files: tuple[FileRead, ...]
    passed_over: tuple[tuple[str, str], ...]
    rows: int
    rules: int
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import found and did; `import_id` is empty where nothing changed."""

    import_id: str
    at: datetime
    judged: Judged
    changes: tuple[SliceChange, ...]
    content: Content

    @property
    def is_changed(self) -> bool:
        """Whether anything was stored."""
        return any(change.outcome is not Outcome.UNCHANGED for change in self.changes)


def validate_billing(paths: Sequence[Path], *, rows: int = BATCH_ROWS, progress: Progress | None = None) -> Judged:
    """Judge a delivery and store nothing.

    Raises:
        InputError: nothing is a bill, or a file cannot be read.
    """
    return _read(find_sources(paths), None, rows=rows, progress=progress)


def import_billing(
    store: BillingStore,
    paths: Sequence[Path],
    *,
    at: datetime,
    terms: Terms | None = None,
    rows: int = BATCH_ROWS,
    progress: Progress | None = None,
) -> ImportReport:
    """Take a delivery in.

    Raises:
        InputError: nothing is a bill, or its rows would make money wrong; nothing is stored then.
        IncompleteError: a period lacks days; nothing is stored then.
        UnavailableError: another import of the tenant is at work.
    """
    delivery = find_sources(paths)
    import_id = f"imp-{at:%Y%m%d}-{secrets.token_hex(6)}"
    with store.intake(import_id) as intake:
        judged = _read(delivery, intake, rows=rows, progress=progress)
        _require_agreement(intake)
        sources = [
            {"name": each.source.name, "digest": each.source.digest, "format": each.source.format.value,
             "version": each.source.version}
            for each in judged.files
        ]  # fmt: skip
        taken = store.commit(intake, import_id=import_id, at=at, terms=terms or Terms(), sources=sources)
        content = whole(intake.contents.values())
    return ImportReport(taken.import_id, at, judged, taken.changes, content)


@dataclass(frozen=True, slots=True)
class _Worked:
    """A batch, the rules that it breaks, and its shares of slices unless a rule refuses it."""

    batch: ChargeBatch
    broken: tuple[tuple[Rule, int], ...]
    shares: tuple[Share, ...]


def _read(delivery: Delivery, intake: Intake | None, *, rows: int, progress: Progress | None) -> Judged:
    validation = Validation()
    counts = {source.digest: [0, 0] for source in delivery.sources}
    work = partial(_worked, is_stored=intake is not None)
    raw = raw_batches(delivery.sources, rows=rows, progress=progress)
    for worked in ahead(raw, work, workers=WORKERS):
        batch, source = worked.batch, worked.batch.source
        validation.add(
            batch.frame, batch.columns, worked.broken,
            file=source.name, version=source.version, unreadable=batch.unreadable,
        )  # fmt: skip
        counts[source.digest][0] += batch.frame.height
        counts[source.digest][1] += batch.left_out
        if intake is not None:
            validation.refuse()
            intake.add(worked.shares, file=source.name)
    return Judged(
        files=tuple(FileRead(source, *counts[source.digest]) for source in delivery.sources),
        passed_over=delivery.passed_over,
        rows=validation.rows,
        rules=len(validation.asked),
        breaches=validation.breaches,
    )


def _worked(raw: RawBatch, *, is_stored: bool) -> _Worked:
    batch = converted(raw)
    broken = broken_rules(batch.frame, batch.columns)
    is_refused = any(rule.level is Level.REFUSED for rule, _ in broken)
    return _Worked(batch, broken, shares_of(batch.frame) if is_stored and not is_refused else ())


def _require_agreement(intake: Intake) -> None:
    """Refuse rows whose conversion bills another sum than their source: what is stored must be the invoice."""
    for currency, money in whole(intake.contents.values()).by_currency().items():
        if abs(money.billed - money.source) >= _CENT:
            raise InputError(
                "the rows bill another sum than their source",
                currency=currency,
                got=f"{money.billed:f}",
                expected=f"{money.source:f}",
                todo="Import the whole report: rows that cancel each other (savings plan negations) are missing",
            )
