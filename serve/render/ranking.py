"""What to show first when not everything fits: a choice of violations, and predictions grouped by day and policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve.render.figures import count, day, days_between, interval, middle, monthly_value

Entry = Mapping[str, Any]

RANKS: tuple[str | None, ...] = ("critical", "high", "medium", "low", None)
PER_POLICY_MAX = 2
NAMED_MAX, NAME_LENGTH_MAX, REASONS_MAX = 3, 28, 2


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
    ranked = sorted(
        violations,
        key=lambda found: (RANKS.index(found["severity"]), -monthly_value(found["monthly_cost"]), found["policy_id"]),
    )
    seen: Counter[str] = Counter()
    chosen: list[Entry] = []
    for found in ranked:
        seen[found["policy_id"]] += 1
        if seen[found["policy_id"]] <= PER_POLICY_MAX:
            chosen.append(found)
    return chosen[:limit]


def expected(predictions: Sequence[Entry], *, as_of: str) -> list[Expected]:
    """Dates first, one row a day and finding, in order of time and severity; then what only ranks, by score."""
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for prediction in predictions:
        if prediction["date"] is not None:
            head = str(prediction["date"])[:10]
            grouped.setdefault((head, prediction["title"]), []).append(prediction)
    dated = [_dated(entries, as_of) for _, entries in sorted(grouped.items(), key=lambda pair: _order(*pair))]
    ranked = sorted((p for p in predictions if p["date"] is None), key=lambda p: (-p["score"], p["resource_id"]))
    return [*dated, *(_ranked(prediction) for prediction in ranked)]


def _order(key: tuple[str, str], entries: list[Entry]) -> tuple[str, int, str]:
    return (key[0], min(RANKS.index(entry["severity"]) for entry in entries), key[1])


def _dated(entries: list[Entry], as_of: str) -> Expected:
    first = min(entries, key=lambda entry: RANKS.index(entry["severity"]))
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
    names = list(dict.fromkeys(str(entry["resource_name"]) for entry in entries))
    rest = len(names) - NAMED_MAX
    shown = ", ".join(middle(name, NAME_LENGTH_MAX) for name in names[:NAMED_MAX])
    return shown + (f" and {count(rest)} more" if rest > 0 else "")


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
        why="; ".join(entry["reasons"][:REASONS_MAX]),
        severity=entry["severity"],
        resources=1,
        behind=entry["resources_behind"],
        is_dated=False,
        entries=(entry,),
    )


def first_of_each_day(rows: Sequence[Expected], *, per_day: int, limit: int) -> list[Expected]:
    """Dated rows such that one full day does not hide the rest of the week."""
    seen: Counter[int] = Counter()
    chosen = []
    for row in rows:
        seen[row.day_offset] += 1
        if seen[row.day_offset] <= per_day:
            chosen.append(row)
    return chosen[:limit]
