"""What the report shows of a document: grouped, chosen and worded; no markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from domain.prediction import HORIZON_DAYS
from serve.render.figures import amount, count, counted, end, monthly, percent, ratio
from serve.render.ranking import Expected, expected, first_of_each_day, policy_counts
from serve.render.words import POLICY_STATES, SOURCE_WORDS, controls_text, rule_words

Document = Mapping[str, Any]
Entry = Mapping[str, Any]

SEVERITIES: Final = ("critical", "high", "medium", "low")
PER_DAY_MAX: Final = 2
CONTROLS_MAX: Final = 4
POLICIES_MAX, RESOURCES_MAX, RADII_MAX, COSTS_MAX, GAPS_MAX, EXPECTED_MAX, RANKED_MAX = 12, 5, 8, 8, 20, 14, 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure: the number, what it counts, and what stands behind it."""

    value: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the week ahead."""

    label: str
    is_today: bool
    parts: tuple[tuple[str, int], ...]
    total: int
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """Violations of one provider by severity."""

    provider: str
    resources: int
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One policy that is violated, with the resources concerned."""

    policy_id: str
    severity: str
    title: str
    remediation: str
    controls: str
    violations: int
    new: int
    cost: str
    shown: tuple[Entry, ...]

    @property
    def hidden(self) -> int:
        return self.violations - len(self.shown)


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework's controls by state."""

    name: str
    violated: tuple[str, ...]
    met: int
    unknown: int


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything the template needs beside the document."""

    headline: str
    figures: tuple[Figure, ...]
    days: tuple[Day, ...]
    day_largest: int
    dated: tuple[Expected, ...]
    dated_hidden: int
    ranked: tuple[Expected, ...]
    providers: tuple[ProviderRow, ...]
    provider_largest: int
    problems: tuple[Problem, ...]
    problems_hidden: int
    radii: tuple[Entry, ...]
    radius_largest: int
    frameworks: tuple[Framework, ...]
    policy_states: tuple[tuple[str, int], ...]
    not_run: tuple[tuple[str, int], ...]
    gaps: tuple[Entry, ...]
    gaps_hidden: int
    recognised: str
    months: str
    costs: tuple[tuple[Entry, tuple[Entry, ...], float], ...]
    policy_titles: Mapping[str, str]
    source_words: Mapping[str, str]
    proof_line: str


def report_view(document: Document) -> ReportView:
    """Choose and group."""
    rows = expected(document["predictions"], as_of=document["as_of"])
    dated = [row for row in rows if row.is_dated]
    shown = first_of_each_day(dated, per_day=PER_DAY_MAX, limit=EXPECTED_MAX)
    days = _days(document["as_of"], dated)
    providers = _providers(document)
    problems = _problems(document["violations"])
    radii = tuple(document["blast_radius"][:RADII_MAX])
    return ReportView(
        headline=_headline(document, dated),
        figures=_figures(document, dated),
        days=days,
        day_largest=max((day.total for day in days), default=0),
        dated=tuple(shown),
        dated_hidden=len(dated) - len(shown),
        ranked=tuple(row for row in rows if not row.is_dated)[:RANKED_MAX],
        providers=providers,
        provider_largest=max((number for row in providers for _, number in row.counts), default=0),
        problems=tuple(problems[:POLICIES_MAX]),
        problems_hidden=max(0, len(problems) - POLICIES_MAX),
        radii=radii,
        radius_largest=max((radius["resources"] for radius in radii), default=0),
        frameworks=_frameworks(document["controls"]),
        policy_states=_states(document["policies"]),
        not_run=_not_run(document["policies"]),
        gaps=tuple(document["gaps"][:GAPS_MAX]),
        gaps_hidden=max(0, len(document["gaps"]) - GAPS_MAX),
        recognised=_recognised(document["files"]),
        months=", ".join(sorted({rule_words(period) for period in document["cost"]["periods"]})),
        costs=tuple(_costs(currency) for currency in document["cost"]["currencies"]),
        policy_titles={policy["id"]: policy["title"] for policy in document["policies"]},
        source_words=SOURCE_WORDS,
        proof_line=_proof_line(document),
    )


def _headline(document: Document, dated: Sequence[Expected]) -> str:
    """The answer in one sentence."""
    counts = {name: row["violations"] for name, row in document["severities"].items()}
    worst = next((name for name in SEVERITIES if counts.get(name)), None)
    if worst is None:
        now = "No violation was found in what could be read and decided"
    else:
        rest = sum(counts.values()) - counts[worst]
        now = f"{counted(counts[worst], worst + ' violation')} now" + (
            f" and {count(rest)} less severe" if rest else ""
        )
    coming = sum(row.resources for row in dated)
    by_date = f"; {counted(coming, 'more')} will follow within seven days by date" if coming else ""
    return f"{now}{by_date}.".replace("1 mores", "1 more").replace("mores", "more")


def _figures(document: Document, dated: Sequence[Expected]) -> tuple[Figure, ...]:
    total = sum(row["violations"] for row in document["severities"].values())
    new = sum(row["new"] for row in document["severities"].values())
    since = document["new_since"]
    change = "no former scan to compare with" if since is None else f"{count(new)} new since {str(since)[:10]}"
    coming = sum(row.resources for row in dated)
    return (
        Figure(count(total), "violations now", change),
        Figure(
            count(coming), "more by date within 7 days", dated[0].when + " is the first" if dated else "none has a date"
        ),
        _money_figure(document["cost"]),
        _radius_figure(document["blast_radius"]),
        Figure(
            count(document["unknown"]["evaluations"]),
            "checks undecided",
            f"{counted(len(document['gaps']), 'gap')} in what was read"
            if document["gaps"]
            else "no gap in what was read",
        ),
    )


def _money_figure(cost: Entry) -> Figure:
    if cost["at_risk"] is None:
        return Figure("unknown", "cost under violation", "no billing export was scanned")
    share = percent(ratio(cost["at_risk"], cost["total"]))
    whole = f"{share} of {amount(cost['total'])} {cost['currency']} a month"
    return Figure(f"{amount(cost['at_risk'])} {cost['currency']}", "a month under violation", whole)


def _radius_figure(radii: Sequence[Entry]) -> Figure:
    if not radii:
        return Figure("0", "resources behind another", "nothing found takes others down")
    first = radii[0]
    return Figure(count(first["resources"]), "resources behind the largest", str(first["resource_name"]))


def _days(as_of: str, dated: Sequence[Expected]) -> tuple[Day, ...]:
    start = datetime.fromisoformat(as_of)
    days = []
    for offset in range(HORIZON_DAYS + 1):
        date = start + timedelta(days=offset)
        rows = [row for row in dated if row.day_offset == offset]
        by_severity: Counter[str] = Counter()
        for row in rows:
            by_severity[row.severity or "low"] += row.resources
        days.append(
            Day(
                label=f"{date:%a} {date.day} {date:%b}",
                is_today=offset == 0,
                parts=tuple((name, by_severity[name]) for name in SEVERITIES),
                total=sum(by_severity.values()),
                titles=tuple(end(f"{row.what}, {row.who}", 60) for row in rows[:1]),
            )
        )
    return tuple(days)


def _providers(document: Document) -> tuple[ProviderRow, ...]:
    found = Counter((entry["provider"], entry["severity"]) for entry in document["violations"])
    return tuple(
        ProviderRow(provider, resources, tuple((name, found[provider, name]) for name in SEVERITIES))
        for provider, resources in document["resources"]["by_provider"].items()
    )


def _problems(violations: Sequence[Entry]) -> list[Problem]:
    """Policies by severity, then by what their resources cost, then by how many there are."""
    grouped: dict[str, list[Entry]] = {}
    for entry in violations:
        grouped.setdefault(entry["policy_id"], []).append(entry)
    keyed = []
    for policy_id, entries in grouped.items():
        first = entries[0]
        sums: dict[str, Decimal] = {}
        for entry in {entry["resource_id"]: entry for entry in entries}.values():
            for money in entry["monthly_cost"]:
                sums[money["currency"]] = sums.get(money["currency"], Decimal(0)) + Decimal(money["amount"])
        ranked = sorted(entries, key=lambda e: (-_largest(e["monthly_cost"]), not e["is_new"], e["resource_id"]))
        problem = Problem(
            policy_id=policy_id,
            severity=first["severity"],
            title=first["title"],
            remediation=first["remediation"],
            controls=controls_text(first["controls"], limit=CONTROLS_MAX),
            violations=len(entries),
            new=sum(entry["is_new"] for entry in entries),
            cost=monthly([{"amount": str(sums[name]), "currency": name} for name in sorted(sums)]),
            shown=tuple(ranked[:RESOURCES_MAX]),
        )
        order = (SEVERITIES.index(first["severity"]), -max(sums.values(), default=Decimal(0)), -len(entries), policy_id)
        keyed.append((order, problem))
    return [problem for _, problem in sorted(keyed, key=lambda pair: pair[0])]


def _largest(entries: Sequence[Entry]) -> Decimal:
    return max((Decimal(entry["amount"]) for entry in entries), default=Decimal(0))


def _frameworks(controls: Sequence[Entry]) -> tuple[Framework, ...]:
    names = sorted({control["framework"] for control in controls})
    found = []
    for name in names:
        own = [control for control in controls if control["framework"] == name]
        states = Counter(control["state"] for control in own)
        violated = tuple(control["id"] for control in own if control["state"] == "violated")
        found.append(Framework(name, violated, states["met"], states["unknown"]))
    return tuple(found)


def _states(policies: Sequence[Entry]) -> tuple[tuple[str, int], ...]:
    counts = policy_counts(policies)
    return tuple((words, counts[state]) for state, words in POLICY_STATES if counts[state])


def _not_run(policies: Sequence[Entry]) -> tuple[tuple[str, int], ...]:
    """Why policies could not decide or run, most frequent first."""
    reasons = Counter(str(p["reason"]) for p in policies if p["reason"] and p["state"] not in {"ran", "not_applicable"})
    return tuple(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:GAPS_MAX])


def _recognised(files: Sequence[Entry]) -> str:
    records = sum(file["records"] for file in files)
    return percent(sum(file["recognised"] for file in files) / records) if records else "none"


def _costs(currency: Entry) -> tuple[Entry, tuple[Entry, ...], float]:
    """A currency, its dearest policies, and the amount that bars are drawn against."""
    ranked = sorted(currency["by_policy"], key=lambda row: (-Decimal(row["amount"]), row["policy_id"]))[:COSTS_MAX]
    return currency, tuple(ranked), float(ranked[0]["amount"]) if ranked else 0.0


def _proof_line(document: Document) -> str:
    evidence = document["evidence"]
    if evidence is None:
        return f"PolicyCortex, tenant {document['tenant']}, {document['as_of']}, no evidence recorded"
    return f"Evidence {evidence['origin']}, size {evidence['size']}. Check with: pcg verify {evidence['path']}"
