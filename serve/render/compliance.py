"""Compliance on a terminal: frameworks in figures, a framework's controls, gaps, and what an import came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted, moment, percent
from serve.render.terminal import LABEL, QUIET, WARN

Row = Mapping[str, Any]

STATES: Final = ("satisfied", "partly", "not-satisfied", "unknown")
STATE_STYLES: Final = {"satisfied": "green", "partly": "yellow", "not-satisfied": "red", "unknown": QUIET}
STATE_WORDS: Final = {"satisfied": "satisfied", "partly": "partly", "not-satisfied": "not satisfied"}
GAP_STYLES: Final = {"failing": "red", "stale": "yellow", "no-evidence": "yellow", "undecided": "yellow"}
BARE: Final = {
    "no-policy": "without a policy in the scan: unknown",
    "organisational": "organisational, which configuration cannot show: unknown",
}
SURE: Final = 0.8
EVIDENCE_SHOWN, NAMES_SHOWN, CANNOT_SHOW = 1, 5, "organisational"


def framework_lines(found: Row, *, width: int | None) -> list[Text]:
    """One line a framework; how many of its controls stand where."""
    names = ("framework", "controls", "satisfied", "partly", "not satisfied", "unknown", "with policy", "title")
    served = [each for each in found["frameworks"] if each["with_policy"]]
    others = [each["framework"] for each in found["frameworks"] if not each["with_policy"]]
    rows = [tuple(Cell(name, QUIET) for name in names)]
    rows += [
        (
            Cell(each["framework"], LABEL),
            Cell(count(each["controls"])),
            *(Cell(count(each["states"][state]), _style(state, each["states"][state])) for state in STATES),
            Cell(count(each["with_policy"])),
            Cell(each["title"] if each["is_catalogued"] else "controls that are mapped; the rest is not known", QUIET),
        )
        for each in served
    ]
    right = Column(is_right=True)
    columns = (Column(), *[right] * 5, Column(is_right=True, drop=1), Column(Fit.END, width_min=20, drop=2))
    rest = _flowed(f"No policy of the scan serves: {', '.join(others)}", width) if others else []
    return [*_title(found), Text(), *lay_out(rows, columns, width=width, indent=0), Text(), *rest, *_legend()]


def control_lines(found: Row, *, width: int | None) -> list[Text]:
    """A framework in figures, then a line for each control with what it follows from."""
    (framework,) = found["frameworks"]
    lines = [
        *_title(found),
        Text(),
        Text(f"{framework['framework']}  {framework['title']}", LABEL),
        _figures(framework),
    ]
    rows = [
        (
            Cell(row["id"]),
            Cell(STATE_WORDS.get(row["state"], row["state"]), STATE_STYLES[row["state"]]),
            Cell(
                f"{count(row['checks']['compliant'])}/{count(row['checks']['total'])}" if row["checks"]["total"] else ""
            ),
            Cell(count(row["policies_judged"]) if row["policies_judged"] else "", QUIET),
            Cell(row["text"]),
            Cell(row["why"] if row["state"] != "satisfied" else "", QUIET),
            Cell(_evidence(row, width), QUIET),
        )
        for row in found["controls"]
        if row["reason"] not in BARE
    ]
    names = ("control", "state", "checks", "policies", "asks", "why", "evidence")
    columns = (
        Column(),
        Column(),
        Column(is_right=True),
        Column(is_right=True, drop=2),
        Column(Fit.END, width_min=24),
        Column(Fit.END, width_min=18, drop=1),
        Column(drop=3),
    )
    head = tuple(Cell(name, QUIET) for name in names)
    table = lay_out([head, *rows], columns, width=width, indent=0) if rows else []
    return [*lines, Text(), *table, *([Text()] if rows else []), *_bare(found["controls"], width), *_legend()]


def gap_lines(found: Row, *, width: int | None) -> list[Text]:
    """How many gaps of each kind there are, then a line for each."""
    counts = [f"{count(number)} {kind.replace('-', ' ')}" for kind, number in found["counts"].items() if number]
    lines = [*_title(found), Text(), Text("GAPS  " + ("   ".join(counts) or "none"), LABEL)]
    rows = [
        (
            Cell(row["gap"].replace("-", " "), GAP_STYLES.get(row["gap"], QUIET)),
            Cell(row["framework"]),
            Cell(row["id"]),
            Cell(row["text"]),
            Cell(row["why"], QUIET),
        )
        for row in found["gaps"]
    ]
    columns = (
        Column(),
        Column(),
        Column(),
        Column(Fit.END, width_min=20),
        Column(Fit.END, width_min=24, drop=1),
    )
    todo = dict.fromkeys((row["gap"], row["todo"]) for row in found["gaps"])
    next_steps = [Text(f"{gap.replace('-', ' ')}: {words}", QUIET) for gap, words in todo]
    return [*lines, *lay_out(rows, columns, width=width, indent=0), *([Text()] if rows else []), *next_steps]


def map_lines(found: Row, *, width: int | None) -> list[Text]:
    """What is proposed for a policy or a piece of evidence, what speaks for it, and what is mapped already."""
    lines = [Text(f"MAP  {found['of']}", LABEL), Text()]
    if found["mapped"]:
        rows = [
            (
                Cell(row["framework"]),
                Cell(row["id"]),
                Cell(row["strength"], QUIET),
                Cell(row["source"], QUIET),
                Cell(row["text"] or ""),
            )
            for row in found["mapped"]
        ]
        columns = (
            Column(),
            Column(),
            Column(drop=1),
            Column(Fit.END, width_min=12, drop=2),
            Column(Fit.END, width_min=20),
        )
        lines += [Text("Mapped", QUIET), *lay_out(rows, columns, width=width, indent=2), Text()]
    fresh = [row for row in found["suggestions"] if not row["is_mapped"]]
    if not fresh:
        return [
            *lines,
            Text(f"Nothing more is proposed with a confidence of {percent(found['confidence_min'])} or more."),
        ]
    table = [
        (
            Cell(percent(row["confidence"]), "green" if row["confidence"] >= SURE else ""),
            Cell(row["framework"]),
            Cell(row["id"]),
            Cell(row["text"] or ""),
            Cell(_because(row["reasons"]), QUIET),
        )
        for row in fresh
    ]
    columns = (
        Column(is_right=True),
        Column(),
        Column(),
        Column(Fit.END, width_min=20),
        Column(Fit.END, width_min=20, drop=1),
    )
    return [
        *lines,
        Text(f"Proposed, with a confidence of {percent(found['confidence_min'])} or more", QUIET),
        *lay_out(table, columns, width=width, indent=2),
        Text(),
        Text(
            "Confidence: how often like proposals were right among mapped policies. Words are compared, not rules.",
            QUIET,
        ),
    ]


def _because(reasons: Sequence[Row]) -> str:
    """The most like policy, and the words it shares."""
    first = reasons[0]
    return f"like {first['like']}: {', '.join(first['words'])}"


def import_lines(found: Row, *, width: int | None) -> list[Text]:
    """What an import came to, and every kind of name in it that leads nowhere."""
    del width
    lines = [
        Text(
            f"IMPORTED  {counted(found['mappings'], 'mapping')} of {counted(found['policies'], 'policy', 'policies')} "
            f"to {counted(found['controls'], 'control')} from {counted(len(found['sources']), 'source')}",
            LABEL,
        )
    ]
    checks = [row["policy"] for row in found["unknown_policies"]]
    lines += _leading_nowhere(
        counted(found["unknown_policies_total"], "policy or check", "policies or checks"), "not found", checks
    )
    controls = found["unknown_controls"]
    lines += _leading_nowhere(
        counted(found["unknown_controls_total"], "control"), "not in our list of the framework", controls
    )
    if found["without_controls"]:
        lines.append(Text(f"  {counted(len(found['without_controls']), 'initiative')} without controls", QUIET))
    return lines


def _flowed(text: str, width: int | None) -> list[Text]:
    lines = [text] if width is None else wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    return [Text(line, QUIET) for line in lines]


def _bare(controls: Sequence[Row], width: int | None) -> Iterator[Text]:
    """Controls of which nothing more is to be said, by id alone."""
    for reason, said in BARE.items():
        ids = [row["id"] for row in controls if row["reason"] == reason]
        if ids:
            yield Text(f"{counted(len(ids), 'control')} {said}", WARN if reason == "no-policy" else QUIET)
            wide = 10_000 if width is None else max(width - 2, 20)
            yield from (Text(f"  {line}", QUIET) for line in wrap("  ".join(ids), wide))
            yield Text()


def _leading_nowhere(number: str, said: str, names: Sequence[str]) -> Iterator[Text]:
    if names:
        shown = list(dict.fromkeys(names))
        more = ", …" if len(shown) > NAMES_SHOWN else ""
        yield Text(f"  {number} {said}: {', '.join(shown[:NAMES_SHOWN])}{more}", WARN)


def _title(found: Row) -> Iterator[Text]:
    yield Text(
        f"COMPLIANCE  tenant {found['tenant']}   scan of {moment(found['scan_as_of'])}   "
        f"evidence up to {counted(found['evidence_age_days_max'], 'day')} old",
        LABEL,
    )
    for name in ("scope", "type"):
        if (value := found["filters"][name]) is not None:
            yield Text(f"Only {name} {value}: the scan judged nothing else", WARN)


def _figures(framework: Row) -> Text:
    line = Text()
    for state in STATES:
        number = framework["states"][state]
        line.append(f"{count(number)} {STATE_WORDS.get(state, state)}   ", _style(state, number))
    line.append(
        f"of {counted(framework['controls'], 'control')}, {count(framework['organisational'])} of them {CANNOT_SHOW}",
        QUIET,
    )
    return line


def _legend() -> Iterator[Text]:
    yield Text(
        "Satisfied: the policies that serve a control found nothing; what no policy looks at is not covered.", QUIET
    )
    yield Text("Organisational controls are at most partly: configuration cannot show them.", QUIET)


def _evidence(row: Row, width: int | None) -> str:
    entries = row["evidence"]
    if width is None:
        return " ".join(entries)
    more = f" +{len(entries) - EVIDENCE_SHOWN}" if len(entries) > EVIDENCE_SHOWN else ""
    return " ".join(entries[:EVIDENCE_SHOWN]) + more


def _style(state: str, number: int) -> str:
    return STATE_STYLES[state] if number else QUIET
