"""What to show first when not everything fits: a choice of violations, and predictions grouped by day and policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve.render.figures import count, day, days_between, interval, monthly_value

Entry = Mapping[str, Any]

PER_POLICY_MAX = 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What one day brings under one policy, or one ranked resource.

    Args:
        when: ``Wed 25 Nov``, or ``by Mon 30 Nov`` where no date decides.
        who: the resource, or how many.
        behind: resources that go down with them.
        score: for ranking what has no date.
    """

    when: str
    day_offset: int
    source: str
    who: str
    what: str
    why: str
    severity: str | None
    resources: int
    behind: int
    is_dated: bool
    entries: tuple[Entry, ...]


def policy_counts(policies: Iterable[Entry]) -> Counter[str]:
    """Policies by state."""
    return Counter(policy["state"] for policy in policies)


def shown_violations(violations: Sequence[Entry], *, limit: int) -> list[Entry]:
    """The worst, dearer resources first; at most two of each policy, so that one does not hide the others."""
    order = {severity: rank for rank, severity in enumerate(("critical", "high", "medium", "low"))}
    ranked = sorted(
        violations,
        key=lambda found: (order[found["severity"]], -monthly_value(found["monthly_cost"]), found["policy_id"]),
    )
    seen: Counter[str] = Counter()
    chosen: list[Entry] = []
    for found in ranked:
        seen[found["policy_id"]] += 1
        if seen[found["policy_id"]] <= PER_POLICY_MAX:
            chosen.append(found)
    return chosen[:limit]


def expected(predictions: Sequence[Entry], *, as_of: str) -> list[Expected]:
    """Dates first, one row a day and policy, in order of time and severity; then what only ranks, by score."""
    grouped: dict[tuple[str, str | None, str], list[Entry]] = {}
    for prediction in predictions:
        if prediction["date"] is not None:
            head = str(prediction["date"])[:10]
            grouped.setdefault((head, prediction["policy_id"], prediction["title"]), []).append(prediction)
    dated = [_dated(entries, as_of) for _, entries in sorted(grouped.items(), key=lambda pair: _order(*pair))]
    ranked = sorted((p for p in predictions if p["date"] is None), key=lambda p: (-p["score"], p["resource_id"]))
    return [*dated, *(_ranked(prediction) for prediction in ranked)]


def _order(key: tuple[str, str | None, str], entries: list[Entry]) -> tuple[str, int, str]:
    ranks = ("critical", "high", "medium", "low", None)
    return (key[0], ranks.index(entries[0]["severity"]), key[1] or "")


def _dated(entries: list[Entry], as_of: str) -> Expected:
    first = entries[0]
    same = len({entry["resource_id"] for entry in entries})
    return Expected(
        when=day(first["date"]),
        day_offset=days_between(as_of, first["date"]),
        source=first["source"],
        who=first["resource_name"] if same == 1 else f"{count(same)} resources",
        what=first["title"],
        why="; ".join(first["reasons"]) if same == 1 else _names(entries),
        severity=first["severity"],
        resources=same,
        behind=sum(entry["resources_behind"] for entry in entries),
        is_dated=True,
        entries=tuple(entries),
    )


def _names(entries: list[Entry]) -> str:
    names = [str(entry["resource_name"]) for entry in entries]
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {count(rest)} more" if rest > 0 else "")


def _ranked(entry: Entry) -> Expected:
    if entry["probability"] is None:
        what = f"{entry['title']}, score {entry['score']:.2f}"
    else:
        what = f"{entry['title']}, {100 * entry['probability']:.0f} %"
        if entry["interval"] is not None:
            what += f" ({interval(entry['interval']['low'], entry['interval']['high'])})"
    return Expected(
        when="within 7 d",
        day_offset=7,
        source=entry["source"],
        who=entry["resource_name"],
        what=what,
        why="; ".join(entry["reasons"]),
        severity=entry["severity"],
        resources=1,
        behind=entry["resources_behind"],
        is_dated=False,
        entries=(entry,),
    )
