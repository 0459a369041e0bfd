"""The report as one self-contained HTML file: no script, no request to anywhere, and it prints."""

from serve.render.html.report import html_report

__all__ = ["html_report"]
