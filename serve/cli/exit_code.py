"""What a command's exit status means, and which error leads to which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    IntegrityError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)
from domain.finding import Severity


class ExitCode(IntEnum):
    """0 is done, gaps allowed. An interrupted command ends with 130, as shells expect."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    GAPS = 3
    INTERNAL = 4
    INTERRUPTED = 130


OF_ERROR: Mapping[type[PolicyCortexError], ExitCode] = {
    InputError: ExitCode.USAGE,
    AccessDenied: ExitCode.USAGE,
    NotFound: ExitCode.USAGE,
    ConflictError: ExitCode.USAGE,
    IncompleteError: ExitCode.GAPS,
    UnavailableError: ExitCode.INTERNAL,
    IntegrityError: ExitCode.INTERNAL,
    PolicyCortexError: ExitCode.INTERNAL,
}


def exit_code_of(error: PolicyCortexError) -> ExitCode:
    """The status for an error, by its nearest class in the table."""
    return next(OF_ERROR[kind] for kind in type(error).__mro__ if kind in OF_ERROR)


def exit_code_of_scan(
    violations: Mapping[Severity, int], gaps: int, *, fail_on: Severity | None, is_strict: bool
) -> ExitCode:
    """The status of a finished scan. Violations that were asked about weigh more than gaps.

    Args:
        violations: the counts that `--fail-on` looks at: all, or with `--new-only` the new ones.
    """
    if fail_on is not None and any(
        violations.get(severity, 0) for severity in Severity if severity.rank <= fail_on.rank
    ):
        return ExitCode.FOUND
    return ExitCode.GAPS if is_strict and gaps else ExitCode.DONE
