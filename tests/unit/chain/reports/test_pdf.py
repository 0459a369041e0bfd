"""The pages say what the evidence says, on both paper sizes, and say so where it says nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from reportlab.lib.colors import HexColor, white
from reportlab.pdfgen.canvas import Canvas

from chain.pack_summary import Verdict
from chain.reports.board import board_pages
from chain.reports.board_figures import BoardFigures, board_figures
from chain.reports.charts import _ink, _round_up, entries_by_day, severity_trend
from chain.reports.evidence import Evidence, collect_evidence
from chain.reports.page import PageSize, shown
from chain.reports.pdf import ReportContext, write_pdf
from domain.errors import InputError
from tests.unit.chain.packs import DAY, FIRST, small_request
from tests.unit.chain.reports.documents import bare_document, scan_document


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return collect_evidence(small_request())


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line that is drawn in head and foot."""
    lines: list[str] = []
    for method in ("drawString", "drawRightString"):
        monkeypatch.setattr(Canvas, method, _listening(getattr(Canvas, method), lines))
    return lines


def _listening(draw: Callable[..., None], lines: list[str]) -> Callable[..., None]:
    def drawn(canvas: Canvas, x: float, y: float, text: str, *rest: object, **more: object) -> None:
        lines.append(text)
        draw(canvas, x, y, text, *rest, **more)

    return drawn


