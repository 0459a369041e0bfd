"""The report as pages: what is proven, what the evidence says, what is missing, and how to check it.

The same input gives the same bytes; signing comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from reportlab.platypus import Flowable, KeepTogether, PageBreak

from chain.checkpoint import parse_checkpoint
from chain.note import parse_note
from chain.pack import ARTIFACTS, CHECKPOINTS, START_CHECKPOINTS, LogRange
from chain.pack_summary import SEVERITIES, ControlState, Verdict
from chain.reports.anchors import AnchorSource
from chain.reports.board import board_pages
from chain.reports.board_figures import BoardFigures
from chain.reports.charts import entries_by_day
from chain.reports.evidence import Evidence
from chain.reports.page import (
    Bookmark,
    PageLine,
    PageSize,
    build,
    heading,
    key_figures,
    marked,
    paragraph,
    severity_word,
    shown,
    space,
    table,
)
from chain.reports.source import PackRequest
from chain.reports.statement import NOT_PROVED
from domain.clock import format_instant

ROWS_MAX: Final = 60
SILENT_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report is written from.

    Args:
        is_stamped: whether the signature will carry a time stamp of a third party.
    """

    request: PackRequest
    evidence: Evidence
    board: BoardFigures | None
    page: PageSize
    is_stamped: bool

    @property
    def title(self) -> str:
        name = "Board pack" if self.board else "Evidence report"
        return name if self.request.framework is None else f"{name}, {self.request.framework}"

    @property
    def window(self) -> str:
        return f"{_day(self.request.opens)} to {_day(self.request.closes)} UTC"


def write_pdf(context: ReportContext) -> bytes:
    """All pages, unsigned."""
    digest = context.evidence.manifest_sha256
    line = PageLine(
        title=f"{context.title} · {context.request.tenant} · {context.window}",
        proof=f"evidence {digest[:16]}…{digest[-8:]} · verify: pcg verify PACK.zip --policy FILE",
    )
    story: list[Flowable] = []
    if context.board is not None:
        story += [*board_pages(context.board, context.request.tenant, context.window, context.page.width), PageBreak()]
    story += [*_first_page(context), *_completeness(context), *_verdicts(context), *_controls(context)]
    story += [*_gaps(context), *_proofs(context), *_how_to_check(context)]
    title = f"{context.title} of {context.request.tenant}, {context.window}"
    return build(story, context.page, line, title=shown(title), author="PolicyCortex", made_at=context.request.made_at)


def _first_page(context: ReportContext) -> list[Flowable]:
    evidence, request = context.evidence, context.request
    summary = evidence.summary
    open_now = sum(each.counts["violations"] for each in summary.verdicts)
    decided = summary.controls_in("met") + summary.controls_in("violated")
    figures = [
        (
            f"{summary.entries:,}",
            "entries, none missing",
            f"{summary.entries - summary.outside:,} state a time in the window",
        ),
        (f"{open_now:,}" if summary.verdicts else "unknown", "violations at the end", _policies(summary.verdicts)),
        (
            f"{100 * summary.controls_in('met') // decided} %" if decided else "unknown",
            "controls met",
            _decided(summary.controls_in("met"), decided, len(summary.controls)),
        ),
        (
            f"{summary.days_without_entries:,}",
            "days without evidence",
            f"of {_days(request.opens, request.closes):,} days",
        ),
        (
            str(len(summary.missing_types)),
            "expected, not found",
            ", ".join(summary.missing_types) or "nothing is missing",
        ),
    ]
    logs = " and ".join(part.origin for part in evidence.manifest.logs)
    proved = (
        f"That the {summary.entries:,} entries in this pack are all that {logs} recorded between the blocks around the "
        "window, in this order and unchanged, and that every figure here follows from them."
    )
    return [
        Bookmark("Evidence report"),
        paragraph("PolicyCortex", "kicker"),
        paragraph("Evidence report", "title"),
        paragraph(f"{request.tenant} · {context.window} · made {format_instant(request.made_at)}", "quiet"),
        space(2),
        key_figures(figures, context.page.width),
        space(1.5),
        paragraph("What this proves", "sub"),
        paragraph(proved, "lead"),
        space(0.5),
        paragraph("What it does not prove", "sub"),
        *(marked(f"\u2013 {escape(shown(text[0].upper() + text[1:]))}.", "body") for text in NOT_PROVED),
        space(0.5),
        paragraph(_signature(context), "quiet"),
    ]


def _signature(context: ReportContext) -> str:
    stamp = (
        "with an RFC 3161 time stamp of a third party (PAdES B-T)"
        if context.is_stamped
        else "without a third party's time stamp (PAdES B-B): the time of signing is the signer's own word"
    )
    return f"This document is signed {stamp}. Its digest is in report.json, which is signed as well."


