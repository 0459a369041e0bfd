"""What a board is shown: risk, compliance, money and trend, each figure with its source and time.

Built from scan documents (`docs/scan.schema.json`) over time and from the log's entries, by whoever asks for a board
pack. A figure that nothing supports is unknown and says what would fill it; it is never estimated here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from chain.envelope import Envelope
from chain.pack_summary import SEVERITIES
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.value import Json

HORIZON_DAYS: Final = 7
SCOPES_MAX: Final = 8
LINES_MAX: Final = 8
AMOUNTS_MAX: Final = 6
EVIDENCE_MAX: Final = 6
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and where it is from.

    Args:
        value: None where it is unknown; then ``unknown`` says what would fill it.
        change: difference from the former scan of the window; None where there is none.
        evidence: entries behind it, such as ``2026-17``.
    """

    name: str
    value: Decimal | None
    unit: str
    source: str
    as_of: str
    change: Decimal | None = None
    evidence: tuple[str, ...] = ()
    unknown: str = ""

    def as_json(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "value": None if self.value is None else f"{self.value:f}",
            "unit": self.unit,
            "source": self.source,
            "as_of": self.as_of,
            "change": None if self.change is None else f"{self.change:f}",
            "evidence": list[Json](self.evidence),
            "unknown": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One scan: violations by severity, controls by state, and cost under violation, where billing was read."""

    at: datetime
    violations: Mapping[str, int]
    controls: Mapping[str, int]
    at_risk: Decimal | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """Violations by severity in one scope."""

    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FrameworkRow:
    """Controls of a framework by state."""

    name: str
    met: int
    violated: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Line:
    """A named amount or count, and a word on it."""

    name: str
    value: Decimal
    note: str


@dataclass(frozen=True, slots=True)
class BoardFigures:
    """Everything that the executive pages show.

    Args:
        now: time of the newest scan.
        figures: key figures by id: violations, severe, controls, at_risk, planned_savings, realised_savings, effective.
        ahead: violations that a date brings within a week, by day and severity.
        likely: bounds of how many more are likely by learned predictions; None without such.
        notes: what a reader must know, such as that resources are synthetic.
    """

    now: datetime
    currency: str
    month: str
    figures: Mapping[str, Figure]
    trend: tuple[TrendPoint, ...]
    ahead: tuple[tuple[date, Mapping[str, int]], ...]
    likely: tuple[float, float] | None
    scopes: tuple[HeatRow, ...]
    scopes_left: int
    frameworks: tuple[FrameworkRow, ...]
    radii: tuple[Line, ...]
    savings: tuple[Line, ...]
    costly: tuple[Line, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """The figures as the statement of a pack holds them."""
        return {
            "now": format_instant(self.now),
            "figures": {key: figure.as_json() for key, figure in self.figures.items()},
            "trend": [
                {
                    "at": format_instant(point.at),
                    "violations": dict(point.violations),
                    "controls": dict(point.controls),
                    "evidence": list[Json](point.evidence),
                }
                for point in self.trend
            ],
            "frameworks": [
                {"name": row.name, "met": row.met, "violated": row.violated, "unknown": row.unknown}
                for row in self.frameworks
            ],
            "notes": list[Json](self.notes),
        }


def board_figures(documents: Sequence[Document], entries: Mapping[str, Envelope]) -> BoardFigures:
    """Figures of the newest document, with the others as the trend.

    Args:
        documents: scan documents of one tenant with the same filters, in any order.
        entries: the window's entries by name; a figure names those of its scan.

    Raises:
        InputError: there is no document.
    """
    if not documents:
        raise InputError("no scan to report to a board", todo="Scan first, or make a pack without executive pages")
    ordered = sorted(documents, key=lambda document: str(document["as_of"]))
    points = tuple(_point(document, entries) for document in ordered)
    newest = ordered[-1]
    scopes = _scopes(newest)
    return BoardFigures(
        now=points[-1].at,
        currency=newest["cost"]["currency"] or "",
        month=newest["cost"]["effective_month"] or "",
        figures=_figures(newest, points),
        trend=points,
        ahead=_ahead(newest, points[-1].at),
        likely=_likely(newest),
        scopes=scopes[:SCOPES_MAX],
        scopes_left=max(0, len(scopes) - SCOPES_MAX),
        frameworks=_frameworks(newest),
        radii=_radii(newest),
        savings=_by_policy(newest, is_waste=True),
        costly=_by_policy(newest, is_waste=False),
        notes=tuple(newest["notes"]),
    )


def _point(document: Document, entries: Mapping[str, Envelope]) -> TrendPoint:
    as_of = str(document["as_of"])
    behind = [name for name, entry in entries.items() if entry.type == "ComplianceChecked" and entry.at == as_of]
    at_risk = document["cost"]["at_risk"]
    return TrendPoint(
        at=parse_instant(as_of),
        violations={severity: int(document["severities"][severity]["violations"]) for severity in SEVERITIES},
        controls=dict(Counter(str(control["state"]) for control in document["controls"])),
        at_risk=None if at_risk is None else Decimal(at_risk),
        evidence=tuple(behind[:EVIDENCE_MAX]),
    )


def _figures(document: Document, points: Sequence[TrendPoint]) -> dict[str, Figure]:
    newest = points[-1]
    former = points[-2] if len(points) > 1 else None
    return {
        "violations": _counted("Violations open", newest, former, lambda point: sum(point.violations.values())),
        "severe": _counted("Critical and high", newest, former, _severe),
        "controls": _controls_met(newest, former),
        "at_risk": _money("Cost under violation", document, "at_risk", newest, former),
        "effective": _money("Effective cost", document, "total", newest, None),
        "planned_savings": _money("Planned savings", document, "waste", newest, None),
        "realised_savings": Figure(
            "Realised savings",
            None,
            "",
            "evidence log",
            format_instant(newest.at),
            unknown="entries of applied remediation with the cost before and after",
        ),
    }


def _severe(point: TrendPoint) -> int:
    return point.violations["critical"] + point.violations["high"]


def _counted(name: str, newest: TrendPoint, former: TrendPoint | None, count: Any) -> Figure:
    value = Decimal(count(newest))
    change = None if former is None else value - Decimal(count(former))
    return Figure(name, value, "violations", "scan", format_instant(newest.at), change, newest.evidence)


def _controls_met(newest: TrendPoint, former: TrendPoint | None) -> Figure:
    share, before = _share_met(newest), None if former is None else _share_met(former)
    change = None if share is None or before is None else share - before
    unknown = "" if share is not None else "policies that are mapped to controls, and a scan that decides them"
    return Figure("Controls met", share, "%", "scan", format_instant(newest.at), change, newest.evidence, unknown)


def _share_met(point: TrendPoint) -> Decimal | None:
    """Percent of the controls that were decided."""
    met, violated = point.controls.get("met", 0), point.controls.get("violated", 0)
    return None if met + violated == 0 else (Decimal(100 * met) / (met + violated)).quantize(Decimal("0.1"))


def _money(name: str, document: Document, field: str, newest: TrendPoint, former: TrendPoint | None) -> Figure:
    text = document["cost"][field]
    unit = f"{document['cost']['currency']}/month" if text is not None else ""
    value = None if text is None else Decimal(text)
    change = None
    if value is not None and former is not None and former.at_risk is not None:
        change = value - former.at_risk
    unknown = "" if value is not None else "billing exports in FOCUS form beside the inventory"
    source = f"scan and billing of {document['cost']['effective_month']}" if value is not None else "scan"
    return Figure(name, value, unit, source, format_instant(newest.at), change, newest.evidence, unknown)


def _ahead(document: Document, now: datetime) -> tuple[tuple[date, Mapping[str, int]], ...]:
    days: dict[date, Counter[str]] = {}
    for prediction in document["predictions"]:
        if prediction["source"] != "date" or prediction["date"] is None or prediction["severity"] is None:
            continue
        at = parse_instant(prediction["date"])
        if now <= at <= now + timedelta(days=HORIZON_DAYS):
            days.setdefault(at.date(), Counter())[prediction["severity"]] += 1
    return tuple((day, dict(days[day])) for day in sorted(days))


def _likely(document: Document) -> tuple[float, float] | None:
    intervals = [each["interval"] for each in document["predictions"] if each["interval"] is not None]
    if not intervals:
        return None
    return sum(each["low"] for each in intervals), sum(each["high"] for each in intervals)


def _scopes(document: Document) -> tuple[HeatRow, ...]:
    """Scopes with violations, those with the most severe ones first."""
    counts: dict[str, Counter[str]] = {}
    for violation in document["violations"]:
        counts.setdefault(_short_scope(violation), Counter())[violation["severity"]] += 1
    rows = [HeatRow(name, {severity: found[severity] for severity in SEVERITIES}) for name, found in counts.items()]
    return tuple(sorted(rows, key=lambda row: (*(-row.counts[severity] for severity in SEVERITIES), row.name)))


def _short_scope(violation: Mapping[str, Any]) -> str:
    """Provider and the account, project or subscription, without what lies below it."""
    parts = [part for part in str(violation["scope"]).split("/") if part]
    account = parts[1] if len(parts) > 1 else "".join(parts)
    return f"{violation['provider']} {account}".strip()


def _frameworks(document: Document) -> tuple[FrameworkRow, ...]:
    states: dict[str, Counter[str]] = {}
    for control in document["controls"]:
        states.setdefault(control["framework"], Counter())[control["state"]] += 1
    return tuple(
        FrameworkRow(name, found["met"], found["violated"], found["unknown"]) for name, found in sorted(states.items())
    )


def _radii(document: Document) -> tuple[Line, ...]:
    lines = [_radius(entry) for entry in document["blast_radius"]]
    return tuple(sorted(lines, key=lambda line: (-line.value, line.name))[:LINES_MAX])


def _radius(entry: Mapping[str, Any]) -> Line:
    money = ", ".join(f"{Decimal(each['amount']):,.0f} {each['currency']}/month" for each in entry["monthly_cost"])
    return Line(entry["resource_name"], Decimal(entry["resources"]), money or "cost unknown")


def _titles(document: Document) -> dict[str, str]:
    """Titles by policy, with the policy's id where several have the same."""
    counts = Counter(policy["title"] for policy in document["policies"])
    return {
        policy["id"]: policy["title"] if counts[policy["title"]] == 1 else f"{policy['title']} ({policy['id']})"
        for policy in document["policies"]
    }


def _by_policy(document: Document, *, is_waste: bool) -> tuple[Line, ...]:
    titles = _titles(document)
    lines = [
        Line(
            titles.get(each["policy_id"], each["policy_id"]), Decimal(each["amount"]), f"{each['resources']} resources"
        )
        for each in document["cost"]["by_policy"]
        if each["is_waste"] == is_waste and Decimal(each["amount"]) > 0
    ]
    return tuple(sorted(lines, key=lambda line: (-line.value, line.name))[:AMOUNTS_MAX])
