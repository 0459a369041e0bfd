"""The analysis of impact for a tenant: the last scan, the graph and the tenant's own assumptions, put together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from chain.durable import replace_file
from domain.errors import InputError, IntegrityError, UnavailableError
from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from actors.folders import Folders
    from actors.impact_desk import Question
    from assessment.impact_analysis import Analysis
    from assessment.impact_assumptions import Assumptions
    from domain.finding import Severity

ASSUMPTIONS_NAME: Final = "impact.json"
SIZE_BYTES_MAX: Final = 4 * 1024 * 1024


class Asked(Protocol):
    """What an analysis asks of a platform."""

    def violations(
        self, tenant: TenantId, *, severity: Severity | None = None, only_new: bool = False, type: str | None = None
    ) -> tuple[Mapping[str, Json], ...]:
        """The last scan's violations, worst first."""

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Mapping[str, Json]:
        """What the graph answers."""


def analyze(
    platform: Asked, tenant: TenantId, asked: Analysis, assumed: Assumptions, *, as_of: datetime
) -> dict[str, Any]:
    """Analyse.

    Raises:
        NotFound: no scan yet, or no such resource or policy.
        InputError: a bound is passed.
    """
    from assessment.impact_analysis import analyse, chosen, exposure_of  # noqa: PLC0415 (numpy)

    found = chosen(platform.violations(tenant), asked)
    priced: dict[str, Any] = dict(platform.impact(tenant, exposure_of(asked, found, assumed), as_of=as_of))
    return analyse(asked, found, priced, assumed)


def assumptions_of(folders: Folders, tenant: TenantId, given: Mapping[str, Any] | None = None) -> Assumptions:
    """What a tenant assumes: the defaults, its own, and what one question brings.

    Raises:
        InputError: what is given makes no sense.
        IntegrityError: what is kept is damaged.
    """
    from assessment.impact_assumptions import default_assumptions  # noqa: PLC0415

    return default_assumptions().with_own(own_assumptions(folders, tenant)).with_own(given or {})


def own_assumptions(folders: Folders, tenant: TenantId) -> dict[str, Any]:
    """A tenant's own assumptions, as it gave them; none without any.

    Raises:
        IntegrityError: they are damaged.
    """
    place = folders.graph(tenant) / ASSUMPTIONS_NAME
    if not place.exists():
        return {}
    try:
        kept = json.loads(place.read_text("utf-8"))
    except (ValueError, OSError):
        kept = None
    if not isinstance(kept, dict):
        todo = "Give the assumptions again"
        raise IntegrityError("the kept assumptions are damaged", path=str(place), todo=todo)
    return kept


def keep_assumptions(folders: Folders, tenant: TenantId, given: Mapping[str, Any]) -> None:
    """Keep a tenant's own assumptions in place of the former ones.

    Raises:
        InputError: they make no sense; the former ones stay.
        UnavailableError: they cannot be written.
    """
    from assessment.impact_assumptions import default_assumptions  # noqa: PLC0415

    default_assumptions().with_own(given)
    data = json.dumps(given, indent=2).encode()
    if len(data) > SIZE_BYTES_MAX:
        raise InputError("the assumptions are too large", got=len(data), expected=f"at most {SIZE_BYTES_MAX} bytes")
    place = folders.graph(tenant) / ASSUMPTIONS_NAME
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(place, data, mode=0o600)
    except OSError as error:
        todo = "Free some space, or choose another folder with --store"
        raise UnavailableError("the assumptions cannot be written", reason=error.strerror, todo=todo) from None
