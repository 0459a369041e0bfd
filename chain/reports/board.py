"""The executive pages: risk, compliance, money and trend, each figure with its source, and what is not known."""

from __future__ import annotations

from decimal import Decimal

from reportlab.platypus import Flowable, KeepTogether, PageBreak

from chain.pack_summary import SEVERITIES
from chain.reports.board_figures import BoardFigures, Figure
from chain.reports.charts import bars, framework_bars, heat_map, money_trend, severity_trend
from chain.reports.page import Bookmark, heading, key_figures, paragraph, severity_word, space, table
from domain.clock import format_instant


def board_pages(board: BoardFigures, tenant: str, window: str, width: float) -> list[Flowable]:
    """The pages on top of the evidence report."""
    shown_first = ("severe", "violations", "controls", "at_risk", "planned_savings")
    return [
        Bookmark("Board pack"),
        paragraph("PolicyCortex", "kicker"),
        paragraph("Board pack", "title"),
        paragraph(f"{tenant} · {window} · newest scan {format_instant(board.now)}", "quiet"),
        space(1),
        paragraph(_headline(board), "lead"),
        space(1.5),
        key_figures([_cell(board.figures[name], board) for name in shown_first], width),
        *_steps(board, width),
        *_trend(board, width),
        *_ahead(board, width),
        *_notes(board),
        PageBreak(),
        *_risk(board, width),
        *_compliance(board, width),
        PageBreak(),
        *_money(board, width),
        *_sources(board, width),
    ]


def _headline(board: BoardFigures) -> str:
    newest = board.trend[-1].violations
    severe, ahead = newest["critical"] + newest["high"], sum(sum(counts.values()) for _, counts in board.ahead)
    change = board.figures["severe"].change
    if change is None:
        moved = ""
    elif change:
        moved = f", {abs(change):,.0f} {'more' if change > 0 else 'fewer'} than on {_since(board)}"
    else:
        moved = f", as many as on {_since(board)}"
    next_week = f" {ahead:,} more come within seven days by date if nothing is done." if ahead else ""
    return f"{severe:,} critical and high violations are open{moved}.{next_week}{_money_words(board)}"


def _money_words(board: BoardFigures) -> str:
    risk, savings = board.figures["at_risk"].value, board.figures["planned_savings"].value
    if not risk:
        return ""
    saved = f"; planned savings are {savings:,.0f}" if savings else ""
    return f" Resources that cost {risk:,.0f} {board.currency} a month are under violation{saved}."


def _since(board: BoardFigures) -> str:
    """The day of the scan that the newest one is compared with."""
    first = board.trend[0].at
    return f"{first.day} {first:%b}"


def _cell(figure: Figure, board: BoardFigures) -> tuple[str, str, str]:
    if figure.value is None:
        return "unknown", figure.name, f"would be filled by {figure.unknown}"
    return _amount(figure), figure.name, _change(figure, _since(board))


def _amount(figure: Figure) -> str:
    assert figure.value is not None, "an unknown figure has no amount"
    if figure.unit == "%":
        return f"{figure.value:.0f} %"
    return f"{figure.value:,.0f}"


def _change(figure: Figure, since: str) -> str:
    unit = "" if figure.unit in {"%", "violations"} else f"{figure.unit}, "
    if figure.change is None:
        return f"{unit}{figure.source}" if unit else f"{figure.source}, nothing to compare with"
    points = " points" if figure.unit == "%" else ""
    moved = f"{figure.change:+{'.1f' if points else ',.0f'}}"
    still = moved.strip("+-0.") == ""
    return f"{unit}{'no change' if still else moved + points} since {since}"


def _steps(board: BoardFigures, width: float) -> list[Flowable]:
    """What to do first, the most severe above."""
    if not board.steps:
        return []
    rows = [
        [
            severity_word(step.severity),
            f"{step.title[:1].upper()}{step.title[1:]}",
            step.where,
            "unknown" if step.cost is None else f"{step.cost:,.0f}",
        ]
        for step in board.steps
    ]
    widths = [width * share for share in (0.1, 0.44, 0.32, 0.14)]
    head = ["", "what is wrong", "where", f"{board.currency}/month" if board.currency else "cost"]
    return [space(1), paragraph("Fix first", "sub"), table(head, rows, widths, {3})]


def _trend(board: BoardFigures, width: float) -> list[Flowable]:
    lead = (
        "By severity, at every scan of the window. On tinted ground what dates alone bring, such as certificates that "
        "expire; a dashed line is no forecast."
    )
    likely = []
    if board.likely is not None:
        low, high = board.likely
        likely = [
            paragraph(
                f"Learned predictions add {low:,.0f} to {high:,.0f} likely violations within seven days.", "quiet"
            )
        ]
    return [*heading("Open violations", lead=lead), severity_trend(board, width=width), *likely]


