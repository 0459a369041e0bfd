"""What one assessment looks at: nothing else reaches it, so equal inputs give equal results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assessment.kept import KeptVerdicts
from domain.finding import Control, PolicyId, Severity, Violation
from domain.inventory import FileReport
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from graph.snapshot import Snapshot
from graph.stores.contract import Changes
from policy.compile import Program
from policy.effective import Effective
from policy.evaluate import Lookups
from policy.exemption import Exemption

Pair = tuple[str, PolicyId]
"""A resource, as `resource_key` writes it, and a policy."""


class PolicyState(StrEnum):
    """What became of a policy in a scan. ``unknown``: no resource could be decided."""

    RAN = "ran"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    NEEDS_PARAMETERS = "needs_parameters"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class AssessedPolicy:
    """A policy and what readers need to know about it.

    Args:
        title: what must be true.
        finding: what is wrong where it is not, for the head of a violation.
        source: where it came from: ``builtin``, ``imported`` or a path.
        digest: SHA-256, hexadecimal, of the definition's canonical bytes; of an assigned policy also of its values and
            of where it is judged.
        program: None where it cannot run; then `state` and `reason` say why.
        assigned: the assignment that it is judged for; None where it is judged everywhere.
        applies: uint8 (n,), `Truth` codes: which resources of the snapshot it is judged on; None is all of them.
    """

    policy_id: PolicyId
    title: str
    finding: str
    source: str
    severity: Severity
    digest: str
    remediation: str = ""
    controls: tuple[Control, ...] = ()
    cost_tag: str | None = None
    program: Program | None = None
    state: PolicyState = PolicyState.RAN
    reason: str | None = None
    assigned: Effective | None = None
    applies: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FormerScan:
    """What scans before this one found: the time of the last of them, and since when each violation stands."""

    at: datetime
    first_found: Mapping[Pair, datetime]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of what is ranked is kept."""

    heuristics: int = 20
    blast_radii: int = 20


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class AssessmentInputs:
    """Everything that a scan is computed from.

    Args:
        items: the resources of `snapshot`, in its order, which is that of `resource_key`.
        policies: in any order; ids are distinct.
        billing: one frame of FOCUS columns per file.
        changes: what the store saw change before `as_of`; None where there is no history.
        former: earlier scans; None when this is the first one.
        scope, type: judge only resources at or below this scope, of this type; without case.
        repeated: observations that repeated an id, for the record.
        lookups: what evaluation worked out before; keep one beside a snapshot and a later scan of it is faster.
        kept: what policies said before, of an earlier snapshot of the same graph too; None where nobody keeps it.
    """

    tenant: TenantId
    as_of: datetime
    snapshot: Snapshot
    items: Sequence[ConfigurationItem]
    policies: Sequence[AssessedPolicy]
    exemptions: Sequence[Exemption] = ()
    billing: Sequence[pl.DataFrame] = ()
    changes: Changes | None = None
    former: FormerScan | None = None
    files: Sequence[FileReport] = ()
    repeated: int = 0
    scope: str | None = None
    type: str | None = None
    limits: Limits = field(default=DEFAULT_LIMITS)
    lookups: Lookups = field(default_factory=Lookups, repr=False)
    kept: KeptVerdicts | None = field(default=None, repr=False)


def former_scan(scans: Iterable[tuple[datetime, Collection[Violation]]], *, before: datetime) -> FormerScan | None:
    """Join earlier scans.

    A violation that one scan no longer had starts anew when it comes back. Scans at or after `before` do not count, so
    that repeating a scan gives the same result.

    Args:
        scans: time and violations of each, in any order.
    """
    earlier = sorted(((at, found) for at, found in scans if at < before), key=lambda scan: scan[0])
    first_found: dict[Pair, datetime] = {}
    for at, violations in earlier:
        pairs = {(resource_key(violation.resource_id), violation.policy_id) for violation in violations}
        first_found = {pair: first_found.get(pair, at) for pair in pairs}
    return FormerScan(earlier[-1][0], first_found) if earlier else None


def required_paths(policies: Iterable[AssessedPolicy], items: Iterable[ConfigurationItem]) -> dict[str, frozenset[str]]:
    """The paths that the policies read of each type, for building the snapshot of the items.

    These are the types among the items and those that an existence condition looks for beside them.
    """
    programs = [policy.program for policy in policies if policy.program is not None and policy.program.is_enabled]
    kinds = {item.type.lower(): item.provider for item in items}
    found = {kind: set[str]() for kind in kinds}
    for kind, provider in kinds.items():
        for program in programs:
            if program.applies_to(kind, provider):
                found[kind] |= program.paths
                if program.existence is not None:
                    found.setdefault(program.existence.type, set()).update(program.existence.paths)
    return {kind: frozenset(found[kind]) for kind in sorted(found)}


def gapped_files(files: Iterable[FileReport]) -> frozenset[str]:
    """The files that were not read whole."""
    return frozenset(report.path for report in files if report.gaps)