def _completeness(context: ReportContext) -> list[Flowable]:
    evidence, request, width = context.evidence, context.request, context.page.width
    summary = evidence.summary
    rows = [
        [
            part.origin,
            f"{part.start:,} to {part.end - 1:,}",
            f"{part.end - part.start:,}",
            f"{part.size:,}",
            _ends(context, part),
        ]
        for part in evidence.manifest.logs
    ]
    kinds = [
        [name, f"{count:,}"] for name, count in sorted(summary.by_type.items(), key=lambda item: (-item[1], item[0]))
    ]
    lead = (
        "Both trees of the log prove that these entries and no others stand between the blocks; times are its own "
        "until an anchor covers them."
    )
    return [
        *heading("All evidence of the window", lead=lead),
        table(
            ["log", "entries", "count", "of", "covered (UTC)"],
            rows,
            [width * share for share in (0.34, 0.14, 0.09, 0.09, 0.34)],
            {1, 2, 3},
        ),
        space(1.5),
        paragraph("Entries by day", "sub"),
        entries_by_day(summary.by_day, request.opens, request.closes, width=width),
        space(1),
        KeepTogether(
            [paragraph("Entries by type", "sub"), table(["type", "entries"], kinds, [width * 0.34, width * 0.16], {1})]
        ),
    ]


def _ends(context: ReportContext, part: LogRange) -> str:
    entries = context.evidence.entries
    first, last = entries[part.entry_name(part.start)], entries[part.entry_name(part.end - 1)]
    begin = (
        f"after the block of {_minute(first.block.ts)}" if part.start and first.block else "from the log's beginning"
    )
    return f"{begin} until {_minute(last.block.ts if last.block else last.at)}"


def _verdicts(context: ReportContext) -> list[Flowable]:
    summary, width = context.evidence.summary, context.page.width
    if not summary.verdicts:
        return [
            *heading("What was found"),
            paragraph("No entry of the window evaluates a policy. A scan records them: pcg scan."),
        ]
    bad = sorted(
        (each for each in summary.verdicts if each.counts["violations"]),
        key=lambda each: (_severity_rank(each), -each.counts["violations"], each.policy),
    )
    by_severity = [
        [
            severity_word(severity),
            f"{summary.first_violations(severity):,}",
            f"{summary.violations(severity):,}",
            _signed(summary.violations(severity) - summary.first_violations(severity)),
        ]
        for severity in SEVERITIES
    ]
    rows = [
        [
            severity_word(each.severity),
            _subject(each),
            f"{each.counts['violations']:,}",
            _signed(each.counts["violations"] - each.first_violations),
            f"{each.counts['resources']:,}",
            each.evidence,
        ]
        for each in bad[:ROWS_MAX]
    ]
    more = [paragraph(f"{len(bad) - ROWS_MAX:,} more in report.json, under predicate.summary.verdicts", "quiet")]
    undecided = sum(1 for each in summary.verdicts if each.counts["unknown"] or each.state != "ran")
    lead = (
        f"{len(summary.verdicts):,} policies were evaluated, each by its last evaluation in the window; {len(bad):,} "
        f"are violated and {undecided:,} could not decide everything."
    )
    return [
        *heading("What was found", lead=lead),
        table(
            ["severity", "violations at first", "at the end", "change"],
            by_severity,
            [width * share for share in (0.16, 0.18, 0.16, 0.12)],
            {1, 2, 3},
        ),
        space(1.5),
        table(
            ["severity", "policy", "violations", "change", "resources", "evidence"],
            rows,
            [width * share for share in (0.1, 0.45, 0.12, 0.1, 0.11, 0.12)],
            {2, 3, 4, 5},
        ),
        *(more if len(bad) > ROWS_MAX else []),
    ]


def _controls(context: ReportContext) -> list[Flowable]:
    summary, width = context.evidence.summary, context.page.width
    if not summary.controls:
        whose = "" if context.request.framework is None else f" of {context.request.framework}"
        text = f"No entry of the window names a control{whose}. Policies that are mapped to controls fill this."
        return [*heading("Controls"), paragraph(text)]
    frameworks: dict[str, list[ControlState]] = {}
    for control in summary.controls:
        frameworks.setdefault(control.framework, []).append(control)
    rows = [
        [
            name,
            *(f"{sum(each.state == state for each in found):,}" for state in ("met", "violated", "unknown")),
            f"{len(found):,}",
        ]
        for name, found in frameworks.items()
    ]
    violated = [
        [name, ", ".join(each.control for each in found if each.state == "violated")]
        for name, found in frameworks.items()
        if any(each.state == "violated" for each in found)
    ]
    lead = "A control is met when every policy behind it ran, saw a resource, and found nothing wrong or undecided."
    if context.request.framework is not None:
        lead += f" Only {context.request.framework} is shown; the evidence in the pack is that of every framework."
    return [
        *heading("Controls", lead=lead),
        table(
            ["framework", "met", "violated", "unknown", "controls"],
            rows,
            [width * share for share in (0.34, 0.12, 0.12, 0.12, 0.12)],
            {1, 2, 3, 4},
        ),
        space(1.5),
        *(
            [table(["framework", "violated controls"], violated, [width * 0.22, width * 0.78], set())]
            if violated
            else []
        ),
    ]


