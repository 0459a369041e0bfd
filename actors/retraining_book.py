"""What the schedule of retrainings decided and submitted: one file beside the model's versions, replaced in one step.

A retraining that somebody ran by hand left its document all the same, and counts like the schedule's own. What is
submitted is kept before it is, so that a restart finds it; what is recorded as evidence gets its entry's id afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from chain.durable import make_private_directory, replace_file
from domain.clock import format_instant, parse_instant
from domain.errors import IntegrityError
from domain.value import Json
from training.promotion import Action
from training.schedule import Attempt, Due, Stand

FORM: Final = 1
RUNS_MAX: Final = 50
REASON_MAX: Final = 1_000
_NAME: Final = "schedule.json"
_DOCUMENT: Final = "retraining.json"
OFF: Final = Due(Stand.OFF, "no tenants are named to learn from (retraining_tenants)")
Row = dict[str, Json]


def run_folder(models: Path, at: datetime) -> Path:
    """Where a retraining as of an instant leaves its report."""
    return models / "runs" / f"{at:%Y-%m-%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class Run:
    """One retraining.

    Args:
        at: its only clock; also names its folder.
        job: as the cluster has it; empty where somebody ran it by hand.
        why: it was begun.
        ended_at: None while it runs.
        action: what was decided; None while it runs, and where it failed.
        reason: of the decision, or of the failure.
        asked_id, ended_id: the entries of the platform's log; empty until they are recorded.
    """

    at: datetime
    job: str = ""
    why: str = ""
    ended_at: datetime | None = None
    action: Action | None = None
    reason: str = ""
    report: str = ""
    asked_id: str = ""
    ended_id: str = ""

    @property
    def attempt(self) -> Attempt:
        """The same as the schedule counts it."""
        return Attempt(self.at, self.ended_at, self.action)

    def ended(self, at: datetime, action: Action | None, reason: str, report: str = "") -> Run:
        """The same run, over."""
        return replace(self, ended_at=at, action=action, reason=reason[-REASON_MAX:], report=report)

    def row(self) -> Row:
        """As JSON. `outcome` is what was decided, ``failed``, or null while it runs."""
        outcome = None if self.ended_at is None else "failed" if self.action is None else self.action.value
        return {
            "at": format_instant(self.at), "job": self.job, "why": self.why, "ended_at": _text(self.ended_at),
            "outcome": outcome, "reason": self.reason, "report": self.report,
            "asked_evidence_id": self.asked_id, "ended_evidence_id": self.ended_id,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """What is kept.

    Args:
        began_at: since when there is a plan; None where there never was one.
        plan: in words by name, as the platform was told.
        checked_at: when it was last decided whether a retraining is due, and what.
        runs: oldest first.
    """

    began_at: datetime | None = None
    plan: Mapping[str, Json] | None = None
    checked_at: datetime | None = None
    decided: Due = OFF
    runs: tuple[Run, ...] = ()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every retraining, as the schedule counts them."""
        return tuple(one.attempt for one in self.runs)

    def row(self) -> Row:
        """As JSON, the latest retraining first."""
        return {
            "stand": self.decided.stand.value, "reason": self.decided.reason,
            "next_at": _text(self.decided.next_at), "checked_at": _text(self.checked_at),
            "began_at": _text(self.began_at), "plan": dict(self.plan or {}),
            "runs": [one.row() for one in reversed(self.runs)],
        }  # fmt: skip


class RetrainingBook:
    """Keeps the book in the folder of the model's versions. One process writes it at a time."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def read(self) -> Book:
        """What is kept, and what runs left that are over since.

        Raises:
            IntegrityError: the file is damaged.
        """
        book = self._kept()
        return replace(book, runs=self._joined(book.runs))

    def stand(self) -> Stand:
        """How the schedule stands, without looking for what runs left; for who asks often.

        Raises:
            IntegrityError: the file is damaged.
        """
        return self._kept().decided.stand

    def _kept(self) -> Book:
        path = self._models / _NAME
        try:
            return _book(orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return Book()
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise IntegrityError("the schedule of retrainings is damaged", where=str(path),
                                 todo="Move the file away: the schedule begins anew") from None  # fmt: skip

    def save(self, book: Book) -> Book:
        """Keep it, without the oldest runs."""
        kept = replace(book, runs=book.runs[-RUNS_MAX:])
        make_private_directory(self._models)
        replace_file(self._models / _NAME, orjson.dumps(_document(kept), option=orjson.OPT_INDENT_2), mode=0o600)
        return kept

    def _joined(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        known = {one.at: one for one in runs}
        for path in sorted(self._models.glob(f"runs/*/{_DOCUMENT}"))[-RUNS_MAX:]:
            found = _decided(path)
            if found is None:
                continue
            mine = known.setdefault(found.at, found)
            if mine.action is None:
                known[found.at] = replace(found, job=mine.job, why=mine.why, asked_id=mine.asked_id)
        return tuple(known[at] for at in sorted(known))


def _decided(path: Path) -> Run | None:
    """A run by the document that it left; None for one that is not whole yet, or of another form."""
    try:
        document = orjson.loads(path.read_bytes())
        ended = datetime.fromtimestamp(path.stat().st_mtime, parse_instant(document["as_of"]).tzinfo)
        made = document["decision"]
        run = Run(parse_instant(document["as_of"])).ended(
            ended, Action(made["action"]), made["reason"], str(path.with_name("report.html"))
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return run


def _document(book: Book) -> Row:
    return {"form": FORM, **book.row(), "runs": [one.row() for one in book.runs]}


def _book(row: Mapping[str, Any]) -> Book:
    return Book(
        _instant(row["began_at"]), row["plan"] or None, _instant(row["checked_at"]),
        Due(Stand(row["stand"]), row["reason"], _instant(row["next_at"])), tuple(map(_run, row["runs"])),
    )  # fmt: skip


def _run(row: Mapping[str, Any]) -> Run:
    action = None if row["outcome"] in {None, "failed"} else Action(row["outcome"])
    return Run(
        parse_instant(row["at"]), row["job"], row["why"], _instant(row["ended_at"]), action, row["reason"],
        row["report"], row["asked_evidence_id"], row["ended_evidence_id"],
    )  # fmt: skip


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
