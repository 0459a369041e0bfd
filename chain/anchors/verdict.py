"""What a receipt was found to prove, and what its reader trusts beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography.x509 import Certificate

from chain.finding import Finding
from domain.anchoring import AnchorKind


class Standing(StrEnum):
    """How far a receipt carries."""

    PROVED = "proved"
    """Checked offline down to something that the reader trusts."""

    CONDITIONAL = "conditional"
    """Consistent in itself; it holds if the named thing that could not be checked holds."""

    STATED = "stated"
    """We say so; only the outside party can confirm it."""

    PENDING = "pending"
    """The outside party has not finished."""

    REFUTED = "refuted"
    """It does not hold."""


@dataclass(frozen=True, slots=True)
class AnchorTrust:
    """What the reader got from somewhere else than the receipts.

    Args:
        tsa_roots: certificates at which a time stamp authority's chain may end.
        tsa_certificates: further certificates that a chain may pass through; they need not be trusted.
        bitcoin_headers: block headers of 80 bytes by height that the reader knows to be in the chain.
    """

    tsa_roots: tuple[Certificate, ...] = ()
    tsa_certificates: tuple[Certificate, ...] = ()
    bitcoin_headers: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnchorVerdict:
    """What a receipt proves of a note.

    Args:
        not_after: the note existed at that time at the latest; None where the receipt bounds nothing.
        checked: what was checked, each a sentence.
        unchecked: what the reader has to believe or check elsewhere, each a sentence.
    """

    kind: AnchorKind
    target: str
    standing: Standing
    not_after: datetime | None = None
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
