"""The report as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from serve.render.html import html_report
from tests.unit.serve.scan_documents import empty_document, full_document, prediction, violation


class Page(HTMLParser):
    """Elements, their attributes and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data


def page(document: dict[str, Any]) -> Page:
    return Page(html_report(document, version="0.1.0"))


@pytest.mark.parametrize("document", [full_document(), empty_document()])
def test_the_file_asks_nobody_for_anything(document: dict[str, Any]) -> None:
    html = html_report(document, version="0.1.0")
    assert not {name for name, _ in Page(html).elements} & {"script", "link", "img", "iframe", "object", "base"}
    assert not re.search(r"https?://|//[a-z]|url\(|@import|src=|href=", html)


def test_the_content_policy_allows_this_style_and_nothing_else() -> None:
    html = html_report(full_document(), version="0.1.0")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    policies = [a["content"] for _, a in Page(html).elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    ]
    assert not any("style" in attributes for _, attributes in Page(html).elements)


def test_what_a_cloud_says_is_text_and_never_markup() -> None:
    document = full_document()
    hostile = '"><img src=x onerror=alert(1)></style><script>alert(2)</script>'
    document["violations"] = [
        violation(1, title=hostile, resource_name=hostile, remediation=hostile, policy_id=hostile, severity="critical")
    ]
    document["predictions"] = [prediction(hostile, title=hostile, reasons=[hostile])]
    document["tenant"] = hostile
    document["evidence"]["path"] = hostile
    document["evidence"]["origin"] = hostile
    html = html_report(document, version="0.1.0")
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("</style>") == 1


def test_equal_documents_give_equal_reports() -> None:
    assert html_report(full_document(), version="1") == html_report(full_document(), version="1")


def test_the_first_sentence_is_the_answer() -> None:
    assert (
        "2 critical violations now and 8 less severe; 10 more will follow within seven days by date."
        in page(full_document()).words
    )


def test_a_scan_without_findings_says_what_it_rests_on() -> None:
    words = page(empty_document()).words
    assert "No violation was found in what could be read and decided." in words
    assert "no FOCUS billing export was among the files" in words
    assert "No evidence was recorded with this scan" in words


@pytest.mark.parametrize(
    "expected",
    [
        "Set allowBlobPublicAccess to false on the account.",
        "Synthetic estate",
        "12,387",
        "no resource id",
        "broken JSON",
        "export the line again",
        "Static web site",
        "pcg verify .pcg/evidence/demo",
        "a1" * 32,
        "5 checks on 4 resources could not be decided",
    ],
)
def test_every_part_that_its_reader_needs_is_there(expected: str) -> None:
    assert expected in page(full_document()).words


def test_printed_pages_carry_the_evidence_and_the_command_that_checks_it() -> None:
    html = html_report(full_document(), version="0.1.0")
    assert "@bottom-left" in html
    assert "size 4112. Check with: pcg verify .pcg/evidence/demo" in html


def test_severity_is_a_word_and_a_shape_beside_its_colour() -> None:
    words = page(full_document()).words
    assert "\N{BLACK DIAMOND} critical" in words


def test_long_lists_are_cut_and_say_where_the_rest_is() -> None:
    document = full_document()
    document["violations"] = [violation(number) for number in range(100)]
    assert "95 more resources: violations.csv" in page(document).words