def _ahead(board: BoardFigures, width: float) -> list[Flowable]:
    """The week ahead, day by day."""
    if not board.ahead:
        return []
    severities = [each for each in SEVERITIES if any(counts.get(each) for _, counts in board.ahead)]
    rows = [
        [severity_word(each), *(_count(counts.get(each, 0)) for _, counts in board.ahead), f"{_sum(board, each):,}"]
        for each in severities
    ]
    head = ["", *(f"{day:%a} {day.day}" for day, _ in board.ahead), "in all"]
    widths = [width * 0.12, *[width * 0.88 / (len(head) - 1)] * (len(head) - 1)]
    title = paragraph("Violations that begin within seven days, by date", "sub")
    return [KeepTogether([space(1), title, table(head, rows, widths, set(range(1, len(head))))])]


def _count(number: int) -> str:
    return f"{number:,}" if number else "\u2013"


def _sum(board: BoardFigures, severity: str) -> int:
    return sum(counts.get(severity, 0) for _, counts in board.ahead)


def _notes(board: BoardFigures) -> list[Flowable]:
    notes = [paragraph(note, "quiet") for note in board.notes]
    return [space(1), paragraph("To know when reading", "sub"), *notes] if notes else []


def _risk(board: BoardFigures, width: float) -> list[Flowable]:
    noun = "scope has" if board.scopes_left == 1 else "scopes have"
    left = f" {board.scopes_left:,} more {noun} violations." if board.scopes_left else ""
    lead = f"Violations by account and severity; darker is more, within one severity.{left}"
    scopes: list[Flowable] = [*heading("Risk", lead=lead)]
    if board.scopes:
        scopes.append(heat_map(board.scopes, width=width))
    else:
        scopes.append(paragraph("No violation is open in the newest scan."))
    radii: list[Flowable] = [space(1.5), paragraph("Largest blast radius: resources that fail with one", "sub")]
    if board.radii:
        radii.append(bars(board.radii, width=width, unit="resources"))
    else:
        radii.append(paragraph("Unknown: an inventory with references between resources would fill it.", "quiet"))
    return [*scopes, KeepTogether(radii)]


def _compliance(board: BoardFigures, width: float) -> list[Flowable]:
    lead = "Controls by framework. Unknown are those that no policy decided; they count neither way."
    if not board.frameworks:
        return [
            *heading("Compliance", lead=lead),
            paragraph("Unknown: policies that are mapped to controls would fill it."),
        ]
    return [KeepTogether([*heading("Compliance", lead=lead), framework_bars(board.frameworks, width=width)])]


def _money(board: BoardFigures, width: float) -> list[Flowable]:
    if not board.currency:
        text = "Unknown: billing exports in FOCUS form beside the inventory would fill it."
        return [*heading("Money"), paragraph(text)]
    figures = ("effective", "at_risk", "planned_savings", "realised_savings")
    lead = (
        f"Effective cost of {board.month}, in {board.currency} a month. Savings are planned until a remediation is "
        "applied and measured."
    )
    parts: list[Flowable] = [
        *heading("Money", lead=lead),
        key_figures([_cell(board.figures[name], board) for name in figures], width),
    ]
    unit = board.currency
    if len([point for point in board.trend if point.at_risk is not None]) > 1:
        parts += [space(1.5), paragraph("Cost of resources under violation", "sub")]
        parts += [money_trend(board.trend, board.currency, width=width)]
    if board.savings:
        parts += [
            space(1.5),
            paragraph("Planned savings by policy, a month", "sub"),
            bars(board.savings, width=width, unit=unit),
        ]
    if board.costly:
        title = "Cost under violation by policy, a month; one resource can count under several"
        parts += [space(1.5), paragraph(title, "sub"), bars(board.costly, width=width, unit=unit)]
    return parts


def _sources(board: BoardFigures, width: float) -> list[Flowable]:
    rows = [
        [
            figure.name,
            "unknown" if figure.value is None else f"{_exact(figure.value)} {figure.unit}".strip(),
            figure.source if figure.value is not None else f"would be filled by {figure.unknown}",
            _minute(figure.as_of),
            ", ".join(figure.evidence) or "no entry of this window",
        ]
        for figure in board.figures.values()
    ]
    widths = [width * share for share in (0.19, 0.19, 0.27, 0.19, 0.16)]
    head = ["figure", "value", "source", "as of (UTC)", "evidence"]
    return [KeepTogether([*heading("Where the figures are from"), table(head, rows, widths, {1})])]


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _exact(value: Decimal) -> str:
    return f"{value:,.2f}" if value != value.to_integral_value() else f"{value:,.0f}"
