"""Logs as JSON lines on stderr, and the names of metrics, each declared once.

Values of local variables never reach a log: a trace shows files and lines only.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum

import structlog


class Metric(StrEnum):
    """Names of metrics; Ray puts ``ray_`` in front. Units stand last."""

    SCANS = "pcg_scans_total"
    SCAN_DURATION = "pcg_scan_duration_s"
    EVENTS = "pcg_evidence_events_total"


def configure_logging(level: str = "INFO") -> None:
    """Set the form of every log line of this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