def pages_of(pdf: bytes) -> int:
    return int(PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Count"])


def board(*documents: Mapping[str, object], evidence: Evidence) -> BoardFigures:
    return board_figures(documents or (scan_document(),), evidence.entries)


@pytest.mark.parametrize("page", list(PageSize))
def test_a_report_has_its_evidence_and_command_on_every_page(
    evidence: Evidence, said: list[str], page: PageSize
) -> None:
    figures = board(scan_document(), scan_document(FIRST + DAY, critical=4), evidence=evidence)
    pdf = write_pdf(ReportContext(small_request(), evidence, figures, page, is_stamped=True))
    width = float(PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Kids"][0]["/MediaBox"][2])
    assert round(width) == {PageSize.A4: 595, PageSize.LETTER: 612}[page]
    count = pages_of(pdf)
    proofs = [line for line in said if "pcg verify" in line and evidence.manifest_sha256[:16] in line]
    assert len(proofs) == count
    assert [line for line in said if line.endswith(f" / {count}")] == [f"{n} / {count}" for n in range(1, count + 1)]


def test_the_same_report_is_the_same_bytes(evidence: Evidence) -> None:
    context = ReportContext(small_request(), evidence, board(evidence=evidence), PageSize.A4, is_stamped=False)
    assert write_pdf(context) == write_pdf(context)


def test_fonts_are_embedded(evidence: Evidence) -> None:
    pdf = write_pdf(ReportContext(small_request(), evidence, None, PageSize.A4, is_stamped=False))
    assert b"/FontFile2" in pdf


def test_a_report_of_nothing_but_blocks_says_what_would_fill_it(evidence: Evidence) -> None:
    empty = replace(
        evidence,
        summary=replace(evidence.summary, verdicts=(), controls=(), silent_days=(), missing_types=(), by_day={}),
    )
    pdf = write_pdf(ReportContext(small_request(), empty, None, PageSize.A4, is_stamped=False))
    assert pages_of(pdf) >= 2


def test_a_report_of_many_policies_and_gaps_points_to_the_rest(evidence: Evidence) -> None:
    verdicts = tuple(
        Verdict(
            policy=f"p{number}",
            subject="db" if number % 2 else "",
            severity=("critical", "unrated")[number % 2],
            state="ran",
            counts={"resources": 2, "compliant": 0, "violations": 2, "exempt": 0, "unknown": 0},
            controls=(),
            at="2026-03-02T00:00:00Z",
            evidence="2026-5",
            first_violations=1,
            evaluations=2,
        )
        for number in range(80)
    )
    days = tuple((f"2026-03-{day:02d}", f"2026-03-{day + day % 2:02d}") for day in range(1, 31))
    more = replace(evidence.summary, verdicts=verdicts, silent_days=(*days, *days))
    controls = tuple(
        replace(evidence.summary.controls[0], control=f"{n}", state=state) for n, state in enumerate(("met", "unknown"))
    )
    pdf = write_pdf(
        ReportContext(
            small_request(),
            replace(evidence, summary=replace(more, controls=controls)),
            None,
            PageSize.A4,
            is_stamped=False,
        )
    )
    assert pages_of(pdf) >= 4


def test_board_figures_compare_with_the_scan_before_and_name_their_entries(evidence: Evidence) -> None:
    former, newest = scan_document(FIRST, critical=2), scan_document(FIRST + DAY, critical=5)
    figures = board(newest, former, evidence=evidence)
    severe = figures.figures["severe"]
    assert (severe.value, severe.change, severe.evidence) == (Decimal(5), Decimal(3), ("2026-6",))
    assert figures.figures["at_risk"].change == Decimal("300.00")
    assert figures.figures["controls"].value == Decimal("76.9")
    assert figures.figures["realised_savings"].unknown
    assert figures.likely == (0.25, 0.75)
    assert [(day.isoformat(), dict(counts)) for day, counts in figures.ahead] == [("2026-03-05", {"critical": 1})]
    assert figures.radii[0].name == "kv"
    assert figures.as_json()["notes"] == ["12 of 12 resources are synthetic"]


def test_policies_of_one_title_are_told_apart_by_their_cloud(evidence: Evidence) -> None:
    ids = ("pcg-aws-disk", "pcg-gcp-disk", "own-disk")
    cost = {
        **scan_document()["cost"],
        "by_policy": [{"policy_id": each, "amount": "9.00", "resources": 1, "is_waste": True} for each in ids],
    }
    policies = [{"id": each, "title": "Disks are attached"} for each in ids]
    figures = board(scan_document(cost=cost, policies=policies), evidence=evidence)
    assert [(line.name, line.note) for line in figures.savings] == [
        (f"Disks are attached ({each})", "1 resource") for each in ("aws", "gcp", "own-disk")
    ]


def test_what_to_fix_first_is_the_most_severe_with_what_it_costs(evidence: Evidence) -> None:
    first, last = board(scan_document(critical=2), evidence=evidence).steps
    assert (first.severity, first.count, first.where, first.cost) == (
        "critical",
        2,
        "disk-0 and 1 more",
        Decimal(20976),
    )
    assert (last.severity, last.where, last.cost) == ("low", "disk-9", None)


def test_the_document_has_an_outline_a_language_and_its_own_time(evidence: Evidence) -> None:
    plain = ReportContext(small_request(), evidence, None, PageSize.A4, is_stamped=False)
    reader = PdfFileReader(io.BytesIO(write_pdf(plain)))
    outline = reader.root["/Outlines"]["/First"]
    assert (outline["/Title"], reader.root["/Lang"]) == ("Evidence report", "en")
    information = reader.trailer["/Info"]
    assert information["/Author"] == "PolicyCortex"
    assert str(information["/CreationDate"]).startswith(f"D:{small_request().made_at:%Y%m%d}")


def test_without_a_scan_there_are_no_figures(evidence: Evidence) -> None:
    with pytest.raises(InputError, match="no scan"):
        board_figures([], evidence.entries)


def test_figures_that_nothing_supports_are_unknown_and_say_what_would_fill_them(evidence: Evidence) -> None:
    figures = board(bare_document(), evidence=evidence)
    for name in ("controls", "at_risk", "effective", "planned_savings"):
        assert figures.figures[name].value is None
        assert figures.figures[name].unknown
    pdf = write_pdf(ReportContext(small_request(), evidence, figures, PageSize.LETTER, is_stamped=False))
    assert pages_of(pdf) >= 4


def test_more_scopes_than_fit_are_counted(evidence: Evidence) -> None:
    figures = board(scan_document(critical=9), evidence=evidence)
    assert (len(figures.scopes), figures.scopes_left) == (8, 2)
    assert board_pages(figures, "acme", "window", 400)
    one_more = replace(figures, scopes_left=1)
    assert board_pages(one_more, "acme", "window", 400)


@pytest.mark.parametrize(
    ("critical", "words"), [(5, "3 more than on 2 Mar"), (1, "1 fewer than on 2 Mar"), (2, "as many as on 2 Mar")]
)
def test_the_headline_says_how_it_moved(evidence: Evidence, critical: int, words: str) -> None:
    from chain.reports.board import _headline  # noqa: PLC0415

    figures = board(scan_document(), scan_document(FIRST + DAY, critical=critical), evidence=evidence)
    assert words in _headline(figures)
    assert words not in _headline(board(evidence=evidence))


def test_what_the_font_cannot_draw_is_written_by_code_point() -> None:
    assert shown("Zürich 漢") == "Zürich U+6F22"


def test_ink_stands_out_from_its_ground() -> None:
    assert _ink(HexColor("#000000")) == white
    assert _ink(HexColor("#f0f0f0")) != white


def test_axes_end_at_round_numbers() -> None:
    assert [_round_up(number) for number in (0, 1, 3, 9, 34, 81, 250, 900)] == [1, 1, 4, 10, 40, 100, 400, 1000]


def test_a_day_without_entries_keeps_its_place() -> None:
    drawing = entries_by_day({"2026-03-03": 4}, FIRST, FIRST + timedelta(days=3), width=300)
    assert len(drawing.contents) > 8


def test_labels_of_lines_that_end_together_do_not_touch(evidence: Evidence) -> None:
    figures = board(bare_document(), evidence=evidence)
    drawing = severity_trend(figures, width=480)
    labels = [item for item in drawing.contents if getattr(item, "text", "").endswith(" 0")]
    heights = sorted(item.y for item in labels)
    assert len(heights) == 4
    assert all(upper - lower >= 8.9 for lower, upper in pairwise(heights))
