"""The read models that the API serves: how much evidence of each type there is by day, and the latest of each matter.

Both are made for one log; a tenant's years are joined when they are read. A day is that of the entry's own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from chain.envelope import BLOCK_TYPE
from chain.projection import Entry, State
from domain.evidence import EntryId, LogName
from domain.value import Json

MATTERS_MAX: Final = 50_000
UNTRACKED: Final = "untracked"
CONTROL: Final = "control"
SUBJECT: Final = "subject"
POLICY: Final = "policy"


@dataclass(frozen=True, slots=True)
class DayCount:
    """Entries of one type on one day."""

    day: str
    type: str
    count: int


@dataclass(frozen=True, slots=True)
class LatestEvidence:
    """The newest evidence on one matter.

    Args:
        matter: `control`, `subject` or `policy`.
        name: the control as ``framework/id``, the subject's or the policy's own name.
        result: what the entry says that it came to, where it does.
    """

    matter: str
    name: str
    evidence_id: EntryId
    type: str
    at: str
    result: str | None


class CountsByDay:
    """Number of entries by type and day."""

    name = "counts-by-day/1"

    def changes(self, state: State, index: int, entry: Entry) -> Mapping[str, Json]:
        """One more of the entry's type on its day."""
        del index
        key = f"{str(entry['at'])[:10]} {entry['type']}"
        return {key: cast("int", state.get(key, 0)) + 1}


class LatestByMatter:
    """The newest entry on each control, subject and policy, by the entries' own times; of equal ones the later entry.

    A log tells of at most `matters_max` matters; further ones are counted as untracked.
    """

    name = "latest-by-matter/1"

    def __init__(self, *, matters_max: int = MATTERS_MAX) -> None:
        self._matters_max = matters_max

    def changes(self, state: State, index: int, entry: Entry) -> Mapping[str, Json]:
        """The matters of an entry that is not older than what they had."""
        if entry["type"] == BLOCK_TYPE:
            return {}
        body = cast("dict[str, Json]", entry["body"])
        row: Json = {"index": index, "at": entry["at"], "type": entry["type"], "result": _result(body)}
        changed: dict[str, Json] = {}
        untracked = cast("int", state.get(UNTRACKED, 0))
        free = self._matters_max - len(state)
        for key in _matters(body):
            former = cast("dict[str, Json] | None", state.get(key))
            if former is None:
                free -= key not in changed
                if free < 0:
                    untracked += 1
                    continue
            elif str(entry["at"]) < str(former["at"]):
                continue
            changed[key] = row
        return changed if untracked == state.get(UNTRACKED, 0) else {**changed, UNTRACKED: untracked}


def day_counts(states: Iterable[State]) -> list[DayCount]:
    """The counts of all years together, by day and type."""
    sums: dict[str, int] = {}
    for state in states:
        for key, count in state.items():
            sums[key] = sums.get(key, 0) + cast("int", count)
    return [DayCount(key[:10], key[11:], count) for key, count in sorted(sums.items())]


def latest_evidence(states: Iterable[tuple[LogName, State]], matter: str) -> list[LatestEvidence]:
    """The newest evidence of all years on one kind of matter, by name.

    Args:
        states: the logs in order, with their models.
    """
    found: dict[str, LatestEvidence] = {}
    for log, state in states:
        for row in _rows(log, state, matter):
            former = found.get(row.name)
            if former is None or row.at >= former.at:
                found[row.name] = row
    return [found[name] for name in sorted(found)]


def _rows(log: LogName, state: State, matter: str) -> Iterator[LatestEvidence]:
    for key, value in state.items():
        kind, _, name = key.partition(" ")
        if kind == matter:
            row = cast("dict[str, Json]", value)
            result = None if row["result"] is None else str(row["result"])
            evidence_id = log.entry(cast("int", row["index"]))
            yield LatestEvidence(matter, name, evidence_id, str(row["type"]), str(row["at"]), result)


def _matters(body: Mapping[str, Json]) -> Iterator[str]:
    controls = body.get("controls")
    for control in controls if isinstance(controls, list) else ():
        if isinstance(control, dict):
            yield f"{CONTROL} {control.get('framework')}/{control.get('id')}"
    for matter in (SUBJECT, POLICY):
        if isinstance(name := body.get(matter), str):
            yield f"{matter} {name}"


def _result(body: Mapping[str, Json]) -> str | None:
    found = (body.get(name) for name in ("result", "verdict", "state"))
    return next((each for each in found if isinstance(each, str)), None)
