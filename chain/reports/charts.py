"""Charts as vectors: time from left to right, labels where the eye is, and the numbers themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import Color, white
from reportlab.pdfbase.pdfmetrics import stringWidth

from chain.pack_summary import SEVERITIES
from chain.reports.board_figures import HORIZON_DAYS, BoardFigures, FrameworkRow, HeatRow, TrendPoint
from chain.reports.board_figures import Line as NamedLine
from chain.reports.page import BOLD, PALETTE, SANS, load_fonts, shown

SMALL: Final = 6.5
_LABELS_APART: Final = 9.0


def entries_by_day(days: Mapping[str, int], opens: datetime, closes: datetime, *, width: float) -> Drawing:
    """Entries per day of the window as bars; a day without any keeps its place and gets a mark below the line."""
    height, base, left = 96.0, 26.0, 30.0
    drawing = _drawing(width, height)
    first = opens.date()
    last = (closes - timedelta(microseconds=1)).date()
    count = (last - first).days + 1
    largest = max(days.values(), default=0)
    step = (width - left) / count
    scale = (height - base - 14) / max(1, largest)
    _rule(drawing, left, base, width)
    for share in (0.5, 1.0):
        at = base + scale * largest * share
        _rule(drawing, left, at, width, quiet=True)
        _text(drawing, left - 4, at - 2, f"{round(largest * share):,}", anchor="end")
    for offset in range(count):
        day = first + timedelta(days=offset)
        number = days.get(day.isoformat(), 0)
        x = left + offset * step
        if number:
            bar = Rect(x + step * 0.12, base, step * 0.76, max(1.0, number * scale), strokeColor=None)
            bar.fillColor = PALETTE.accent
            drawing.add(bar)
        else:
            drawing.add(
                Line(x + step * 0.15, base - 4, x + step * 0.85, base - 4, strokeColor=PALETTE.high, strokeWidth=1.6)
            )
    for offset in _ticks(count):
        day = first + timedelta(days=offset)
        _text(drawing, left + (offset + 0.5) * step, base - 15, f"{day.day} {day:%b}", anchor="middle")
    _text(drawing, left, 1, "a mark below the line is a day without an entry", colour=PALETTE.high)
    return drawing


def severity_trend(board: BoardFigures, *, width: float) -> Drawing:
    """Open violations by severity up to now, and on tinted ground what dates bring within a week."""
    height, base, left, right, top = 190.0, 24.0, 30.0, 92.0, 172.0
    drawing = _drawing(width, height)
    start = min(board.trend[0].at, board.now - timedelta(days=HORIZON_DAYS))
    end = board.now + timedelta(days=HORIZON_DAYS)
    span = (end - start).total_seconds()

    def x_of(at: datetime) -> float:
        return left + (width - left - right) * (at - start).total_seconds() / span

    lines = {severity: _course(board, severity) for severity in SEVERITIES}
    largest = max([number for line in lines.values() for _, number in line] or [0])
    ceiling = _round_up(largest)

    def y_of(number: float) -> float:
        return base + (top - base) * number / ceiling

    now = x_of(board.now)
    drawing.add(Rect(now, base, x_of(end) - now, top - base, fillColor=PALETTE.future, strokeColor=None))
    for part in range(5):
        level = ceiling * part / 4
        _rule(drawing, left, y_of(level), width - right, quiet=part > 0)
        _text(drawing, left - 4, y_of(level) - 2, f"{level:,.0f}", anchor="end")
    drawing.add(Line(now, base, now, top + 6, strokeColor=PALETTE.accent, strokeWidth=1))
    _text(
        drawing, now, top + 9, f"now, {board.now.day} {board.now:%b}", anchor="middle", colour=PALETTE.accent, bold=True
    )
    _text(drawing, x_of(end), top + 9, "next 7 days", anchor="end" if right < 60 else "middle")
    for point in _thinned(board.trend):
        _text(drawing, x_of(point.at), base - 11, f"{point.at.day} {point.at:%b}", anchor="middle")
    for severity, line in lines.items():
        _course_line(drawing, [(x_of(at), y_of(number)) for at, number in line if at <= board.now], severity)
        ahead = [(x_of(at), y_of(number)) for at, number in line if at >= board.now]
        _course_line(drawing, ahead, severity, dashed=True)
    ends = [(severity, y_of(line[-1][1]), line) for severity, line in lines.items()]
    for severity, y, line in _apart(ends):
        today = next(number for at, number in reversed(line) if at <= board.now)
        more = line[-1][1] - today
        label = f"{severity} {today:,}" + (f", {more:,} more" if more else "")
        _text(drawing, x_of(end) + 6, y - 2, label, colour=PALETTE.of(severity), bold=True)
    return drawing


def money_trend(points: Sequence[TrendPoint], currency: str, *, width: float) -> Drawing:
    """Cost under violation from a zero line, each scan a point with its amount."""
    height, base, left, right, top = 82.0, 20.0, 30.0, 92.0, 66.0
    drawing = _drawing(width, height)
    known = [(point.at, float(point.at_risk)) for point in points if point.at_risk is not None]
    span = max(1.0, (known[-1][0] - known[0][0]).total_seconds())
    ceiling = _round_up(max(amount for _, amount in known))
    _rule(drawing, left, base, width - right)
    _text(drawing, left - 4, base - 2, "0", anchor="end")
    spots = [
        (
            left + (width - left - right) * (at - known[0][0]).total_seconds() / span,
            base + (top - base) * amount / ceiling,
        )
        for at, amount in known
    ]
    if len(spots) > 1:
        drawing.add(PolyLine(_flat(spots), strokeColor=PALETTE.accent, strokeWidth=1.6))
    for (x, y), (at, amount) in zip(spots, known, strict=True):
        drawing.add(Rect(x - 1.6, y - 1.6, 3.2, 3.2, fillColor=PALETTE.accent, strokeColor=None))
        _text(drawing, x, base - 11, f"{at.day} {at:%b}", anchor="middle")
        _text(drawing, x, y + 5, f"{amount:,.0f}", anchor="middle")
    _text(drawing, width - right + 14, spots[-1][1] - 2, f"{currency} a month", colour=PALETTE.accent, bold=True)
    return drawing


def heat_map(rows: Sequence[HeatRow], *, width: float) -> Drawing:
    """Violations by scope and severity; the darker the more, within one severity, with the number in the cell."""
    cell, head, left = 18.0, 16.0, width * 0.46
    height = head + cell * len(rows)
    drawing = _drawing(width, height)
    column = (width - left) / len(SEVERITIES)
    for at, severity in enumerate(SEVERITIES):
        x = left + at * column
        _text(drawing, x + column / 2, height - 10, severity, anchor="middle", colour=PALETTE.of(severity), bold=True)
        largest = max((row.counts[severity] for row in rows), default=0)
        for line, row in enumerate(rows):
            number = row.counts[severity]
            share = number / largest if largest else 0.0
            tint = _tint(PALETTE.of(severity), share)
            y = height - head - cell * (line + 1)
            drawing.add(Rect(x + 1, y + 1, column - 2, cell - 2, fillColor=tint, strokeColor=None))
            _text(drawing, x + column / 2, y + 6, f"{number:,}", anchor="middle", colour=_ink(tint))
    for line, row in enumerate(rows):
        _text(drawing, 0, height - head - cell * (line + 1) + 6, _fit(row.name, left - 8), colour=PALETTE.text)
    return drawing


def framework_bars(rows: Sequence[FrameworkRow], *, width: float) -> Drawing:
    """Controls of each framework: violated, unknown and met, as parts of one bar with their numbers in it."""
    row_height, left, head = 22.0, 110.0, 14.0
    height = row_height * len(rows) + head
    drawing = _drawing(width, height)
    largest = max((row.met + row.violated + row.unknown for row in rows), default=1)
    scale = (width - left - 108) / max(1, largest)
    for line, row in enumerate(rows):
        y, x = height - head - row_height * (line + 1) + 3, left
        _text(drawing, 0, y + 5, _fit(row.name, left - 8), colour=PALETTE.text, bold=True)
        parts = (
            (row.violated, PALETTE.critical, white),
            (row.unknown, PALETTE.line, PALETTE.text),
            (row.met, PALETTE.ok, white),
        )
        for number, colour, ink in parts:
            part = number * scale
            if number:
                drawing.add(Rect(x, y, part, 14, fillColor=colour, strokeColor=white, strokeWidth=0.8))
            if part > 14:
                _text(drawing, x + part / 2, y + 5, str(number), anchor="middle", colour=ink, bold=True)
            x += part
        unknown = f", {row.unknown:,} unknown" if row.unknown else ""
        _text(drawing, x + 6, y + 5, f"{row.met:,} of {row.met + row.violated:,} met{unknown}")
    for at, (name, colour) in enumerate(
        (("violated", PALETTE.critical), ("unknown", PALETTE.quiet), ("met", PALETTE.ok))
    ):
        _text(drawing, left + at * 56, height - 8, name, colour=colour, bold=True)
    return drawing


def bars(lines: Sequence[NamedLine], *, width: float, unit: str = "") -> Drawing:
    """Named amounts as bars from zero, with the amount and a word on it beside each."""
    row_height, left = 15.5, width * 0.44
    height = row_height * len(lines)
    drawing = _drawing(width, height)
    largest = max((line.value for line in lines), default=Decimal(1))
    room = (width - left) * 0.42
    for at, line in enumerate(lines):
        y = height - row_height * (at + 1) + 4
        length = max(1.0, float(line.value / largest) * room) if largest else 1.0
        _text(drawing, 0, y + 3, _fit(line.name, left - 8), colour=PALETTE.text)
        drawing.add(Rect(left, y, length, 10, fillColor=PALETTE.accent, strokeColor=None))
        amount = f"{line.value:,.0f}{f' {unit}' if unit else ''}"
        _text(drawing, left + length + 5, y + 3, amount, colour=PALETTE.text, bold=True)
        after = left + length + 10 + stringWidth(amount, BOLD, SMALL)
        _text(drawing, after, y + 3, _fit(line.note, width - after))
    return drawing


def _course(board: BoardFigures, severity: str) -> list[tuple[datetime, int]]:
    """Known violations over time, then those that dates add."""
    line = [(point.at, point.violations[severity]) for point in board.trend]
    number = line[-1][1]
    for day, counts in board.ahead:
        number += counts.get(severity, 0)
        at = datetime(day.year, day.month, day.day, 23, 59, tzinfo=board.now.tzinfo)
        line.append((min(at, board.now + timedelta(days=HORIZON_DAYS)), number))
    return [*line, (board.now + timedelta(days=HORIZON_DAYS), number)]


def _course_line(
    drawing: Drawing, spots: Sequence[tuple[float, float]], severity: str, *, dashed: bool = False
) -> None:
    if len(spots) < 2:
        return
    line = PolyLine(_flat(spots), strokeColor=PALETTE.of(severity), strokeWidth=1.8 if severity == "critical" else 1.3)
    if dashed:
        line.strokeDashArray = [2, 2]
    drawing.add(line)


def _apart(ends: Sequence[tuple[str, float, Any]]) -> list[tuple[str, float, Any]]:
    """Labels at the ends of lines, moved up as far as needed not to touch."""
    placed: list[tuple[str, float, Any]] = []
    for severity, y, line in sorted(ends, key=lambda item: item[1]):
        lowest = placed[-1][1] + _LABELS_APART if placed else y
        placed.append((severity, max(y, lowest), line))
    return placed


def _thinned(points: Sequence[TrendPoint]) -> Sequence[TrendPoint]:
    return points[:: max(1, -(-len(points) // 9))]


def _ticks(count: int) -> range:
    return range(0, count, max(1, -(-count // 10)))


def _round_up(number: float) -> float:
    """The next of 1, 2, 4, 5 or 8 with zeroes."""
    magnitude = 1.0
    while magnitude * 10 <= number:
        magnitude *= 10
    return next((step * magnitude for step in (1, 2, 4, 5, 8, 10) if step * magnitude >= number), 10 * magnitude)


def _tint(colour: Any, share: float) -> Color:
    """The colour over white; nothing stays white, something is visible."""
    weight = 0.0 if share == 0 else 0.12 + 0.88 * share
    return Color(*(1 - weight * (1 - part) for part in (colour.red, colour.green, colour.blue)))


def _ink(ground: Any) -> Any:
    """Whichever of white and text colour stands out more (WCAG 2.2, relative luminance)."""
    light = _luminance(ground)
    return white if 1.05 / (light + 0.05) > (light + 0.05) / (_luminance(PALETTE.text) + 0.05) else PALETTE.text


def _luminance(colour: Any) -> float:
    parts = (colour.red, colour.green, colour.blue)
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def _drawing(width: float, height: float) -> Drawing:
    load_fonts()
    return Drawing(width, height)


def _flat(spots: Sequence[tuple[float, float]]) -> list[float]:
    return [part for spot in spots for part in spot]


def _rule(drawing: Drawing, start: float, y: float, end: float, *, quiet: bool = False) -> None:
    colour = PALETTE.line if quiet else PALETTE.quiet
    drawing.add(Line(start, y, end, y, strokeColor=colour, strokeWidth=0.4 if quiet else 0.7))


def _text(
    drawing: Drawing, x: float, y: float, text: str, *, anchor: str = "start", colour: Any = None, bold: bool = False
) -> None:
    font = BOLD if bold else SANS
    fill = PALETTE.quiet if colour is None else colour
    drawing.add(String(x, y, shown(text), textAnchor=anchor, fontName=font, fontSize=SMALL, fillColor=fill))


def _fit(text: str, width: float) -> str:
    """Text that fits, shortened in the middle where it would not."""
    if stringWidth(shown(text), BOLD, SMALL) <= width:
        return text
    kept = len(text)
    while kept > 4 and stringWidth(shown(_shortened(text, kept)), BOLD, SMALL) > width:
        kept -= 1
    return _shortened(text, kept)


def _shortened(text: str, kept: int) -> str:
    return f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"
