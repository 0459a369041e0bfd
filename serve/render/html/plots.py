"""Two plots with direct labels: differences with their intervals about a zero line, and two lines over weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

WIDTH: Final = 640
ROW: Final = 30
LEFT: Final = 150
RIGHT: Final = 170
HEIGHT: Final = 150


@dataclass(frozen=True, slots=True)
class Interval:
    """A row of the first plot."""

    name: str
    value: float
    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the second; None where a week has no value."""

    name: str
    kind: str
    values: Sequence[float | None]


def intervals(rows: Sequence[Interval], *, title: str) -> Markup:
    """Points with bars to both ends of their intervals; what is right of the line is better."""
    reach = max([abs(end) for row in rows for end in (row.low, row.high)] or [1.0]) * 1.08 or 1.0
    room = WIDTH - LEFT - RIGHT

    def x(value: float) -> float:
        return LEFT + room * (value / reach + 1) / 2

    height = ROW * len(rows) + 24
    parts = [Markup('<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="4" y2="{1}"/>').format(x(0), height - 20)]
    for place, row in enumerate(rows):
        y = ROW * place + ROW / 2 + 2
        kind = "above" if row.low > 0 else "below" if row.high < 0 else "open"
        parts.append(
            Markup(
                '<text x="0" y="{y4:.1f}">{name}</text><line class="span {kind}" x1="{low:.1f}" x2="{high:.1f}" '
                'y1="{y:.1f}" y2="{y:.1f}"/><circle class="dot {kind}" cx="{value:.1f}" cy="{y:.1f}" r="4"/>'
                '<text class="told" x="{end}" y="{y4:.1f}">{label}</text>'
            ).format(
                name=row.name, kind=kind, low=x(row.low), high=x(row.high), value=x(row.value), y=y, y4=y + 4,
                end=WIDTH - RIGHT + 12, label=row.label,
            )
        )  # fmt: skip
    parts.append(
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">0, as before</text>').format(x(0), height - 4)
    )
    return _drawing(parts, height, title)


def lines(found: Sequence[Line], weeks: Sequence[str], *, title: str, low: float, high: float) -> Markup:
    """Lines over weeks from left to right, each named at its end."""
    room, top, bottom = WIDTH - 40 - RIGHT, 8, HEIGHT - 24

    def x(place: int) -> float:
        return 40 + room * place / max(len(weeks) - 1, 1)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (min(max(value, low), high) - low) / ((high - low) or 1)

    parts = [
        Markup(
            '<line class="axis" x1="40" x2="{0}" y1="{1:.1f}" y2="{1:.1f}"/>'
            '<text class="tick" x="34" y="{2:.1f}" text-anchor="end">{3:.2f}</text>'
        ).format(40 + room, y(level), y(level) + 4, level)
        for level in (low, (low + high) / 2, high)
    ]
    parts += [
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x(at), HEIGHT - 6, week)
        for at, week in enumerate(weeks)
        if at % 2 == 0
    ]
    taken: list[float] = []
    for line in found:
        points = [(x(at), y(value)) for at, value in enumerate(line.values) if value is not None]
        if not points:
            continue
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        at = points[-1][1] + 4
        while any(abs(at - other) < 13 for other in taken):
            at += 13
        taken.append(at)
        parts.append(
            Markup('<polyline class="line {0}" points="{1}"/><text class="{0}" x="{2}" y="{3:.1f}">{4}</text>').format(
                line.kind, path, 40 + room + 12, at, line.name
            )
        )
    return _drawing(parts, HEIGHT, title)


def _drawing(parts: Sequence[Markup], height: float, title: str) -> Markup:
    return Markup('<svg class="plot" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, Markup().join(parts)
    )
