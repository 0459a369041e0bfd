"""What the entries of an audit window say, computed from the entries and nothing else.

The maker of a pack and its verifier run the same code, so a report cannot claim what its evidence does not hold.

An entry counts into the window by its own time, which is the time that its source stated. Of a policy that was
evaluated several times, the last evaluation in the window is the state, and the first one the state at the beginning. A
control is met when every policy behind it ran, saw at least one resource and found neither a violation nor anything
undecided; it is violated when one of them found a violation; otherwise it is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from chain.envelope import Envelope
from domain.clock import format_instant
from domain.value import Json

SEVERITIES: Final = ("critical", "high", "medium", "low")
DAYS_MAX: Final = 40_000
UNRATED: Final = "unrated"
_COUNTS: Final = ("resources", "compliant", "violations", "exempt", "unknown")
_STATED: Final = {"compliant": "compliant", "violation": "violations", "exempt": "exempt"}
_RESULTS: Final = {"satisfied": "compliant", "not_satisfied": "violations"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one policy, or one kind of collected evidence, came to at its last evaluation in the window.

    Args:
        subject: what was evaluated, where a collected entry names it.
        evidence: the entry that says so, such as ``2026-17``.
        first_violations: violations at its first evaluation in the window.
    """

    policy: str
    subject: str
    severity: str
    state: str
    counts: Mapping[str, int]
    controls: tuple[tuple[str, str], ...]
    at: str
    evidence: str
    first_violations: int
    evaluations: int


@dataclass(frozen=True, slots=True)
class ControlState:
    """A control as its policies leave it: ``met``, ``violated`` or ``unknown``."""

    framework: str
    control: str
    state: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The window in figures.

    Args:
        entries: all of the parts of logs that are proven, in the window or beside it.
        outside: of these, how many state a time outside the window.
        by_day: entries on each day that has any.
        silent_days: first and last day of every run of days without an entry.
        missing_types: expected, and not there.
    """

    entries: int
    outside: int
    first_at: str | None
    last_at: str | None
    by_type: Mapping[str, int]
    by_day: Mapping[str, int]
    silent_days: tuple[tuple[str, str], ...]
    missing_types: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    controls: tuple[ControlState, ...]
    collected_files: int
    collection_gaps: int

    @property
    def days_without_entries(self) -> int:
        return sum((date.fromisoformat(end) - date.fromisoformat(start)).days + 1 for start, end in self.silent_days)

    def violations(self, severity: str) -> int:
        """Violations of that severity at the end of the window."""
        return sum(each.counts["violations"] for each in self.verdicts if each.severity == severity)

    def first_violations(self, severity: str) -> int:
        """The same at the beginning."""
        return sum(each.first_violations for each in self.verdicts if each.severity == severity)

    def controls_in(self, state: str) -> int:
        return sum(each.state == state for each in self.controls)

    def as_json(self) -> dict[str, Json]:
        return {
            "entries": self.entries,
            "outside": self.outside,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "by_type": dict(self.by_type),
            "by_day": dict(self.by_day),
            "silent_days": [[first, last] for first, last in self.silent_days],
            "missing_types": list[Json](self.missing_types),
            "severities": {
                severity: {"violations": self.violations(severity), "first": self.first_violations(severity)}
                for severity in SEVERITIES
            },
            "verdicts": [_verdict_json(each) for each in self.verdicts],
            "controls": [
                {
                    "framework": each.framework,
                    "control": each.control,
                    "state": each.state,
                    "evidence": list[Json](each.evidence),
                }
                for each in self.controls
            ],
            "collected_files": self.collected_files,
            "collection_gaps": self.collection_gaps,
        }


@dataclass(slots=True)
class _Latest:
    """The last entry on one policy so far."""

    name: str
    type: str
    at: str
    body: Mapping[str, Json]
    first_violations: int
    evaluations: int


class Summariser:
    """Takes entries in their order and adds them up."""

    def __init__(self, opens: datetime, closes: datetime, expected: Sequence[str]) -> None:
        self._opens, self._closes, self._expected = opens, closes, expected
        self._bounds = format_instant(opens), format_instant(closes)
        self._seen = 0
        self._inside = 0
        self._first: str | None = None
        self._last: str | None = None
        self._types: Counter[str] = Counter()
        self._days: Counter[str] = Counter()
        self._latest: dict[tuple[str, str], _Latest] = {}
        self._files = self._gaps = 0

    def take(self, name: str, entry: Envelope) -> None:
        self._seen += 1
        if not _is_between(entry.at, *self._bounds):
            return
        self._inside += 1
        if self._first is None or entry.at < self._first:
            self._first = entry.at
        if self._last is None or entry.at > self._last:
            self._last = entry.at
        self._types[entry.type] += 1
        self._days[entry.at[:10]] += 1
        body = entry.body
        if not isinstance(body, dict):
            return
        if entry.type == "PolicyEvaluated":
            self._keep(name, entry, body, (_name(body, "policy"), ""))
        elif entry.type == "policy_evaluation":
            self._keep(name, entry, body, (_name(body, "policy"), _name(body, "subject")))
        elif body.get("result") is not None and body.get("controls"):
            self._keep(name, entry, body, (entry.type, _name(body, "subject")))
        if entry.type == "EvidenceCollected" and "records" in body:
            self._files += 1
            self._gaps += _count(body.get("gaps"))

    def result(self) -> Summary:
        verdicts = tuple(_verdict(key, self._latest[key]) for key in sorted(self._latest))
        return Summary(
            entries=self._seen,
            outside=self._seen - self._inside,
            first_at=self._first,
            last_at=self._last,
            by_type=dict(sorted(self._types.items())),
            by_day=dict(sorted(self._days.items())),
            silent_days=tuple(_silent(self._opens, self._closes, self._days)),
            missing_types=tuple(sorted(kind for kind in set(self._expected) if not self._types[kind])),
            verdicts=verdicts,
            controls=tuple(_controls(verdicts)),
            collected_files=self._files,
            collection_gaps=self._gaps,
        )

    def _keep(self, name: str, entry: Envelope, body: Mapping[str, Json], key: tuple[str, str]) -> None:
        """The newest word on a policy and subject, and the first one's violations."""
        former = self._latest.get(key)
        if former is None:
            self._latest[key] = _Latest(name, entry.type, entry.at, body, _counts(entry.type, body)["violations"], 1)
        else:
            former.name, former.at, former.body = name, entry.at, body
            former.evaluations += 1