def _gaps(context: ReportContext) -> list[Flowable]:
    evidence = context.evidence
    summary = evidence.summary
    runs = [start if start == end else f"{start} to {end}" for start, end in summary.silent_days]
    rest = f" and {len(runs) - SILENT_MAX} more" if len(runs) > SILENT_MAX else ""
    lines = [
        ("Days without an entry", f"{', '.join(runs[:SILENT_MAX])}{rest}" if runs else "none"),
        ("Expected types without an entry", ", ".join(summary.missing_types) or "none"),
        ("Parts of inputs that could not be read", f"{summary.collection_gaps:,} in {summary.collected_files:,} files"),
        ("Entries that state a time outside the window", f"{summary.outside:,}, proven with the rest, not counted"),
        ("Artifacts named but not in this pack", f"{len(evidence.left_out):,}: too large for it, or erased"),
    ]
    width = context.page.width
    return [
        *heading("What is missing", lead="A gap is shown as a gap; nothing here is filled in."),
        table(["what", "where"], [list(line) for line in lines], [width * 0.34, width * 0.66], set()),
    ]


def _proofs(context: ReportContext) -> list[Flowable]:
    evidence = context.evidence
    artifacts = sum(path.startswith(ARTIFACTS) for path in evidence.files)
    notes: list[Flowable] = []
    for part in evidence.manifest.logs:
        names = (CHECKPOINTS.sha256, CHECKPOINTS.sha3_256, START_CHECKPOINTS.sha256, START_CHECKPOINTS.sha3_256)
        for name in (name for name in names if part.path(name) in evidence.files):
            rows = evidence.files[part.path(name)].decode("utf-8").split("\n")
            notes.append(
                KeepTogether(
                    [paragraph(part.path(name), "name"), *(paragraph(row, "mono") for row in rows[:3]), space(0.5)]
                )
            )
    lead = (
        f"{len(evidence.highlighted)} entries have a proof file of their own in each tree; {artifacts:,} artifacts are "
        "included."
    )
    return [
        *_anchors(context),
        *heading("Checkpoints and proofs", lead=lead),
        *notes,
        paragraph("Entries with a proof of their own", "sub"),
        paragraph(", ".join(evidence.highlighted), "cell"),
    ]


def _anchors(context: ReportContext) -> list[Flowable]:
    """Third parties' word on when the log already stood."""
    if not context.request.anchors:
        text = "None covers this log yet, so times rest on the log alone. Anchoring targets fill this."
        return [*heading("Anchors"), paragraph(text)]
    rows = [_anchor(source) for source in context.request.anchors]
    width, head = context.page.width, ["target", "kind", "stated time (UTC)", "covers entries below", "of log"]
    lead = "Each shows that the log had these entries at the stated time at the latest. The reader checks them."
    widths = [width * share for share in (0.2, 0.16, 0.2, 0.16, 0.28)]
    return [KeepTogether([*heading("Anchors", lead=lead), table(head, rows, widths, {3})])]


def _anchor(source: AnchorSource) -> list[str]:
    receipt = source.anchored.receipt
    note = source.opening.opening.note if source.opening else source.anchored.note.decode("utf-8")
    covered = parse_checkpoint(parse_note(note).text)
    stated = "by the block's own time" if receipt.stated_at is None else _minute(format_instant(receipt.stated_at))
    return [receipt.target, receipt.kind.value, stated, f"{covered.size:,}", covered.origin]


def _how_to_check(context: ReportContext) -> list[Flowable]:
    steps = (
        "pcg verify PACK.zip --policy FILE",
        "python -m chain verify PACK.zip --policy FILE",
    )
    return [
        KeepTogether(
            [
                *heading(
                    "How to check",
                    lead="Offline, without an account. FILE holds the log's keys, got elsewhere than from this pack.",
                ),
                *(paragraph(step, "mono") for step in steps),
                space(0.5),
                paragraph(
                    "Status 0 is verified, 1 refuted, 2 not decided. By hand, with openssl and Go: see verify.txt.",
                    "quiet",
                ),
                space(0.5),
                paragraph("Manifest, SHA-256", "name"),
                paragraph(context.evidence.manifest_sha256, "mono"),
            ]
        )
    ]


def _decided(met: int, decided: int, controls: int) -> str:
    if not controls:
        return "no entry names controls"
    return f"{met:,} of {decided:,} decided, {controls - decided:,} not decided"


def _policies(verdicts: Sequence[Verdict]) -> str:
    bad = sum(1 for each in verdicts if each.counts["violations"])
    return f"of {bad:,} among {len(verdicts):,} policies" if verdicts else "no entry evaluates a policy"


def _subject(verdict: Verdict) -> str:
    return f"{verdict.policy} on {verdict.subject}" if verdict.subject else verdict.policy


def _severity_rank(verdict: Verdict) -> int:
    return SEVERITIES.index(verdict.severity) if verdict.severity in SEVERITIES else len(SEVERITIES)


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def _day(instant: datetime) -> str:
    text = format_instant(instant)
    return text.removesuffix("T00:00:00Z")


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _days(opens: datetime, closes: datetime) -> int:
    return max(1, (closes - opens).days)
