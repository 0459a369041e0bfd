"""The summary of a scan on a terminal: what was read, what is wrong now, what comes, what it costs, how to check it.

Made from the scan document alone; durations are passed in, because a document does not depend on them. Without a
width (piped output) nothing is shortened or left out of a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import amount, count, counted, end, middle, moment, monthly, percent, ratio
from serve.render.ranking import Expected, expected, first_of_each_day, policy_counts, shown_violations
from serve.render.words import POLICY_STATES, blast_reason, controls_text, rule_words

Document = Mapping[str, Any]

SEVERITY_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "bright_black"}
QUIET, LABEL, WARN = "bright_black", "bold", "yellow"
LABEL_WIDTH = 11
INDENT = 2
GAPS_MAX, VIOLATIONS_MAX, EXPECTED_MAX, PER_DAY_MAX, RANKED_MAX, RADII_MAX = 3, 8, 8, 1, 2, 4
GAPS_PIPED_MAX = 20
WIDTH_MIN = 60


@dataclass(frozen=True, slots=True)
class Timings:
    """How long the steps took, in seconds; 0 where not measured."""

    read_s: float = 0.0
    judge_s: float = 0.0


def summary(document: Document, *, version: str, timings: Timings, width: int | None, verify: str) -> list[Text]:
    """The whole summary.

    Args:
        width: columns of the terminal, at least 60 are used; None where the output is no terminal.
        verify: command that checks the evidence.
    """
    width = None if width is None else max(width, WIDTH_MIN)
    page = _Page(document, width)
    lines = [*page.title(version), Text(), *page.read(timings.read_s), *page.policies(timings.judge_s), Text()]
    for part in (page.now(), page.coming(), page.blast_radius()):
        lines += [*part, Text()]
    return [*lines, *page.money(), *page.proof(verify), *page.notes()]


@dataclass(frozen=True, slots=True)
class _Page:
    document: Document
    width: int | None

    def title(self, version: str) -> Iterator[Text]:
        cells = [
            Cell(f"PolicyCortex {version}", LABEL),
            Cell(f"tenant {self.document['tenant']}"),
            Cell(moment(self.document["as_of"])),
        ]
        if self.document["synthetic"]:
            cells.append(Cell("synthetic estate", WARN))
        yield from _flowed(cells, self.width, Text())
        for name in ("scope", "type"):
            if (value := self.document["filters"][name]) is not None:
                yield Text(f"Only {name} {value if self.width is None else end(value, self.width - 12)}", QUIET)

    def read(self, seconds: float) -> Iterator[Text]:
        resources, files = self.document["resources"], self.document["files"]
        parts = [
            counted(resources["total"], "resource"),
            counted(len(resources["by_provider"]), "provider"),
            counted(len(resources["by_scope"]), "scope"),
            counted(len(files), "file"),
            _recognised(files),
        ]
        yield from self._packed("READ", parts, _seconds(seconds))
        by_provider = [f"{name} {count(number)}" for name, number in resources["by_provider"].items()]
        yield from self._packed("", by_provider, style=QUIET)
        yield from self._gaps()

    def _gaps(self) -> Iterator[Text]:
        """One line a file, fullest first, with its first gap."""
        gaps = self.document["gaps"]
        if not gaps:
            return
        by_file: dict[str, list[Mapping[str, Any]]] = {}
        for gap in gaps:
            by_file.setdefault(gap["path"], []).append(gap)
        ranked = sorted(by_file.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        shown = ranked[: GAPS_MAX if self.width else GAPS_PIPED_MAX]
        columns = (
            Column(is_right=True),
            Column(Fit.MIDDLE, width_min=20),
            Column(Fit.END, width_min=30),
            Column(Fit.END, width_min=28, drop=1),
        )
        rows = [
            (
                Cell(counted(len(found), "gap"), WARN),
                Cell(_place(found[0], PurePath(path).name if self.width else path)),
                Cell(found[0]["reason"]),
                Cell(found[0]["todo"], QUIET),
            )
            for path, found in shown
        ]
        yield from lay_out(rows, columns, width=self.width, indent=LABEL_WIDTH)
        rest = sum(len(found) for _, found in ranked[len(shown) :])
        more = f", {count(rest)} more in {counted(len(ranked) - len(shown), 'file')}" if rest else ""
        yield self._headed("", f"{counted(len(gaps), 'gap')} in all{more}: --json OUT lists each", style=QUIET)

    def policies(self, seconds: float) -> Iterator[Text]:
        counts = policy_counts(self.document["policies"])
        parts = [f"{count(counts.get(state, 0))} {words}" for state, words in POLICY_STATES if counts.get(state)]
        yield from self._packed("POLICIES", parts or ["none ran"], _seconds(seconds))
        unknown = self.document["unknown"]
        if unknown["evaluations"]:
            text = (
                f"{counted(unknown['evaluations'], 'check')} on {counted(unknown['resources'], 'resource')} undecided, "
                "because what they need was not read"
            )
            yield from self._wrapped("", text, style=WARN)

    def now(self) -> Iterator[Text]:
        severities = self.document["severities"]
        cells = [
            Cell(
                f"{count(counts['violations'])} {severity}",
                SEVERITY_STYLES[severity] if counts["violations"] else QUIET,
            )
            for severity, counts in severities.items()
        ]
        yield from _flowed([*cells, Cell(self._news())], self.width, Text("NOW".ljust(LABEL_WIDTH), LABEL))
        yield from self._violations()
        if exempt := self.document["exempt"]:
            text = f"{counted(len(exempt), 'violation')} exempt, shown with their reasons in --json and --html"
            room = None if self.width is None else self.width - INDENT
            yield from (Text(" " * INDENT + line, QUIET) for line in _filled(text.split(), " ", room))

    def _news(self) -> str:
        since = self.document["new_since"]
        new = sum(counts["new"] for counts in self.document["severities"].values())
        return "no former scan to compare with" if since is None else f"{count(new)} new since {moment(since)}"

    def _violations(self) -> Iterator[Text]:
        violations = self.document["violations"]
        if not violations:
            yield Text(f"{' ' * INDENT}No violation was found in what could be read and decided.")
            return
        shown = shown_violations(violations, limit=VIOLATIONS_MAX)
        columns = (
            Column(),
            Column(drop=2),
            Column(Fit.MIDDLE, width_min=16),
            Column(Fit.END, width_min=28),
            Column(drop=3),
            Column(is_right=True, drop=1),
        )
        rows = [
            (
                Cell(violation["severity"], SEVERITY_STYLES[violation["severity"]]),
                Cell(violation["provider"], QUIET),
                Cell(violation["resource_name"]),
                Cell(violation["title"]),
                Cell(controls_text(violation["controls"], limit=1), QUIET),
                Cell(monthly(violation["monthly_cost"])),
            )
            for violation in shown
        ]
        yield from lay_out(rows, columns, width=self.width, indent=INDENT)
        if len(violations) > len(shown):
            text = f"{count(len(violations) - len(shown))} more: pcg violations"
            yield self._right(text)

    def coming(self) -> Iterator[Text]:
        rows = expected(self.document["predictions"], as_of=self.document["as_of"])
        dated = [row for row in rows if row.is_dated]
        yield Text.assemble(("NEXT 7 DAYS", LABEL), "  ", _coming_words(dated))
        ranked = [row for row in rows if not row.is_dated]
        shown = [*first_of_each_day(dated, per_day=PER_DAY_MAX, limit=EXPECTED_MAX), *ranked[:RANKED_MAX]]
        columns = (
            Column(),
            Column(drop=2),
            Column(Fit.MIDDLE, width_min=14),
            Column(Fit.END, width_min=24),
            Column(Fit.END, width_min=20, drop=1),
        )
        yield from lay_out([_expected_cells(row) for row in shown], columns, width=self.width, indent=INDENT)
        if len(rows) > len(shown):
            yield self._right(f"{count(len(rows) - len(shown))} more: --html OUT or --json OUT")

    def blast_radius(self) -> Iterator[Text]:
        radii = self.document["blast_radius"]
        failures = sorted({radius["failure"] for radius in radii})
        kind = f" ({failures[0].replace('_', ' ')})" if len(failures) == 1 else ""
        yield Text.assemble(("BLAST RADIUS", LABEL), (kind, QUIET), "" if radii else "  no resource takes another down")
        columns = (
            Column(Fit.MIDDLE, width_min=18),
            Column(is_right=True),
            Column(is_right=True),
            Column(Fit.END, width_min=16, drop=1),
        )
        rows = [
            (
                Cell(radius["resource_name"]),
                Cell(counted(radius["resources"], "resource")),
                Cell(monthly(radius["monthly_cost"])),
                Cell(blast_reason(radius), QUIET),
            )
            for radius in radii[:RADII_MAX]
        ]
        yield from lay_out(rows, columns, width=self.width, indent=INDENT)

    def money(self) -> Iterator[Text]:
        cost = self.document["cost"]
        if not cost["currencies"]:
            yield self._headed("MONEY", "not known: scan FOCUS billing exports too", style=QUIET)
            return
        for number, row in enumerate(cost["currencies"]):
            parts = [
                f"{amount(row['total'])} {row['currency']}/mo effective",
                f"{amount(row['at_risk'])} under violation",
                f"{amount(row['waste'])} waste",
                f"{percent(ratio(row['unmatched'], row['total']))} unmatched",
            ]
            yield from self._packed("MONEY" if number == 0 else "", parts)
        periods = {rule_words(period) for period in cost["periods"]}
        if periods:
            yield self._headed("", "of " + ", ".join(sorted(periods)), style=QUIET)

    def proof(self, verify: str) -> Iterator[Text]:
        evidence = self.document["evidence"]
        if evidence is None:
            yield self._headed("PROOF", "no evidence was recorded", style=QUIET)
            return
        root = evidence["roots"]["sha256"]
        shown = middle(root, 13) if self.width else root
        text = f"{counted(evidence['size'], 'entry', 'entries')}   {evidence['origin']}   sha256 {shown}"
        yield self._headed("PROOF", text)
        yield self._headed("", f"verify: {verify}")

    def notes(self) -> Iterator[Text]:
        for number, note in enumerate(self.document["notes"]):
            yield from self._wrapped("NOTES" if number == 0 else "", note)

    def _wrapped(self, label: str, text: str, *, style: str = QUIET) -> Iterator[Text]:
        for number, part in enumerate(_filled(text.split(), " ", self._room())):
            yield self._headed(label if number == 0 else "", part, style=style)

    def _packed(self, label: str, parts: Sequence[str], right: str = "", *, style: str = "") -> Iterator[Text]:
        """Parts side by side, on further lines where one is full."""
        for number, part in enumerate(_filled(parts, "   ", self._room(right))):
            yield self._headed(label if number == 0 else "", part, right if number == 0 else "", style=style)

    def _room(self, right: str = "") -> int | None:
        return None if self.width is None else self.width - LABEL_WIDTH - (len(right) + 2 if right else 0)

    def _headed(self, label: str, text: str, right: str = "", *, style: str = "") -> Text:
        line = Text(label.ljust(LABEL_WIDTH), LABEL)
        if self.width is None:
            line.append(text, style or None)
            if right:
                line.append(f"   {right}", QUIET)
            return line
        line.append(end(text, self._room(right) or 0), style or None)
        if right:
            line.append(right.rjust(self.width - len(line.plain)), QUIET)
        return line

    def _right(self, text: str) -> Text:
        if self.width is None:
            return Text(" " * INDENT + text, QUIET)
        return Text(text.rjust(self.width), QUIET)


def _coming_words(dated: Sequence[Expected]) -> str:
    total = sum(row.resources for row in dated)
    return f"{counted(total, 'violation')} by date" if total else "no violation by date"


def _place(gap: Mapping[str, Any], path: str) -> str:
    return f"{path}:{gap['line']}" if gap["line"] else path


def _expected_cells(row: Expected) -> tuple[Cell, ...]:
    behind = counted(row.behind, "resource") + " behind it" if row.behind else ""
    return (
        Cell(row.when),
        Cell(row.source, QUIET),
        Cell(row.who),
        Cell(row.what),
        Cell(behind if row.is_dated and behind else row.why, QUIET),
    )


def _recognised(files: Sequence[Mapping[str, Any]]) -> str:
    """The share of records that were understood."""
    records = sum(file["records"] for file in files)
    share = 100 * sum(file["recognised"] for file in files) / records if records else 100
    shown = f"{share:.0f}" if share in {0, 100} or 10 < share < 99 else f"{int(share * 10) / 10}"
    return f"{shown} % of {count(records)} records recognised"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds else ""


def _flowed(cells: Sequence[Cell], width: int | None, line: Text) -> Iterator[Text]:
    """Cells side by side after what the line begins with, on further lines where one is full."""
    indent, is_first = len(line.plain), True
    for cell in cells:
        gap = 0 if is_first else 3
        if width is not None and not is_first and len(line.plain) + gap + len(cell.text) > width:
            yield line
            line, gap = Text(" " * indent), 0
        line.append(" " * gap)
        line.append(cell.text, cell.style or None)
        is_first = False
    yield line


def _filled(parts: Sequence[str], separator: str, room: int | None) -> list[str]:
    """Parts joined into as few lines as fit."""
    lines: list[str] = []
    for part in parts:
        if lines and (room is None or len(lines[-1]) + len(separator) + len(part) <= room):
            lines[-1] += separator + part
        else:
            lines.append(part)
    return lines