def _is_between(at: str, opens: str, closes: str) -> bool:
    """Compare instants as they are written: all in UTC, the whole seconds of one length, fractions behind them."""
    return opens.removesuffix("Z") <= at.removesuffix("Z") < closes.removesuffix("Z")


def _verdict_json(verdict: Verdict) -> dict[str, Json]:
    return {
        "policy": verdict.policy,
        "subject": verdict.subject,
        "severity": verdict.severity,
        "state": verdict.state,
        **verdict.counts,
        "first_violations": verdict.first_violations,
        "evaluations": verdict.evaluations,
        "at": verdict.at,
        "evidence": verdict.evidence,
    }


def _controls(verdicts: Iterable[Verdict]) -> list[ControlState]:
    behind: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        for control in verdict.controls:
            behind.setdefault(control, []).append(verdict)
    return [
        ControlState(framework, control, _state(found), tuple(sorted(each.evidence for each in found)))
        for (framework, control), found in sorted(behind.items())
    ]


def _state(verdicts: Sequence[Verdict]) -> str:
    if any(each.counts["violations"] for each in verdicts):
        return "violated"
    decided = all(each.state == "ran" and not each.counts["unknown"] for each in verdicts)
    return "met" if decided and any(each.counts["resources"] for each in verdicts) else "unknown"


def _silent(opens: datetime, closes: datetime, days: Mapping[str, int]) -> list[tuple[str, str]]:
    """Runs of whole days in the window without an entry."""
    first = opens.date() if opens == datetime.combine(opens.date(), time(), UTC) else opens.date() + timedelta(days=1)
    runs: list[tuple[date, date]] = []
    for offset in range(min(DAYS_MAX, (closes.date() - first).days)):
        day = first + timedelta(days=offset)
        if day.isoformat() in days:
            continue
        if runs and runs[-1][1] == day - timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return [(start.isoformat(), end.isoformat()) for start, end in runs]


def _control_names(value: Json) -> tuple[tuple[str, str], ...]:
    items = value if isinstance(value, list) else []
    pairs = {
        (item["framework"], item["id"])
        for item in items
        if isinstance(item, dict) and isinstance(item.get("framework"), str) and isinstance(item.get("id"), str)
    }
    return tuple(sorted((str(framework), str(control)) for framework, control in pairs))


def _verdict(key: tuple[str, str], latest: _Latest) -> Verdict:
    body = latest.body
    return Verdict(
        policy=key[0],
        subject=key[1],
        severity=_word(body.get("severity", UNRATED)),
        state=_word(body.get("state", "ran")),
        counts=_counts(latest.type, body),
        controls=_control_names(body.get("controls")),
        at=latest.at,
        evidence=latest.name,
        first_violations=latest.first_violations,
        evaluations=latest.evaluations,
    )


def _counts(kind: str, body: Mapping[str, Json]) -> dict[str, int]:
    """Resources by verdict: as counted, or all of them by the one verdict that a collected entry states."""
    if kind == "PolicyEvaluated":
        return {field: _count(body.get(field)) for field in _COUNTS}
    decided = _STATED.get(_word(body.get("verdict"))) or _RESULTS.get(_word(body.get("result")))
    resources = max(1, _count(body.get("resources")))
    counts = dict.fromkeys(_COUNTS, 0) | {"resources": resources}
    counts[decided or "unknown"] = resources
    if decided == "violations":
        counts["violations"] = max(1, _count(body.get("violations")))
        counts["compliant"] = max(0, resources - counts["violations"])
    return counts


def _name(body: Mapping[str, Json], field: str) -> str:
    value = body.get(field)
    return value if isinstance(value, str) else ""


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _word(value: Json) -> str:
    return value if isinstance(value, str) else "unknown"
