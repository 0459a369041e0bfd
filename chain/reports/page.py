"""The look of a report: page sizes, fonts, colours, and what stands on every page.

Fonts are embedded (Bitstream Vera, which reportlab brings along), so a report looks the same everywhere. Characters
that the font lacks are written by their code point, never as an empty box.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

SANS, BOLD, MONO = "Vera", "VeraBd", "Courier"
MARGIN: Final = 51.0
FOOT: Final = 52.0
HEAD: Final = 48.0
GRID: Final = 8.0
_ROOM: Final = 112.0


class PageSize(Enum):
    """Paper, with width and height in points."""

    A4 = A4
    LETTER = LETTER

    @property
    def width(self) -> float:
        """What is left between the margins."""
        return float(self.value[0]) - 2 * MARGIN


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by meaning; never the only sign of it."""

    text: Any
    quiet: Any
    line: Any
    panel: Any
    accent: Any
    future: Any
    critical: Any
    high: Any
    medium: Any
    low: Any
    ok: Any

    def of(self, severity: str) -> Any:
        named = {"critical": self.critical, "high": self.high, "medium": self.medium}
        return named.get(severity, self.low)


PALETTE: Final = Palette(
    text=HexColor("#171b26"),
    quiet=HexColor("#566074"),
    line=HexColor("#d9dde6"),
    panel=HexColor("#f6f7fa"),
    accent=HexColor("#4b4fc4"),
    future=HexColor("#eeeefa"),
    critical=HexColor("#b3261e"),
    high=HexColor("#c75b12"),
    medium=HexColor("#8a6d00"),
    low=HexColor("#4a5568"),
    ok=HexColor("#1b7f4b"),
)


@dataclass(frozen=True, slots=True)
class PageLine:
    """What stands on every page."""

    title: str
    proof: str


@cache
def load_fonts() -> None:
    """Register the fonts, once."""
    pdfmetrics.registerFont(TTFont(SANS, "Vera.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))


@cache
def style(name: str) -> ParagraphStyle:
    """Text styles by name."""
    load_fonts()
    plain = ParagraphStyle("body", fontName=SANS, fontSize=8.5, leading=12.5, textColor=PALETTE.text)
    named = {
        "body": plain,
        "title": ParagraphStyle("title", plain, fontName=BOLD, fontSize=20, leading=25),
        "kicker": ParagraphStyle("kicker", plain, fontName=BOLD, fontSize=8.5, textColor=PALETTE.accent, leading=14),
        "heading": ParagraphStyle("heading", plain, fontName=BOLD, fontSize=12, leading=16, spaceAfter=3),
        "sub": ParagraphStyle("sub", plain, fontName=BOLD, fontSize=9, leading=13, spaceBefore=2, spaceAfter=2),
        "lead": ParagraphStyle("lead", plain, fontSize=10.5, leading=15.5),
        "quiet": ParagraphStyle("quiet", plain, fontSize=7.5, leading=10.5, textColor=PALETTE.quiet),
        "cell": ParagraphStyle("cell", plain, fontSize=7.5, leading=10),
        "number": ParagraphStyle("number", plain, fontSize=7.5, leading=10, alignment=TA_RIGHT),
        "head": ParagraphStyle("head", plain, fontName=BOLD, fontSize=7, leading=9.5, textColor=PALETTE.quiet),
        "headnumber": ParagraphStyle(
            "headnumber", plain, fontName=BOLD, fontSize=7, leading=9.5, textColor=PALETTE.quiet, alignment=TA_RIGHT
        ),
        "value": ParagraphStyle("value", plain, fontName=BOLD, fontSize=17, leading=21),
        "unknown": ParagraphStyle("unknown", plain, fontName=BOLD, fontSize=13, leading=21, textColor=PALETTE.quiet),
        "name": ParagraphStyle("name", plain, fontName=BOLD, fontSize=7.5, leading=10.5),
        "note": ParagraphStyle("note", plain, fontSize=6.5, leading=9, textColor=PALETTE.quiet),
        "mono": ParagraphStyle("mono", plain, fontName=MONO, fontSize=7.2, leading=10),
    }
    return named[name]


def shown(text: str) -> str:
    """Text with every character that the font can draw, and the others by code point."""
    load_fonts()
    glyphs = pdfmetrics.getFont(SANS).face.charToGlyph
    return "".join(char if ord(char) in glyphs else f"U+{ord(char):04X}" for char in text)


def paragraph(text: str, name: str = "body") -> Paragraph:
    """Plain text as a paragraph; nothing in it is markup."""
    return Paragraph(escape(shown(text)), style(name))


def marked(text: str, name: str = "body") -> Paragraph:
    """A paragraph whose text was escaped part by part and holds reportlab's markup."""
    return Paragraph(text, style(name))


def severity_word(severity: str) -> Paragraph:
    """A severity as a word in its colour."""
    cell = style("cell")
    return Paragraph(
        escape(shown(severity)), ParagraphStyle(severity, cell, fontName=BOLD, textColor=PALETTE.of(severity))
    )


def space(units: float = 1) -> Spacer:
    """A gap in units of the grid."""
    return Spacer(1, units * GRID)


def heading(text: str, *, lead: str = "") -> list[Flowable]:
    """A section's heading below a thin line, with a sentence under it."""
    line = Table([[""]], colWidths="100%", rowHeights=[1])
    line.setStyle(TableStyle([("LINEABOVE", (0, 0), (-1, 0), 0.6, PALETTE.line)]))
    parts = [CondPageBreak(_ROOM), space(1.5), line, space(0.5), paragraph(text, "heading")]
    return [*parts, paragraph(lead, "quiet"), space(0.75)] if lead else [*parts, space(0.5)]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float], numbers: set[int]) -> Table:
    """A quiet table; columns in ``numbers`` are right-aligned."""
    cells = [[paragraph(text, "headnumber" if at in numbers else "head") for at, text in enumerate(head)]]
    cells += [[_cell(item, is_number=at in numbers) for at, item in enumerate(row)] for row in rows]
    made = Table(cells, colWidths=list(widths), repeatRows=1, hAlign="LEFT")
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
                ("LINEBELOW", (0, 0), (-1, -2), 0.4, PALETTE.line),
                ("LINEBELOW", (0, 0), (-1, 0), 0.6, PALETTE.quiet),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 8),
                ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return made


