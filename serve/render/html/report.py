"""Fill the template. Everything from the document is escaped; the policy in the head allows this style and no more."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from serve.render import figures
from serve.render.html import marks
from serve.render.html.view import report_view

_FOLDER = Path(__file__).parent


def html_report(document: Mapping[str, Any], *, version: str) -> str:
    """The whole file. Equal documents give equal text."""
    view = report_view(document)
    style = _style(f"{view.proof_line}")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            document=document,
            view=view,
            version=version,
            style=Markup(style),  # noqa: S704 (our own file, and a line of it escaped)
            style_hash=style_hash(style),
        )
    )


def environment() -> Environment:
    """Where our templates are, with the figures and marks that they share."""
    found = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        count=figures.count,
        amount=figures.amount,
        monthly=figures.monthly,
        moment=figures.moment,
        day=figures.day,
        middle=figures.middle,
        percent=figures.percent,
        sentence=figures.sentence,
    )
    found.globals.update(counted=figures.counted, bar=marks.bar, stack=marks.stack, severity=marks.severity)
    return found


def _style(proof_line: str) -> str:
    """Our style sheet, with the line that stands at the foot of every printed page."""
    return (_FOLDER / "report.css").read_text(encoding="utf-8").replace('"PROOF_LINE"', _css_string(proof_line))


def _css_string(text: str) -> str:
    """A CSS string whose special characters are escapes, so that no text can end it or the style element.

    Source: CSS Syntax Module Level 3, section 4.3.7, https://www.w3.org/TR/css-syntax-3/.
    """
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c in " .:/_-,") else f"\\{ord(c):x} " for c in text) + '"'


def style_hash(style: str) -> str:
    """The digest by which the content security policy knows the style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
