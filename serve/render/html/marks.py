"""Small drawings: bars whose text stays HTML, so that they shrink, print and read aloud; and severity by shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

SHAPES: Mapping[str, str] = {
    "critical": "\N{BLACK DIAMOND}",
    "high": "\N{BLACK UP-POINTING TRIANGLE}",
    "medium": "\N{BLACK SQUARE}",
    "low": "\N{WHITE CIRCLE}",
}
BAR_MIN = 0.6


def bar(value: float, largest: float, kind: str) -> Markup:
    """A horizontal bar in proportion to the largest; what is not zero can be seen."""
    share = 0.0 if largest <= 0 else max(BAR_MIN, 100 * value / largest) if value > 0 else 0.0
    return Markup(
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="mark {}" width="{:.2f}" height="1"/></svg>'
    ).format(kind, share)


def stack(parts: Sequence[tuple[str, int]], largest: int) -> Markup:
    """A vertical bar of parts, the first on top, in proportion to the largest total."""
    total = sum(number for _, number in parts)
    if total == 0 or largest <= 0:
        return Markup('<svg class="stack" viewBox="0 0 1 100" preserveAspectRatio="none" aria-hidden="true"></svg>')
    height = max(4.0, 100 * total / largest)
    top = 100 - height
    pieces = []
    for kind, number in parts:
        if number:
            piece = height * number / total
            pieces.append(
                Markup('<rect class="mark {}" y="{:.2f}" width="1" height="{:.2f}"/>').format(kind, top, piece)
            )
            top += piece
    return Markup(
        '<svg class="stack" viewBox="0 0 1 100" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(Markup().join(pieces))


def severity(name: str | None) -> Markup:
    """A severity as shape, colour and word."""
    if name is None:
        return Markup("")
    return Markup('<span class="severity {0}"><span aria-hidden="true">{1}</span> {0}</span>').format(
        escape(name), SHAPES.get(name, "")
    )