def _cell(item: Any, *, is_number: bool) -> Any:
    return item if isinstance(item, Flowable) else paragraph(str(item), "number" if is_number else "cell")


def key_figures(items: Sequence[tuple[str, str, str]], width: float) -> Table:
    """Cells with a large value, its name, and what stands behind it."""
    cells = [
        [
            paragraph(value, "unknown" if value == "unknown" else "value"),
            paragraph(name, "name"),
            paragraph(note, "note"),
        ]
        for value, name, note in items
    ]
    gap = GRID
    each = (width - gap * (len(items) - 1)) / len(items)
    row: list[Any] = []
    widths: list[float] = []
    for at, cell in enumerate(cells):
        if at:
            row.append("")
            widths.append(gap)
        row.append(cell)
        widths.append(each)
    made = Table([row], colWidths=widths)
    commands: list[Any] = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 9)]
    commands += [("RIGHTPADDING", (0, 0), (-1, -1), 6), ("TOPPADDING", (0, 0), (-1, -1), 7)]
    commands += [("BOTTOMPADDING", (0, 0), (-1, -1), 8)]
    for at in range(0, len(row), 2):
        commands += [
            ("BACKGROUND", (at, 0), (at, 0), PALETTE.panel),
            ("LINEABOVE", (at, 0), (at, 0), 1.4, PALETTE.accent),
        ]
    made.setStyle(TableStyle(commands))
    return made


def build(story: Sequence[Flowable], page: PageSize, line: PageLine, *, title: str, author: str) -> bytes:
    """Lay the story out; the same story gives the same bytes."""
    load_fonts()
    buffer = io.BytesIO()
    width, height = page.value
    document = BaseDocTemplate(buffer, pagesize=page.value, title=title, author=author, invariant=1, lang="en")
    frame = Frame(
        MARGIN, FOOT, width - 2 * MARGIN, height - FOOT - HEAD,
        leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
    )  # fmt: skip
    document.addPageTemplates([PageTemplate("page", [frame])])
    document.build(list(story), canvasmaker=lambda *given, **named: _Numbered(line, *given, **named))
    return buffer.getvalue()


class _Numbered(Canvas):  # type: ignore[misc]
    """Writes head and foot once the number of pages is known."""

    def __init__(self, line: PageLine, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._line = line
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 (reportlab's name)
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self._frame_page(number, len(self._pages))
            super().showPage()
        super().save()

    def _frame_page(self, number: int, count: int) -> None:
        width, height = self._pagesize
        self.setStrokeColor(PALETTE.line)
        self.setLineWidth(0.6)
        self.line(MARGIN, FOOT - 14, width - MARGIN, FOOT - 14)
        self.setFillColor(PALETTE.quiet)
        self.setFont(SANS, 6.5)
        self.drawString(MARGIN, FOOT - 25, shown(self._line.proof))
        self.drawRightString(width - MARGIN, FOOT - 25, f"{number} / {count}")
        if number > 1:
            self.drawString(MARGIN, height - HEAD + 16, shown(self._line.title))
