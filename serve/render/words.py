"""Words that every view uses for the document's codes, so that all of them say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

POLICY_STATES: Final = (
    ("ran", "ran"),
    ("not_applicable", "not applicable"),
    ("unknown", "undecidable"),
    ("needs_parameters", "need parameters"),
    ("error", "cannot run"),
)

SOURCE_WORDS: Final = {
    "date": "decided by a date",
    "learned": "learned from the estate's own history",
    "anomaly": "unlike its peers",
    "pattern": "a recurring sequence",
    "heuristic": "ranked by habit, no probability claimed",
}

FAILURE_WORDS: Final = {
    "delete": "is deleted",
    "deny_access": "denies access",
    "network_block": "is cut off the network",
    "key_disable": "has its key disabled",
    "zone_loss": "is lost with its zone",
    "region_loss": "is lost with its region",
}


def controls_text(controls: Sequence[Mapping[str, Any]], *, limit: int | None = None) -> str:
    """``CIS-AWS 5.2, NIST-800-53 SC-7``."""
    return ", ".join(f"{control['framework']} {control['id']}" for control in controls[:limit])


def blast_reason(radius: Mapping[str, Any]) -> str:
    """The first reason, which is the strongest."""
    return str(radius["reasons"][0]) if radius["reasons"] else ""


def rule_words(period: Mapping[str, Any]) -> str:
    """Which month a provider's cost is of, and whether it is complete."""
    start = datetime.fromisoformat(period["start"])
    if period["rule"] == "trailing 30 days":
        return f"{period['days']} days from {start:%Y-%m-%d}"
    return f"{start:%B %Y}"
